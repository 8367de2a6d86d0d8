"""How many copies of a pod, and pods of a gang, fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.tools.match.judge.fit import Answer, Verdict, rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.manifests.pods import Pod


def _judge(at_least: int, at_most: int, *, wanted: int, minimum: int) -> Answer:
    if at_least >= wanted:
        return Answer.FITS
    return Answer.MAY_FIT if at_most >= minimum else Answer.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class GangPlacement:
    """How many pods of a gang fit; they start together, or none starts."""

    name: str
    wanted: int
    minimum: int
    """How many of the pods are enough to start."""
    at_least: int
    at_most: int

    @property
    def answer(self) -> Answer:
        """Return whether all pods fit: MAY_FIT also if enough to start fit, but not all."""
        return _judge(self.at_least, self.at_most, wanted=self.wanted, minimum=self.minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlacement:
    """How many copies of a pod fit, after the pods of the run that come before it."""

    verdicts: Sequence[Verdict]
    """A verdict for each node, for the first copy: fitting nodes, nodes that may fit, then misses."""
    wanted: int
    """The number of copies; for a DaemonSet, the number of nodes that are to run it."""
    at_least: int
    """How many copies surely get a node, whatever nodes the pods before them get."""
    at_most: int
    """How many copies can get a node."""
    rooms: Mapping[str, int]
    """How many copies each possible node has room for after the pods before, by the node's name."""
    left: Sequence[Verdict] = ()
    """If some copies but not all fit: a verdict for each node, for the first copy that finds no node.

    For a DaemonSet, the verdicts of the nodes that should run it and do not fit.
    """
    states: tuple[ClusterState, ClusterState] | None = None
    """If some copies but not all fit: the cluster before the copies were placed, and that of :attr:`left`."""
    rivals: tuple[Pod, ...] = ()
    """The pods of the run that come before this one and can take what it needs."""
    uncertain: tuple[str, ...] = ()
    """What decides how many copies fit, if that is not certain: each a text that names it and says why."""
    gang: GangPlacement | None = None

    @property
    def is_displaced(self) -> bool:
        """Return whether the pod fits no node only because of the pods before it."""
        return bool(self.rivals) and not self.at_most

    @property
    def answer(self) -> Answer:
        """Return whether all copies fit; those of a gang only fit if the whole gang does."""
        if not self.verdicts:
            return Answer.NO
        if self.gang:
            return self.gang.answer
        return _judge(self.at_least, self.at_most, wanted=self.wanted, minimum=self.wanted)


def place_nowhere(verdicts: Sequence[Verdict], wanted: int, rivals: Sequence[Pod]) -> PodPlacement:
    """Return the placement of a pod whose devices the pods before it have taken."""
    return PodPlacement(
        verdicts=verdicts, wanted=wanted, at_least=0, at_most=0, rooms={}, rivals=tuple(rivals)
    )


def place_running(verdicts: Sequence[Verdict]) -> PodPlacement:
    """Return the placement of a pod that has a node; what it takes is counted there already."""
    return PodPlacement(
        verdicts=verdicts,
        wanted=1,
        at_least=int(any(each.fits for each in verdicts)),
        at_most=int(any(each.is_possible for each in verdicts)),
        rooms={},
    )


def merge_verdicts(
    alone: Sequence[Verdict], now: Sequence[Verdict], text: str, *, is_certain: bool
) -> list[Verdict]:
    """Return the verdicts ``now``, but MAY_FIT with the ``text`` where the nodes of earlier pods decide."""
    before = {each.node.name: each for each in alone}
    found = []
    for each in now:
        own = before[each.node.name]
        has_changed = own.is_possible != each.is_possible
        if text and (has_changed or (own.is_possible and not is_certain)):
            base = own if own.is_possible else each
            found.append(replace(base, node=each.node, unjudged=(*base.unjudged, text)))
        else:
            found.append(each)
    return sorted(found, key=rank)
