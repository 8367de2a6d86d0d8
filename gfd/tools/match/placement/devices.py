"""Count the copies of pods with ResourceClaims for which nodes have devices, beside the pods before them.

Devices are no amounts: which of them a claim gets depends on those that others hold. So the copies that get
devices are counted by allocating them, and a node then has room for so many.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.fit import PodJudge, Verdict
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.placement.bounds import Demand
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

    Placed = Sequence[tuple[Pod, Demand]]


def name_demand(spec: SchedulingSpec) -> str:
    """Return a name for what the claims of a pod take; pods of the same templates have it in common."""
    names = sorted(each.template_name for each in spec.claims if each.template_name)
    resources = sorted(f"{count} {name}" for name, count in spec.domain_requests.items())
    found = [f"{spec.namespace}/{','.join(names)}"] if names else []
    return f"devices of {', '.join([*found, *resources])}" if found or resources else ""


def find_open_claims(spec: SchedulingSpec, devices: DeviceState | None) -> frozenset[str]:
    """Return the ResourceClaims that hold no devices yet, and of which the first pod chooses the node."""
    keys = {f"{spec.namespace}/{each.claim_name}" for each in spec.claims if each.claim_name}
    return frozenset(key for key in keys if devices and not devices.find_claim(key))


def limit_rooms(
    spec: SchedulingSpec, rooms: dict[str, int], state: ClusterState, wanted: int
) -> dict[str, int]:
    """Return the rooms of nodes for copies of a pod, at most as many as get devices."""
    devices = state.devices
    if not spec.takes_devices or devices is None:
        return rooms
    return {
        node.name: _count_copies(spec, node, devices, min(rooms[node.name], wanted))
        for node in state.nodes
        if node.name in rooms
    }


class RunDevices:
    """The cluster before the pods of a run, but with the devices of those whose node is certain."""

    def __init__(self, state: ClusterState) -> None:
        self._original = self.state = state
        self.settled: tuple[Pod, ...] = ()
        """The pods whose devices :attr:`state` has, and their demands do not."""

    def displaces(self, judge: PodJudge) -> bool:
        """Return whether a pod would fit a node without the devices of the settled pods."""
        return bool(self.settled) and any(each.is_possible for each in judge.compare(self._original))

    def share_claim(self, spec: SchedulingSpec, other: SchedulingSpec) -> bool:
        """Return whether two pods share a ResourceClaim of which the first of them chooses the node."""
        devices = self.state.devices
        return not find_open_claims(spec, devices).isdisjoint(find_open_claims(other, devices))

    def count_copies(
        self, pod: Pod, verdicts: Iterable[Verdict], wanted: int, placed: Placed
    ) -> Iterator[tuple[Verdict, int]]:
        """Yield for how many copies of a pod each node has devices; nothing if its claims limit nothing.

        Copies beyond ``wanted`` and those of earlier pods that take the same are not counted.
        """
        devices, name = self.state.devices, name_demand(pod.spec)
        if devices is None or not name:
            return
        most = wanted + sum(each.at_most for _, each in placed if name in each.amounts)
        for each in verdicts:
            yield each, _count_copies(pod.spec, each.node, devices, most)

    def bound(
        self, pod: Pod, demand: Demand, earlier: Placed, bounds: tuple[int, int]
    ) -> tuple[tuple[int, int], bool]:
        """Return the bounds with what other claims can take, and whether there are such claims."""
        devices = self.state.devices
        if not pod.spec.takes_devices or devices is None:
            return bounds, False
        if find_open_claims(pod.spec, devices):
            # All copies run where the first of them gets the devices.
            certain = (
                min(demand.rooms.values(), default=0) if demand.rooms.keys() == demand.possible.keys() else 0
            )
            bounds = min(bounds[0], certain), min(bounds[1], max(demand.possible.values(), default=0))
        own = name_demand(pod.spec)
        rivals = [
            (other, each)
            for other, each in earlier
            if each.at_most
            and other.spec.takes_devices
            and other not in self.settled
            and (not own or own not in each.amounts)
            and not each.possible.keys().isdisjoint(demand.possible)
        ]
        if not rivals:
            return bounds, False
        lost = _count_lost_rooms(pod, demand, rivals, self.state.nodes, devices)
        return (min(bounds[0], max(0, sum(demand.rooms.values()) - lost)), bounds[1]), True

    def settle(self, pod: Pod, demand: Demand) -> Demand:
        """Let the copies of a pod hold their devices from now on if their node is certain.

        Return the demand of the pod without the devices that they hold.
        """
        devices = self.state.devices
        if not pod.spec.takes_devices or devices is None or demand.at_least != demand.at_most:
            return demand
        if len(demand.possible) != 1 or not demand.at_most:
            return demand
        (name,) = demand.possible
        self.state = replace(self.state, devices=self.state.hold_devices(pod.spec, {name: demand.at_most}))
        self.settled = (*self.settled, pod)
        own = name_demand(pod.spec)
        return replace(demand, amounts={key: n for key, n in demand.amounts.items() if key != own})


def _count_copies(spec: SchedulingSpec, node: Node, devices: DeviceState, most: int) -> int:
    from gfd.tools.match.judge.claim_copies import hold_devices  # loads CEL, which few pods need

    return hold_devices(spec, node, devices, most)[1]


def _count_lost_rooms(
    pod: Pod, demand: Demand, rivals: Placed, nodes: Iterable[Node], devices: DeviceState
) -> int:
    """Return how much room for a pod other pods can take at most, which claim devices in other ways.

    Each of them can take away a whole node's room at most.
    """
    from gfd.tools.match.judge.claim_copies import hold_devices

    losses = []
    for node in nodes:
        room = demand.rooms.get(node.name, 0)
        left = devices
        for other, each in rivals if room else ():
            copies = min(each.at_most, each.possible.get(node.name, 0))
            left, _ = hold_devices(other.spec, node, left, copies)
        losses.append(room - min(room, hold_devices(pod.spec, node, left, room)[1]))
    most = sum(each.at_most for _, each in rivals)
    return sum(sorted(losses, reverse=True)[:most])
