"""Compare a pod with nodes as kube-scheduler does, and find out why the pod does not fit a node.

Compare nodeName, nodeSelector, nodeAffinity, taints, and the number of requested and free NVIDIA devices. To
add a comparison, add a function to :data:`_COMPARISONS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.tools.match.mismatches import (
    NODE_AFFINITY,
    NODE_NAME,
    NODE_SELECTOR,
    RESOURCE,
    TAINT,
    Mismatch,
)
from gfd.tools.match.scheduling import NAME_FIELD, score
from gfd.tools.match.tolerations import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, find_untolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.labels.syntax import Labels
    from gfd.tools.match.scheduling import SchedulingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a pod fits a node."""

    node: Node
    mismatches: tuple[Mismatch, ...]
    """The reasons why the pod does not fit; empty if it fits."""
    score: int = 0
    """If the pod fits: the sum of the weights of the preferred terms that the node meets."""
    avoided: tuple[Taint, ...] = ()
    """Taints with PreferNoSchedule that the pod does not tolerate; the scheduler prefers other nodes."""

    @property
    def fits(self) -> bool:
        """Return whether the pod can run on the node."""
        return not self.mismatches


def compare(spec: SchedulingSpec, nodes: Iterable[Node]) -> list[Verdict]:
    """Return a verdict for each node: first the nodes that the pod fits, with the best at the start."""
    return sorted((_compare(spec, node) for node in nodes), key=_rank)


def _rank(verdict: Verdict) -> tuple[bool, int, int, str]:
    if not verdict.fits:
        return (True, 0, 0, verdict.node.name)
    return (False, -verdict.score, len(verdict.avoided), verdict.node.name)


def _compare(spec: SchedulingSpec, node: Node) -> Verdict:
    if mismatches := tuple(mismatch for compare in _COMPARISONS for mismatch in compare(spec, node)):
        return Verdict(node=node, mismatches=mismatches)
    return Verdict(
        node=node,
        mismatches=(),
        score=score(spec.preferences, node.labels, node.name),
        avoided=find_untolerated(node.taints, spec.tolerations, PREFER_NO_SCHEDULE),
    )


def _compare_name(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    if spec.node_name and spec.node_name != node.name:
        yield Mismatch(kind=NODE_NAME, wanted=f"nodeName={spec.node_name}", found=node.name)


def _compare_selector(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    return _compare_requirements(NODE_SELECTOR, spec.node_selector, node.labels)


def _compare_affinity(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    """Return the mismatches of the term with the fewest mismatches; none if the node meets a term."""
    if spec.terms is None:
        return ()
    by_term = [
        [
            *_compare_requirements(NODE_AFFINITY, term.expressions, node.labels),
            *_compare_requirements(NODE_AFFINITY, term.fields, {NAME_FIELD: node.name}),
        ]
        for term in spec.terms
        if term.expressions or term.fields  # a term without requirements matches no node
    ]
    return min(by_term, key=len, default=[_EMPTY_TERMS])


def _compare_requirements(
    kind: str, requirements: Iterable[Requirement], labels: Labels
) -> Iterator[Mismatch]:
    for each in requirements:
        if not each.matches(labels):
            yield Mismatch(kind=kind, wanted=str(each), found=labels.get(each.key), requirement=each)


def _compare_taints(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    # The scheduler does not see a pod that names its node, and the kubelet obeys NoExecute only.
    effects = (NO_EXECUTE,) if spec.node_name else (NO_SCHEDULE, NO_EXECUTE)
    for taint in find_untolerated(node.taints, spec.tolerations, *effects):
        yield Mismatch(kind=TAINT, wanted="no toleration of the taint", found=str(taint), taint=taint)


def _compare_requests(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    for resource, count in spec.requests.items():
        if count > count_free(spec, node, resource):
            found = describe_free(spec, node, resource)
            yield Mismatch(kind=RESOURCE, wanted=f"{count} {resource}", found=found, resource=resource)


_COMPARISONS = (_compare_name, _compare_selector, _compare_affinity, _compare_taints, _compare_requests)
_EMPTY_TERMS = Mismatch(kind=NODE_AFFINITY, wanted="a term without requirements matches no node", found=None)


def count_free(spec: SchedulingSpec, node: Node, resource: str) -> int:
    """Return how many devices of a node are free for this pod, including those that it already uses."""
    own = spec.requests.get(resource, 0) if spec.current_node == node.name else 0
    return max(0, min(node.free(resource) + own, node.allocatable.get(resource, 0)))


def describe_free(spec: SchedulingSpec, node: Node, resource: str) -> str:
    """Return the number of free devices of a node in words, or if it has none, the other devices it has."""
    offered = node.allocatable.get(resource, 0)
    if offered:
        return f"{count_free(spec, node, resource)} of {offered} free"
    others = [f"{count} {name}" for name, count in sorted(node.allocatable.items()) if count]
    return f"none, but {', '.join(others)}" if others else "none"
