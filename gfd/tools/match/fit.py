"""Compare a pod with nodes as kube-scheduler does, and say what keeps the pod off a node.

It compares nodeName, nodeSelector, nodeAffinity, taints, and requests of NVIDIA devices with the free ones. A
new comparison is a method of :class:`_Comparer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.requirements import OPERATORS
from gfd.tools.match.scheduling import score
from gfd.tools.match.tolerations import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, find_untolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.scheduling import SchedulingSpec

NODE_NAME, NODE_SELECTOR, NODE_AFFINITY, TAINT, RESOURCE = (
    "nodeName",
    "nodeSelector",
    "nodeAffinity",
    "taint",
    "resource",
)
"""Kinds of :class:`Mismatch`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing that keeps a pod off a node."""

    kind: str
    wanted: str
    """What the pod asks for."""
    found: str | None
    """What the node has instead; None for a label that it does not have."""
    requirement: Requirement | None = None
    taint: Taint | None = None
    resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a pod fits a node."""

    node: Node
    mismatches: tuple[Mismatch, ...]
    """Empty if the pod fits."""
    score: int = 0
    """If the pod fits: the sum of the weights of the preferred terms that the node meets."""
    avoided: tuple[Taint, ...] = ()
    """Taints with PreferNoSchedule that the pod does not tolerate; the scheduler prefers other nodes."""

    @property
    def fits(self) -> bool:
        """Return whether the pod can run on the node."""
        return not self.mismatches


def compare(spec: SchedulingSpec, nodes: Iterable[Node]) -> list[Verdict]:
    """Return a verdict for each node: first the nodes that the pod fits, the best first."""
    return sorted(map(_Comparer(spec).compare, nodes), key=_rank)


def _rank(verdict: Verdict) -> tuple[bool, int, int, str]:
    if not verdict.fits:
        return (True, 0, 0, verdict.node.name)
    return (False, -verdict.score, len(verdict.avoided), verdict.node.name)


class _Check:
    """A requirement, compared once with each value of its label: thousands of nodes have few values."""

    __slots__ = ("_kind", "_mismatches", "_requirement", "key")

    def __init__(self, kind: str, requirement: Requirement) -> None:
        self.key = requirement.key
        self._kind, self._requirement = kind, requirement
        self._mismatches: dict[str | None, Mismatch | None] = {}

    def compare(self, value: str | None) -> Mismatch | None:
        if value not in self._mismatches:
            self._mismatches[value] = self._compare(value)
        return self._mismatches[value]

    def _compare(self, value: str | None) -> Mismatch | None:
        requirement = self._requirement
        if OPERATORS[requirement.operator](value, requirement.values):
            return None
        return Mismatch(kind=self._kind, wanted=str(requirement), found=value, requirement=requirement)


class _Comparer:
    """Compares one pod with nodes."""

    def __init__(self, spec: SchedulingSpec) -> None:
        self._spec = spec
        self._selector = [_Check(NODE_SELECTOR, each) for each in spec.node_selector]
        self._terms = [
            tuple([_Check(NODE_AFFINITY, each) for each in part] for part in (term.expressions, term.fields))
            for term in spec.terms or ()
        ]
        # The scheduler does not see a pod that names its node, and the kubelet obeys this effect only.
        self._effects = (NO_EXECUTE,) if spec.node_name else (NO_SCHEDULE, NO_EXECUTE)

    def compare(self, node: Node) -> Verdict:
        spec, mismatches = self._spec, tuple(self._find_mismatches(node))
        if mismatches:
            return Verdict(node=node, mismatches=mismatches)
        return Verdict(
            node=node,
            mismatches=(),
            score=score(spec.preferences, node.labels, node.name),
            avoided=find_untolerated(node.taints, spec.tolerations, PREFER_NO_SCHEDULE),
        )

    def _find_mismatches(self, node: Node) -> Iterator[Mismatch]:
        yield from self._compare_name(node)
        yield from filter(None, (check.compare(node.labels.get(check.key)) for check in self._selector))
        yield from self._compare_affinity(node)
        yield from self._compare_taints(node)
        yield from self._compare_requests(node)

    def _compare_name(self, node: Node) -> Iterator[Mismatch]:
        wanted = self._spec.node_name
        if wanted and wanted != node.name:
            yield Mismatch(kind=NODE_NAME, wanted=f"nodeName={wanted}", found=node.name)

    def _compare_affinity(self, node: Node) -> Iterable[Mismatch]:
        """Return the mismatches of the term that has the fewest; none if the node meets a term."""
        if self._spec.terms is None:
            return ()
        by_term = []
        for expressions, fields in self._terms:
            if not expressions and not fields:
                continue  # a term without requirements matches no node
            found = [
                mismatch for each in expressions if (mismatch := each.compare(node.labels.get(each.key)))
            ]
            found += [mismatch for each in fields if (mismatch := each.compare(node.name))]
            if not found:
                return ()
            by_term.append(found)
        return min(by_term, key=len, default=[_EMPTY_TERMS])

    def _compare_taints(self, node: Node) -> Iterator[Mismatch]:
        for taint in find_untolerated(node.taints, self._spec.tolerations, *self._effects):
            yield Mismatch(kind=TAINT, wanted="no toleration of the taint", found=str(taint), taint=taint)

    def _compare_requests(self, node: Node) -> Iterator[Mismatch]:
        for resource, count in self._spec.requests.items():
            if count > count_free(self._spec, node, resource):
                found = describe_free(self._spec, node, resource)
                yield Mismatch(kind=RESOURCE, wanted=f"{count} {resource}", found=found, resource=resource)


_EMPTY_TERMS = Mismatch(kind=NODE_AFFINITY, wanted="a term without requirements matches no node", found=None)


def count_free(spec: SchedulingSpec, node: Node, resource: str) -> int:
    """Return how many devices a node has free for this pod, with those that the pod itself has there."""
    own = spec.requests.get(resource, 0) if spec.current_node == node.name else 0
    return max(0, min(node.free(resource) + own, node.allocatable.get(resource, 0)))


def describe_free(spec: SchedulingSpec, node: Node, resource: str) -> str:
    """Return how many devices a node has free, in words; without any, what it has instead."""
    offered = node.allocatable.get(resource, 0)
    if offered:
        return f"{count_free(spec, node, resource)} of {offered} free"
    others = [f"{count} {name}" for name, count in sorted(node.allocatable.items()) if count]
    return f"none, but {', '.join(others)}" if others else "none"
