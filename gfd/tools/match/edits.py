"""Changes to a pod that would take away what keeps it off a Node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.spec import Spec
    from gfd.tools.match.taints import Toleration


class Change(Protocol):
    """What is changed."""

    @property
    def old(self) -> str:
        """What stands in the file; empty for nothing."""

    @property
    def new(self) -> str:
        """What should stand there; empty for nothing."""

    def apply(self, spec: Spec) -> Spec:
        """Return the pod with this changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change, where it is made, and why."""

    change: Change
    line: int
    """0 where the file does not say where."""
    why: str = ""
    """Completes "since …"; empty where nothing is known."""
    cost: float
    """How far it leads from what was meant: 0 for nothing, 1 for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementChange:
    """Another requirement in place of one, or none."""

    before: Requirement
    after: Requirement | None

    @property
    def old(self) -> str:
        """What stands in the file."""
        return _write(self.before)

    @property
    def new(self) -> str:
        """What should stand there."""
        return _write(self.after) if self.after else ""

    def apply(self, spec: Spec) -> Spec:
        """Return the pod with the requirement replaced, wherever it stands."""
        terms = spec.terms and tuple(
            replace(term, expressions=self._swap(term.expressions), fields=self._swap(term.fields))
            for term in spec.terms
        )
        # A term without requirements matches nothing; without terms there is nothing to match.
        kept = terms and (tuple(term for term in terms if term.expressions or term.fields) or None)
        return replace(spec, node_selector=self._swap(spec.node_selector), terms=kept)

    def _swap(self, requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        swapped = (self.after if each == self.before else each for each in requirements)
        return tuple(each for each in swapped if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TolerationChange:
    """One more toleration."""

    toleration: Toleration

    @property
    def old(self) -> str:
        """Nothing."""
        return ""

    @property
    def new(self) -> str:
        """The toleration, as an item of tolerations."""
        return f"{{key: {self.toleration.key}, operator: Exists, effect: {self.toleration.effect}}}"

    def apply(self, spec: Spec) -> Spec:
        """Return the pod with it."""
        return replace(spec, tolerations=(*spec.tolerations, self.toleration))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """Other devices, or fewer of them."""

    resource: str
    count: int
    new_resource: str
    new_count: int

    @property
    def old(self) -> str:
        """What all containers request."""
        return f"{self.resource}: {self.count}"

    @property
    def new(self) -> str:
        """What they should request."""
        return f"{self.new_resource}: {self.new_count}"

    def apply(self, spec: Spec) -> Spec:
        """Return the pod with other requests."""
        kept = {name: count for name, count in spec.requests.items() if name != self.resource}
        total = kept.get(self.new_resource, 0) + self.new_count
        return replace(spec, requests={**kept, self.new_resource: total})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNameChange:
    """Another Node to be put on, past the scheduler."""

    name: str
    new_name: str

    @property
    def old(self) -> str:
        """The Node that stands in the file."""
        return f"nodeName: {self.name}"

    @property
    def new(self) -> str:
        """The Node that should stand there."""
        return f"nodeName: {self.new_name}"

    def apply(self, spec: Spec) -> Spec:
        """Return the pod on the other Node."""
        return replace(spec, node_name=self.new_name)


def _write(requirement: Requirement) -> str:
    """Return a requirement as YAML writes it."""
    if requirement.is_shorthand:
        return f"{requirement.key}: {requirement.values[0]}"
    values = f" [{', '.join(requirement.values)}]" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"
