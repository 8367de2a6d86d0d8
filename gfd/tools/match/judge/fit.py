"""Compare a pod with nodes as kube-scheduler does, and find out why the pod does not fit a node.

:mod:`.suitability` compares what pods cannot change about a node, :mod:`.capacity` what they take from it,
and :mod:`.neighbours` what depends on the pods of all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING

from gfd.tools.match.judge.capacity import RequestJudge
from gfd.tools.match.judge.mismatches import NODE_NAME
from gfd.tools.match.judge.neighbours import Neighbours
from gfd.tools.match.judge.preemption import describe_preemption, find_victims
from gfd.tools.match.judge.suitability import SuitabilityJudge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node, Taint
    from gfd.tools.match.dra.model import DeviceClass
    from gfd.tools.match.judge.claims import ClaimJudge, ClaimVerdict
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.podspec.priorities import Preemptor
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


Rank = tuple[int, int, int, str]


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
    claims: ClaimVerdict | None = None
    """What the pod's claims get; None if it has none, or if other reasons speak against the node."""

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


def compare(spec: SchedulingSpec, state: ClusterState) -> list[Verdict]:
    """Return a verdict for each node: first the nodes that the pod fits, with the best at the start."""
    return PodJudge(spec).compare(state)


class PodJudge:
    """Compares one pod with the nodes of a cluster, also again after other pods were placed."""

    def __init__(self, spec: SchedulingSpec) -> None:
        self._spec = spec
        self._suitability, self._requests = SuitabilityJudge(spec), RequestJudge(spec)
        self._claims: ClaimJudge | None = None
        self._classes: Mapping[str, DeviceClass] = {}
        """The DeviceClasses of the cluster, which give some resources instead of a device plugin."""
        self._verdicts: dict[int, tuple[Rank, Verdict]] = {}
        """The verdicts that only the node itself decides, by its identity; each keeps its node alive."""

    def compare(self, state: ClusterState) -> list[Verdict]:
        """Return a verdict for each node: first the nodes that the pod fits, with the best at the start."""
        if self._spec.current_node:
            state = state.release(self._spec)
        if not self._spec.claims and not (self._spec.takes_devices and state.devices):
            return self._compare_all(state)
        # They load CEL, which few pods need.
        from gfd.tools.match.judge.claim_nodes import add_claims
        from gfd.tools.match.judge.claims import ClaimJudge

        if self._claims is None:
            self._claims = ClaimJudge(self._spec)
        self._classes = state.devices.objects.classes if state.devices else {}
        verdicts = self._compare_all(state)
        return sorted(add_claims(verdicts, self._claims, state.devices), key=rank)

    def _compare_all(self, state: ClusterState) -> list[Verdict]:
        """Return the verdicts without a look at claims."""
        spec = self._spec
        neighbours, preemptor = Neighbours(spec, state), state.find_preemptor(spec)
        if neighbours.needs_other_nodes:
            return sorted((self._compare(node, neighbours, preemptor) for node in state.nodes), key=rank)
        verdicts = self._verdicts
        found = []
        for node in state.nodes:
            ranked = verdicts.get(id(node))
            if ranked is None:
                verdict = self._compare(node, neighbours, preemptor)
                ranked = verdicts[id(node)] = (rank(verdict), verdict)
            found.append(ranked)
        return [verdict for _, verdict in sorted(found, key=itemgetter(0))]

    def _compare(self, node: Node, neighbours: Neighbours, preemptor: Preemptor) -> Verdict:
        """Return the verdict for one node."""
        suitability = self._suitability.judge(node)
        mismatches = (
            *suitability.mismatches,
            *self._requests.compare(node, self._classes),
            *neighbours.compare(node),
        )
        victims: tuple[BoundPod, ...] = ()
        if mismatches:
            victims = find_victims(
                node, mismatches, preemptor, neighbours, lambda each: self._fits(each, neighbours)
            )
            if not victims:
                return Verdict(node=node, mismatches=mismatches)
        spec = self._spec
        preempted = (describe_preemption(victims, preemptor, spec.priority.class_name),) if victims else ()
        return Verdict(
            node=node,
            mismatches=(),
            unjudged=(
                *spec.unjudged,
                *self._requests.find_unjudged(node, self._classes),
                *suitability.unjudged,
                *neighbours.find_unjudged(node),
                *preempted,
            ),
            score=suitability.score,
            avoided=suitability.avoided,
            preempts=victims,
        )

    def _fits(self, node: Node, neighbours: Neighbours) -> bool:
        """Return whether nothing speaks against a node on which pods were removed on trial."""
        return not (
            self._suitability.judge(node).mismatches
            or any(self._requests.compare(node, self._classes))
            or any(neighbours.compare(node))
        )


def rank(verdict: Verdict) -> Rank:
    """Return a key that sorts verdicts: nodes that fit, nodes that may fit, then the nearest misses."""
    if verdict.mismatches:
        weight = sum(_weigh(each, verdict) for each in verdict.mismatches)
        return (3, weight, len(verdict.mismatches), verdict.node.name)
    group = 2 if verdict.preempts else 1 if verdict.unjudged else 0
    return (group, -verdict.score, len(verdict.avoided), verdict.node.name)


def _weigh(mismatch: Mismatch, verdict: Verdict) -> int:
    """Return how far a mismatch is from fitting: what can change by itself is nearer than other hardware."""
    if mismatch.requirement:
        return 2 if mismatch.found else 4
    if mismatch.resource:
        return 1 if verdict.node.allocatable.get(mismatch.resource) else 4
    if verdict.claims and verdict.claims.reports:
        return 1 if all(each.suitable for each in verdict.claims.reports) else 3
    return 2 if mismatch.kind == NODE_NAME else 1
