"""Edits of a pod: what to change in the file, and the pod after the change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.scheduling import SchedulingSpec, Toleration


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of one line."""

    old: str
    """The text in the file; empty to add something."""
    new: str
    """The text to write; empty to remove something."""
    line: int
    """The line in the file; 0 if unknown."""
    why: str = ""
    """The reason, to follow "because"; empty if unknown."""
    cost: float
    """How much the edit changes the meaning: 0 for not at all, 1 for something else."""
    apply: Callable[[SchedulingSpec], SchedulingSpec] = field(compare=False)
    """Return the pod after the change."""


def replace_requirement(before: Requirement, after: Requirement | None, cost: float, why: str = "") -> Edit:
    """Return the edit that replaces or removes a requirement in all places of the pod."""

    def swap(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        swapped = (after if each == before else each for each in requirements)
        return tuple(each for each in swapped if each is not None)

    def apply(spec: SchedulingSpec) -> SchedulingSpec:
        terms = spec.terms and tuple(
            replace(term, expressions=swap(term.expressions), fields=swap(term.fields)) for term in spec.terms
        )
        # A term without requirements matches no node; without terms, all nodes match.
        kept = terms and (tuple(term for term in terms if term.expressions or term.fields) or None)
        return replace(spec, node_selector=swap(spec.node_selector), terms=kept)

    new = _to_yaml(after) if after else ""
    return Edit(old=_to_yaml(before), new=new, line=before.line, why=why, cost=cost, apply=apply)


def add_toleration(toleration: Toleration, cost: float) -> Edit:
    """Return the edit that adds a toleration."""
    new = f"{{key: {toleration.key}, operator: Exists, effect: {toleration.effect}}}"

    def apply(spec: SchedulingSpec) -> SchedulingSpec:
        return replace(spec, tolerations=(*spec.tolerations, toleration))

    return Edit(old="", new=new, line=0, cost=cost, apply=apply)


def replace_request(spec: SchedulingSpec, resource: str, new_resource: str, count: int, cost: float) -> Edit:
    """Return the edit that requests ``count`` devices of another name, or fewer devices."""

    def apply(spec: SchedulingSpec) -> SchedulingSpec:
        kept = {name: number for name, number in spec.requests.items() if name != resource}
        return replace(spec, requests={**kept, new_resource: kept.get(new_resource, 0) + count})

    was_mig, is_mig = (name.startswith(f"{VENDOR}mig-") for name in (resource, new_resource))
    why = ""
    if was_mig != is_mig:
        own = "MIG devices have resources of their own under the strategy mixed"
        why = own if is_mig else "MIG devices have no resources of their own there"
    return Edit(
        old=f"{resource}: {spec.requests[resource]}",
        new=f"{new_resource}: {count}",
        line=spec.lines.get(resource, 0),
        why=why,
        cost=cost,
        apply=apply,
    )


def replace_node_name(spec: SchedulingSpec, name: str, cost: float) -> Edit:
    """Return the edit that names another node in ``nodeName``."""
    return Edit(
        old=f"nodeName: {spec.node_name}",
        new=f"nodeName: {name}",
        line=spec.lines.get("nodeName", 0),
        cost=cost,
        apply=lambda spec: replace(spec, node_name=name),
    )


def _to_yaml(requirement: Requirement) -> str:
    if requirement.is_shorthand:
        return f"{requirement.key}: {requirement.values[0]}"
    values = f" [{', '.join(requirement.values)}]" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"
