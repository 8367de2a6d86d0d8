"""Compare a pod with nodes as kube-scheduler does, and find out why the pod does not fit a node.

Compare nodeName, nodeSelector, nodeAffinity, taints, and requested with free resources. To add a comparison,
add a function to :data:`_COMPARISONS`; if the data for it can be missing, add one to :data:`_GAPS`.
:class:`gfd.tools.match.neighbours.Neighbours` compares what depends on the pods of all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gfd.clusterview.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS
from gfd.labels.syntax import VENDOR
from gfd.tools.match.amounts import format_available, format_request
from gfd.tools.match.mismatches import (
    NODE_AFFINITY,
    NODE_NAME,
    NODE_SELECTOR,
    OS,
    RESOURCE,
    TAINT,
    Mismatch,
)
from gfd.tools.match.neighbours import Neighbours
from gfd.tools.match.preemption import describe_preemption, find_victims
from gfd.tools.match.scheduling import NAME_FIELD, score
from gfd.tools.match.simulated_labels import find_unknown_labels, is_unknown
from gfd.tools.match.tolerations import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, find_untolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.labels.syntax import Labels
    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.priorities import Preemptor
    from gfd.tools.match.scheduling import SchedulingSpec


class Answer(StrEnum):
    """Whether a pod fits."""

    FITS = "fits"
    MAY_FIT = "may fit"
    """Nothing speaks against it, but something cannot be judged."""
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a pod fits a node."""

    node: Node
    mismatches: tuple[Mismatch, ...]
    """The reasons why the pod does not fit; empty if nothing speaks against it."""
    unjudged: tuple[str, ...] = ()
    """What cannot be judged, each a text that names the field and says why; empty if there are mismatches."""
    score: int = 0
    """If nothing speaks against it: the sum of the weights of the preferred terms that the node meets."""
    avoided: tuple[Taint, ...] = ()
    """Taints with PreferNoSchedule that the pod does not tolerate; the scheduler prefers other nodes."""
    preempts: tuple[BoundPod, ...] = ()
    """Pods of lower priority that would have to be evicted first; without them, nothing speaks against it."""

    @property
    def answer(self) -> Answer:
        """Return whether the pod can run on the node."""
        if self.mismatches:
            return Answer.NO
        return Answer.MAY_FIT if self.unjudged else Answer.FITS

    @property
    def fits(self) -> bool:
        """Return whether the pod surely can run on the node."""
        return self.answer is Answer.FITS

    @property
    def is_possible(self) -> bool:
        """Return whether the pod fits or may fit."""
        return not self.mismatches


def find_answer(verdicts: Iterable[Verdict]) -> Answer:
    """Return the answer for a pod: the best of the answers for its nodes."""
    answers = {verdict.answer for verdict in verdicts}
    return next((each for each in Answer if each in answers), Answer.NO)


def compare(spec: SchedulingSpec, state: ClusterState) -> list[Verdict]:
    """Return a verdict for each node: first the nodes that the pod fits, with the best at the start."""
    if spec.current_node:
        state = state.release(spec)
    neighbours, preemptor = Neighbours(spec, state), state.find_preemptor(spec)
    return sorted((_compare(spec, node, neighbours, preemptor) for node in state.nodes), key=rank)


def rank(verdict: Verdict) -> tuple[int, int, int, str]:
    """Return a key that sorts verdicts: nodes that fit, nodes that may fit, then the nearest misses."""
    if verdict.mismatches:
        weight = sum(_weigh(each, verdict.node) for each in verdict.mismatches)
        return (3, weight, len(verdict.mismatches), verdict.node.name)
    group = 2 if verdict.preempts else 1 if verdict.unjudged else 0
    return (group, -verdict.score, len(verdict.avoided), verdict.node.name)


def _weigh(mismatch: Mismatch, node: Node) -> int:
    """Return how far a mismatch is from fitting: what can change by itself is nearer than other hardware."""
    if mismatch.requirement:
        return 2 if mismatch.found else 4
    if mismatch.resource:
        return 1 if node.allocatable.get(mismatch.resource) else 4
    return 2 if mismatch.kind == NODE_NAME else 1


def _compare(spec: SchedulingSpec, node: Node, neighbours: Neighbours, preemptor: Preemptor) -> Verdict:
    """Return the verdict for one node."""
    mismatches = tuple(_find_mismatches(spec, node, neighbours))
    victims: tuple[BoundPod, ...] = ()
    if mismatches:
        victims = find_victims(
            node,
            mismatches,
            preemptor,
            neighbours,
            lambda each: not any(_find_mismatches(spec, each, neighbours)),
        )
        if not victims:
            return Verdict(node=node, mismatches=mismatches)
    gaps = (text for find in _GAPS for text in find(spec, node))
    preempted = (describe_preemption(victims, preemptor, spec.priority.class_name),) if victims else ()
    return Verdict(
        node=node,
        mismatches=(),
        unjudged=(*spec.unjudged, *gaps, *neighbours.find_gaps(node), *preempted),
        score=score(spec.preferences, node.labels, node.name),
        avoided=find_untolerated(node.taints, spec.tolerations, PREFER_NO_SCHEDULE),
        preempts=victims,
    )


def _find_mismatches(spec: SchedulingSpec, node: Node, neighbours: Neighbours) -> Iterator[Mismatch]:
    for compare in _COMPARISONS:
        yield from compare(spec, node)
    yield from neighbours.compare(node)


def _compare_name(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    if spec.node_name and spec.node_name != node.name:
        yield Mismatch(kind=NODE_NAME, wanted=f"nodeName={spec.node_name}", found=node.name)


def _compare_selector(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    return _compare_requirements(NODE_SELECTOR, spec.node_selector, node)


def _compare_affinity(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    """Return the mismatches of the term with the fewest mismatches; none if the node meets a term."""
    if spec.terms is None:
        return ()
    by_term = [
        [
            *_compare_requirements(NODE_AFFINITY, term.expressions, node),
            *_compare_requirements(NODE_AFFINITY, term.fields, node, {NAME_FIELD: node.name}),
        ]
        for term in spec.terms
        if term.expressions or term.fields  # a term without requirements matches no node
    ]
    return min(by_term, key=len, default=[_EMPTY_TERMS])


def _compare_requirements(
    kind: str, requirements: Iterable[Requirement], node: Node, fields: Labels | None = None
) -> Iterator[Mismatch]:
    labels = node.labels if fields is None else fields
    for each in requirements:
        if not each.matches(labels) and not is_unknown(each, node):
            yield Mismatch(kind=kind, wanted=str(each), found=labels.get(each.key), requirement=each)


def _compare_taints(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    # The scheduler does not see a pod that names its node, and the kubelet obeys NoExecute only.
    effects = (NO_EXECUTE,) if spec.node_name else (NO_SCHEDULE, NO_EXECUTE)
    for taint in find_untolerated(node.taints, spec.tolerations, *effects):
        yield Mismatch(kind=TAINT, wanted="no toleration of the taint", found=str(taint), taint=taint)


def _compare_os(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    found = node.labels.get(_OS_LABEL)
    if spec.os and found and found != spec.os:
        yield Mismatch(kind=OS, wanted=f"os.name={spec.os}", found=found)


def _compare_requests(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    requested, offered = node.requested, node.allocatable
    for resource, count in spec.demand.items():
        free = offered.get(resource, 0) - requested.get(resource, 0)
        if 0 < count > free and not is_unknown_resource(node, resource):
            yield Mismatch(
                kind=RESOURCE,
                wanted="room for another pod" if resource == PODS else format_request(resource, count),
                found=describe_free(node, resource),
                resource=resource,
            )


def _find_unknown_amounts(spec: SchedulingSpec, node: Node) -> Iterator[str]:
    for resource, count in spec.requests.items():
        if count and is_unknown_resource(node, resource):
            yield f"{resource}: {_WHY_UNKNOWN.get(resource, _UNNAMED)}"
    if is_unknown_resource(node, PODS) and len(node.pods) >= USUAL_PODS:
        yield f"{PODS}: {_UNNAMED}, and {len(node.pods)} pods are there already"


def _find_unknown_pods(spec: SchedulingSpec, node: Node) -> Iterator[str]:
    if not node.is_counted and any(spec.requests.values()):
        yield UNKNOWN_PODS


_COMPARISONS = (
    _compare_name,
    _compare_selector,
    _compare_affinity,
    _compare_taints,
    _compare_os,
    _compare_requests,
)
_GAPS = (_find_unknown_amounts, _find_unknown_pods, find_unknown_labels)
"""Functions that return what cannot be judged about a pod on a node against which nothing speaks."""
UNKNOWN_PODS = (
    "requests: the pods on the node are unknown; pass --pods with the output of kubectl get pods -A -o json"
)
_EMPTY_TERMS = Mismatch(kind=NODE_AFFINITY, wanted="a term without requirements matches no node", found=None)
_OS_LABEL = "kubernetes.io/os"
_ALWAYS_THERE = frozenset((CPU, MEMORY, EPHEMERAL_STORAGE, PODS))
"""Every kubelet reports these resources; a node that lacks one was simulated or written by hand."""
_OF_HAMI = frozenset(f"{VENDOR}{name}" for name in ("gpumem", "gpumem-percentage", "gpucores", "priority"))
"""Resources that HAMi's scheduler gives out by annotations of nodes."""
_UNNAMED = "the node's allocatable does not name it"
_WHY_UNKNOWN = dict.fromkeys(_OF_HAMI, f"HAMi's scheduler counts it, and {_UNNAMED}")
_UNKNOWN = _ALWAYS_THERE | _OF_HAMI
USUAL_PODS = 110
"""The number of pods on a node to which the kubelet's default configuration limits it."""


def is_unknown_resource(node: Node, resource: str) -> bool:
    """Return whether a node may have a resource that its allocatable does not name."""
    return resource in _UNKNOWN and resource not in node.allocatable


def count_free(node: Node, resource: str) -> int:
    """Return how much of a resource of a node is free."""
    return max(0, node.free(resource))


def describe_free(node: Node, resource: str) -> str:
    """Return the free amount of a resource in words, or if the node has no such device, its other devices."""
    offered = node.allocatable.get(resource, 0)
    if offered:
        return f"{format_available(resource, count_free(node, resource), offered)} free"
    others = [
        f"{count} {name}"
        for name, count in sorted(node.allocatable.items())
        if count and name.startswith(VENDOR) and resource.startswith(VENDOR)
    ]
    return f"none, but {', '.join(others)}" if others else "none"
