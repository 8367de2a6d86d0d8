"""Place the pods of one run one after the other: each takes devices, cpu and memory from those after it.

kube-scheduler takes pods by priority, then by age; the order of the files stands for the age here. What is
certain is counted by :mod:`.bounds` and :mod:`.domains`. The nodes chosen here are one of the possible
outcomes: the best node first, and the fullest of equally good nodes.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.resources import PODS
from gfd.tools.match.judge.capacity import UNKNOWN_RESERVE, USUAL_PODS, count_certain
from gfd.tools.match.judge.fit import Answer, PodJudge, Verdict, rank
from gfd.tools.match.judge.mismatches import (
    NODE_AFFINITY,
    NODE_NAME,
    NODE_SELECTOR,
    POD_AFFINITY,
    TAINT,
    TOPOLOGY_SPREAD,
)
from gfd.tools.match.manifests.pods import DAEMON_SET
from gfd.tools.match.placement.bounds import Demand, bound_copies, divide
from gfd.tools.match.placement.companions import influences, split_limits
from gfd.tools.match.placement.copy_count import COMPANION_FIELDS, CopyCount
from gfd.tools.match.placement.devices import RunDevices, find_open_claims, limit_rooms, name_demand
from gfd.tools.match.placement.domains import bound_by_domains
from gfd.tools.match.placement.outcome import (
    GangPlacement,
    PodPlacement,
    merge_verdicts,
    place_nowhere,
    place_running,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_UNSUITABLE = (NODE_NAME, NODE_SELECTOR, NODE_AFFINITY, TAINT)
"""Kinds of mismatches with which a DaemonSet does not create a pod for a node."""
_TEMPORARY = frozenset({POD_AFFINITY, TOPOLOGY_SPREAD})
"""Kinds of mismatches that can vanish when other pods of the run are placed."""
_COPIES = f"copies: the nodes of the first ones decide about the others, by {COMPANION_FIELDS}"
_PODS = "pods: a node does not say how many pods it allows"
_SIZE = f"cpu, memory: {UNKNOWN_RESERVE}"
_PREEMPTION = "priority: some copies may fit only after pods of lower priority are preempted"


def place(pods: Sequence[Pod], state: ClusterState) -> list[PodPlacement]:
    """Return the placement of each pod of a run, in the order of ``pods``."""
    run = _Run(state)
    found: dict[int, PodPlacement] = {}
    for numbers in _order(pods, state):
        found |= run.place_group({number: pods[number] for number in numbers})
    return [found[number] for number in range(len(pods))]


def place_alone(pod: Pod, state: ClusterState) -> PodPlacement:
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
        self._state = state
        self._placed: list[tuple[Pod, Demand]] = []
        self._devices = RunDevices(state)
        self._free = {node.name: _measure_free(node) for node in state.nodes}

    def place_group(self, pods: Mapping[int, Pod]) -> dict[int, PodPlacement]:
        """Place one pod, or the pods of a gang; a gang that cannot be complete takes nothing."""
        before, count, devices = self._state, len(self._placed), copy(self._devices)
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
            self._state, self._devices = before, devices
        if gang.at_least < gang.minimum:
            # Whether the pods of an incomplete gang hold devices meanwhile depends on its scheduler.
            self._placed[count:] = [(pod, replace(each, at_least=0)) for pod, each in self._placed[count:]]
        return {number: replace(each, gang=gang) for number, each in found.items()}

    def _place(self, pod: Pod) -> PodPlacement:
        """Place the copies of a pod after the pods before it, and count how many fit for certain."""
        judge = PodJudge(pod.spec)
        alone = judge.compare(self._devices.state)
        if pod.spec.current_node:
            return place_running(alone)
        if not any(each.is_possible for each in alone) and self._devices.displaces(judge):
            return place_nowhere(alone, max(1, pod.copies), self._devices.settled)
        earlier = [] if pod.is_alone else self._placed
        now = judge.compare(self._state) if earlier else alone
        wanted = max(1, sum(map(_is_suitable, alone))) if pod.kind == DAEMON_SET else pod.copies
        count = self._count(pod, alone, earlier, wanted)
        by_amounts = {
            each.node.name: _measure_room(each, count.demand, count.limits)
            for each in now
            if each.is_possible
        }
        rooms = limit_rooms(pod.spec, by_amounts, self._state, wanted)
        before, after = self._state, self._bind(pod, now, rooms, wanted)
        is_partial = 0 < count.at_most < wanted
        left, states = judge.compare(after) if is_partial else [], (before, after)
        if pod.kind == DAEMON_SET:
            # Each of its pods has its own node, so none waits for the nodes of the others.
            left, states = (
                [each for each in now if not each.is_possible and _is_suitable(each)],
                (before, before),
            )
        if not pod.is_alone:
            demand = replace(count.demand, at_least=count.at_least, at_most=count.at_most)
            self._placed.append((pod, self._devices.settle(pod, demand)))
            self._state = after
        is_certain = count.at_least > 0 or not count.is_contested
        return PodPlacement(
            verdicts=merge_verdicts(alone, now, count.explanation, is_certain=is_certain)
            if count.at_most
            else now,
            wanted=wanted,
            at_least=count.at_least,
            at_most=count.at_most,
            rooms=rooms,
            left=left if is_partial else (),
            states=states if is_partial else None,
            rivals=count.rivals if count.is_contested else (),
            uncertain=self._list_reasons(pod, count, now, wanted) if count.at_least < count.at_most else (),
        )

    def _count(
        self, pod: Pod, alone: Sequence[Verdict], earlier: Sequence[tuple[Pod, Demand]], wanted: int
    ) -> CopyCount:
        """Return how many copies fit, and which of the ``earlier`` pods decide on it."""
        others, limits = split_limits(pod, self._state.nodes, self._state.namespaces)
        companions = tuple(
            other
            for other, each in earlier
            if each.at_most
            and (self._influences(pod.spec, other.spec) or self._devices.share_claim(pod.spec, other.spec))
        )
        is_entangled = bool(companions) or (wanted > 1 and self._influences(others, others))
        demand, free, most = self._measure(pod, alone, limits, wanted, has_companions=is_entangled)
        demands = [each for _, each in earlier]
        bounds = bound_copies(demand, demands, free, most, wanted)
        rivals = tuple(other for other, each in earlier if each.at_most and demand.competes_with(each))
        worst, _ = bound_copies(replace(demand, rooms=demand.possible), demands, most, most, wanted)
        if is_entangled:
            exact = None if rivals or companions else self._bound_alone(others, demand)
            bounds = exact or (0 if companions else min(bounds[0], 1), bounds[1])
        bounds, is_disputed = self._devices.bound(pod, demand, earlier, bounds)
        at_least, at_most = (min(each, wanted) for each in bounds)
        return CopyCount(
            at_least=at_least,
            at_most=at_most,
            demand=demand,
            limits=limits,
            companions=companions,
            rivals=rivals,
            is_contested=bool(companions)
            or (bool(rivals) and worst < wanted)
            or (is_disputed and at_least < at_most),
            is_entangled=is_entangled,
        )

    def _list_reasons(
        self, pod: Pod, count: CopyCount, now: Sequence[Verdict], wanted: int
    ) -> tuple[str, ...]:
        """Return why it is not certain how many copies fit."""
        reasons = [
            *([count.explanation] if count.is_contested else []),
            *([_COPIES] if count.is_entangled and not count.companions else []),
            *([_PREEMPTION] if wanted > 1 and self._has_victims(pod, count.demand) else []),
        ]
        if not reasons and all(each.fits for each in now if each.is_possible):
            is_sized = any(count_certain(each.node) for each in now if each.is_possible)
            reasons.append(_SIZE if is_sized else _PODS)
        return tuple(reasons)

    def _influences(self, spec: SchedulingSpec, other: SchedulingSpec) -> bool:
        return influences(spec, other, self._state.namespaces)

    def _has_victims(self, pod: Pod, demand: Demand) -> bool:
        """Return whether pods of lower priority hold something on the nodes that the copies can use."""
        preemptor = self._devices.state.find_preemptor(pod.spec)
        nodes = (node for node in self._devices.state.nodes if node.name in demand.possible)
        return any(preemptor.list_evictable(node.pods) for node in nodes)

    def _bound_alone(self, spec: SchedulingSpec, demand: Demand) -> tuple[int, int] | None:
        return bound_by_domains(spec, self._devices.state, demand.rooms, demand.possible)

    def _measure(
        self,
        pod: Pod,
        verdicts: Sequence[Verdict],
        limits: Mapping[str, int],
        wanted: int,
        *,
        has_companions: bool,
    ) -> tuple[Demand, dict[str, dict[str, int]], dict[str, dict[str, int]]]:
        """Return what the copies take and where, and what nodes have left: surely, and with preemption."""
        amounts = {name: count for name, count in pod.spec.demand.items() if count}
        amounts.update(limits)
        temporary = _TEMPORARY if has_companions else frozenset()
        nodes = [each for each in verdicts if {mismatch.kind for mismatch in each.mismatches} <= temporary]
        most = {each.node.name: {**self._free[each.node.name], **limits} for each in nodes}
        free = {
            each.node.name: {**most[each.node.name], **_limit_pods(each.node), **count_certain(each.node)}
            for each in nodes
        }
        preemptor = self._devices.state.find_preemptor(pod.spec)
        for each in nodes:
            left = most[each.node.name]
            for victim in preemptor.list_evictable(each.node.pods):
                left.update({name: left[name] + n for name, n in victim.requests.items() if name in left})
        for each, number in self._devices.count_copies(pod, nodes, wanted, self._placed):
            amounts[name_demand(pod.spec)] = 1
            free[each.node.name][name_demand(pod.spec)] = number
            most[each.node.name][name_demand(pod.spec)] = number
        is_certain = not pod.spec.unjudged
        demand = Demand(
            amounts=amounts,
            rooms={
                each.node.name: divide(free[each.node.name], amounts)
                for each in nodes
                if each.fits or (each.mismatches and is_certain and each.node.is_counted)
            },
            possible={each.node.name: divide(most[each.node.name], amounts) for each in nodes},
        )
        return demand, free, most

    def _bind(
        self, pod: Pod, verdicts: Sequence[Verdict], rooms: Mapping[str, int], wanted: int
    ) -> ClusterState:
        """Return the state with the copies on the best nodes, and of equally good ones on the fullest."""
        # The verdicts are sorted by these, then by name.
        ranked = sorted(
            (each for each in verdicts if each.is_possible),
            key=lambda each: (rank(each)[:3], rooms[each.node.name]),
        )
        state = self._state
        has_open_claims = bool(find_open_claims(pod.spec, state.devices))
        counts: dict[str, int] = {}
        for each in ranked:
            counts[each.node.name] = min(rooms[each.node.name], wanted)
            wanted -= counts[each.node.name]
            if has_open_claims and counts[each.node.name]:
                wanted = 0  # the other copies follow the first
            if each.preempts and counts[each.node.name]:
                state = state.evict(each.preempts, each.node.name)
        return state.bind_copies(pod.spec, counts)


def _measure_free(node: Node) -> dict[str, int]:
    return {name: node.free(name) for name in node.allocatable}


def _limit_pods(node: Node) -> dict[str, int]:
    """Return how many more pods the node surely takes, if it does not say how many pods it allows."""
    return {} if PODS in node.allocatable else {PODS: max(0, USUAL_PODS - len(node.pods))}


def _measure_room(verdict: Verdict, demand: Demand, limits: Mapping[str, int]) -> int:
    """Return how many copies a node has room for; one if pods have to be evicted first."""
    free = {name: verdict.node.free(name) for name in demand.amounts if name in verdict.node.allocatable}
    return max(int(bool(verdict.preempts)), divide({**free, **limits}, demand.amounts))


def _is_suitable(verdict: Verdict) -> bool:
    """Return whether a DaemonSet creates a pod for the node."""
    return not any(each.kind in _UNSUITABLE for each in verdict.mismatches)
