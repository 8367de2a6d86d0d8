"""The steps of a fix: edits of the pod, and states or repairs of a node.

An :class:`Edit` says what to change in the file, and returns the pod after the change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gfd.clusterview.amounts import format_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.podspec.scheduling import SchedulingSpec, Toleration

SAME, FEWER, WAIT, TOLERATION, REPAIR, OTHER_LABEL, OTHER_HARDWARE = 0.05, 0.15, 0.35, 0.4, 0.5, 0.7, 1.0
"""What steps cost, the preferred first: the same device under another name, fewer devices, waiting for free
ones, a toleration, a repair of the node, another value of a label that is not about the hardware, and another
device. The sum of a fix says how much it changes what the pod asks for."""
REMOVAL = 1.7
"""The cost of removing a requirement on the hardware."""
LABEL, TOLERATIONS, REQUEST, NODE_NAME, NEIGHBOURS = (
    "label",
    "tolerations",
    "request",
    "nodeName",
    "neighbours",
)
"""What an :class:`Edit` edits."""


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
    consequence: str = ""
    """What the pod gets instead of what it asks for: "5 GB slice instead of 80 GB"; empty if the same."""
    subject: str
    """What it edits: :data:`LABEL`, :data:`TOLERATIONS`, :data:`REQUEST`, …"""
    resource: str = ""
    """The MIG resource that the pod must request with it; empty if the requests stay."""
    cost: float
    apply: Callable[[SchedulingSpec], SchedulingSpec] = field(compare=False)
    """Return the pod after the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A state of the node to wait for."""

    state: str
    """The state, to follow the node's name: "has 2 nvidia.com/gpu free"."""
    cost: float = WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Something that an operator of the cluster has to repair on the node."""

    problem: str
    """The problem, to precede the nodes' names: "the device plugin offers nothing on"."""
    remedy: str
    """What to do next."""
    cost: float = REPAIR


Step = Edit | Wait | Repair


def replace_requirement(
    before: Requirement, after: Requirement | None, cost: float, why: str = "", consequence: str = ""
) -> Edit:
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
    if after and before.is_shorthand and not after.is_shorthand:
        new += " (in nodeAffinity instead of nodeSelector)"
    return Edit(
        old=_to_yaml(before),
        new=new,
        line=before.line,
        why=why,
        consequence=consequence,
        subject=LABEL,
        cost=cost,
        apply=apply,
    )


def add_toleration(toleration: Toleration, cost: float) -> Edit:
    """Return the edit that adds a toleration."""
    value = f", value: {toleration.value}" if toleration.value else ""
    new = f"{{key: {toleration.key}, operator: {toleration.operator}{value}, effect: {toleration.effect}}}"

    def apply(spec: SchedulingSpec) -> SchedulingSpec:
        return replace(spec, tolerations=(*spec.tolerations, toleration))

    return Edit(old="", new=new, line=0, subject=TOLERATIONS, cost=cost, apply=apply)


def replace_request(
    spec: SchedulingSpec, resource: str, new: tuple[str, int], cost: float, why: str = ""
) -> Edit:
    """Return the edit that requests ``new``, a resource and its amount, instead of ``resource``."""
    new_resource, count = new

    def apply(spec: SchedulingSpec) -> SchedulingSpec:
        kept = {name: number for name, number in spec.requests.items() if name != resource}
        return replace(spec, requests={**kept, new_resource: kept.get(new_resource, 0) + count})

    return Edit(
        old=_format_entry(resource, spec.requests[resource]),
        new=_format_entry(new_resource, count),
        line=spec.lines.get(resource, 0),
        why=why,
        subject=REQUEST,
        cost=cost,
        apply=apply,
    )


def replace_node_name(spec: SchedulingSpec, name: str, cost: float) -> Edit:
    """Return the edit that names another node in ``nodeName``."""
    return Edit(
        old=f"nodeName: {spec.node_name}",
        new=f"nodeName: {name}",
        line=spec.lines.get("nodeName", 0),
        subject=NODE_NAME,
        cost=cost,
        apply=lambda spec: replace(spec, node_name=name),
    )


def _format_entry(resource: str, count: int) -> str:
    return f"{resource}: {format_request(resource, count).partition(' ')[0]}"


def _to_yaml(requirement: Requirement) -> str:
    if requirement.is_shorthand:
        return f"{requirement.key}: {requirement.values[0]}"
    values = f" [{', '.join(requirement.values)}]" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"
