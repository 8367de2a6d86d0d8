"""Place the pods of one run one after the other: each takes devices, cpu and memory from those after it.

kube-scheduler takes pods by priority, then by age; the order of the files stands for the age here. What is
certain is counted by :mod:`.bounds`. The nodes chosen here are one of the possible outcomes: the best node
first, and the fullest of equally good nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.tools.match.bounds import Demand, bound_copies, divide
from gfd.tools.match.copies import has_neighbours, interact, place_copies
from gfd.tools.match.fit import Answer, Verdict, compare, rank
from gfd.tools.match.mismatches import NODE_AFFINITY, NODE_NAME, NODE_SELECTOR, TAINT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.pods import Pod

_DAEMON_SET = "DaemonSet"
_UNSUITABLE = (NODE_NAME, NODE_SELECTOR, NODE_AFFINITY, TAINT)
"""Kinds of mismatches with which a DaemonSet does not create a pod for a node."""

MAX_NAMED = 3
"""The maximum number of earlier pods in a text."""


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
class Placement:
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
    """If some copies but not all fit: a verdict for each node, for the first copy that finds no node."""
    rivals: tuple[Pod, ...] = ()
    """The pods of the run that come before this one and can take what it needs."""
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


def place(pods: Sequence[Pod], state: ClusterState) -> list[Placement]:
    """Return the placement of each pod of a run, in the order of ``pods``."""
    run = _Run(state)
    found: dict[int, Placement] = {}
    for numbers in _order(pods, state):
        found |= run.place_group({number: pods[number] for number in numbers})
    return [found[number] for number in range(len(pods))]


def place_alone(pod: Pod, state: ClusterState) -> Placement:
    """Return the placement of one copy of a pod, as if there were no other pods in the run."""
    return place([replace(pod, copies=min(pod.copies, 1), gang="")], state)[0]


def _order(pods: Sequence[Pod], state: ClusterState) -> list[list[int]]:
    """Return the numbers of the pods in the order of their placement; a gang is placed at once."""
    groups: dict[str, list[int]] = {}
    for number, pod in enumerate(pods):
        groups.setdefault(pod.gang or f"pod {number}", []).append(number)

    def urgency(group: list[int]) -> int:
        return -max(state.find_preemptor(pods[number].spec).value or 0 for number in group)

    return sorted(groups.values(), key=urgency)


class _Run:
    """The state of the cluster while the pods of a run are placed."""

    def __init__(self, state: ClusterState) -> None:
        self._initial = self._state = state
        self._placed: list[tuple[Pod, Demand]] = []
        self._free = {node.name: _measure_free(node) for node in state.nodes}

    def place_group(self, pods: Mapping[int, Pod]) -> dict[int, Placement]:
        """Place one pod, or the pods of a gang; a gang that cannot be complete takes nothing."""
        before, count = self._state, len(self._placed)
        found = {number: self._place(pod) for number, pod in pods.items()}
        name = next(iter(pods.values())).gang
        if not name:
            return found
        wanted = sum(each.wanted for each in found.values())
        gang = GangPlacement(
            name=name,
            wanted=wanted,
            minimum=min(max(pod.minimum for pod in pods.values()) or wanted, wanted),
            at_least=sum(each.at_least for each in found.values()),
            at_most=sum(each.at_most for each in found.values()),
        )
        if gang.answer is Answer.NO:
            self._state = before
        if gang.at_least < gang.minimum:
            # Whether the pods of an incomplete gang hold devices meanwhile depends on its scheduler.
            self._placed[count:] = [(pod, replace(each, at_least=0)) for pod, each in self._placed[count:]]
        return {number: replace(each, gang=gang) for number, each in found.items()}

    def _place(self, pod: Pod) -> Placement:
        alone = compare(pod.spec, self._initial)
        if pod.spec.current_node:
            return _place_running(alone)
        earlier = [] if pod.is_alone else self._placed
        now = compare(pod.spec, self._state) if earlier else alone
        wanted = max(1, sum(map(_is_suitable, alone))) if pod.kind == _DAEMON_SET else pod.copies
        limits = _list_limits(pod)
        amounts = {name: count for name, count in pod.spec.requests.items() if count} | limits
        free = {
            each.node.name: {**self._free[each.node.name], **limits} for each in alone if each.is_possible
        }
        demand = Demand(
            amounts=amounts,
            rooms={each.node.name: divide(free[each.node.name], amounts) for each in alone if each.fits},
            possible={name: divide(left, amounts) for name, left in free.items()},
        )
        bounds = bound_copies(demand, [each for _, each in earlier], free, free)
        at_least, at_most = (min(each, wanted) for each in bounds)
        rivals = tuple(other for other, each in earlier if demand.competes_with(each))
        rooms = {
            each.node.name: divide({**_measure_free(each.node), **limits}, amounts)
            for each in now
            if each.is_possible
        }
        is_alone = not any(interact(pod.spec, other.spec) for other, _ in earlier)
        if has_neighbours(pod.spec) or not is_alone or any(each.preempts for each in now):
            copies = place_copies(pod.spec, self._state, wanted, is_alone=is_alone)
            at_least = min(at_least, copies.at_least)
            at_most = copies.at_most
            rooms = dict.fromkeys(rooms, 1)
            after = copies.after
        else:
            after = self._state.bind_copies(pod.spec, _choose_nodes(now, rooms, wanted))
        if not pod.is_alone:
            self._placed.append((pod, replace(demand, at_least=at_least, at_most=at_most)))
            self._state = after
        return Placement(
            verdicts=_merge(alone, now, rivals, is_certain=bool(at_least)) if at_most else now,
            wanted=wanted,
            at_least=at_least,
            at_most=at_most,
            rooms=rooms,
            left=compare(pod.spec, after) if 0 < at_most < wanted else (),
            rivals=rivals,
        )


def _choose_nodes(verdicts: Sequence[Verdict], rooms: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Return how many copies go to each node: to the best nodes, and of equally good ones to the fullest."""
    # The verdicts are sorted by these, then by name.
    ranked = sorted(
        (each for each in verdicts if each.is_possible),
        key=lambda each: (not each.fits, -each.score, len(each.avoided), rooms[each.node.name]),
    )
    counts: dict[str, int] = {}
    for each in ranked:
        counts[each.node.name] = min(rooms[each.node.name], wanted)
        wanted -= counts[each.node.name]
    return counts


def _list_limits(pod: Pod) -> dict[str, int]:
    """Return what each node has only once for the copies of a pod."""
    return {f"place of {pod.title}": 1} if pod.kind == _DAEMON_SET else {}


def _measure_free(node: Node) -> dict[str, int]:
    return {name: node.free(name) for name in node.allocatable}


def _is_suitable(verdict: Verdict) -> bool:
    """Return whether a DaemonSet creates a pod for the node."""
    return not any(each.kind in _UNSUITABLE for each in verdict.mismatches)


def _place_running(verdicts: Sequence[Verdict]) -> Placement:
    """Return the placement of a pod that has a node; what it takes is counted there already."""
    return Placement(
        verdicts=verdicts,
        wanted=1,
        at_least=int(any(each.fits for each in verdicts)),
        at_most=int(any(each.is_possible for each in verdicts)),
        rooms={},
    )


def _merge(
    alone: Sequence[Verdict], now: Sequence[Verdict], rivals: Sequence[Pod], *, is_certain: bool
) -> list[Verdict]:
    """Return the verdicts ``now``, but MAY_FIT where the nodes that earlier pods get decide."""
    before = {each.node.name: each for each in alone}
    names = ", ".join(f"{pod.title} ({pod.place})" for pod in rivals[:MAX_NAMED])
    more = f" and {len(rivals) - MAX_NAMED} more" if len(rivals) > MAX_NAMED else ""
    text = f"earlier pods: {names}{more} may take what the pod needs on the node"
    found = []
    for each in now:
        own = before[each.node.name]
        if own.is_possible and not (each.is_possible and is_certain) and rivals:
            found.append(replace(own, node=each.node, unjudged=(*own.unjudged, text)))
        else:
            found.append(each)
    return sorted(found, key=rank)
