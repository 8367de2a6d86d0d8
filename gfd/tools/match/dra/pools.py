"""Make the pool that kube-scheduler makes of the ResourceSlices of one generation, for one node."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gfd.clusterview.dra.node_selectors import is_on_node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set
    from fractions import Fraction

    from gfd.clusterview.dra.model import Device, DeviceId, PoolId, ResourceSlice
    from gfd.labels.syntax import Labels

CounterKey = tuple[str, str]
"""A counter set and a counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePool:
    """A pool as the scheduler sees it for one node."""

    id: PoolId
    devices: tuple[Device, ...] = ()
    """The devices in the scheduler's order; those of other nodes only from slices with one for this node."""
    elsewhere: frozenset[DeviceId] = frozenset()
    """Those of the devices that this node cannot use. Selectors run on them, too."""
    others: tuple[Device, ...] = ()
    """The devices of further slices, for other nodes: they take counters."""
    free: Mapping[CounterKey, Fraction] = field(default_factory=dict)
    """The counters that no allocated device takes."""
    problem: str = ""
    """Why the scheduler takes no device of the pool; the devices are empty then."""
    has_contradiction: bool = False
    """Whether the slices disagree on their number: what the scheduler does then depends on chance."""

    @property
    def has_binding_conditions(self) -> bool:
        """Whether the pool comes last since the scheduler waits for conditions of its devices."""
        return any(device.binding_conditions for device in self.devices)

    @property
    def is_overdrawn(self) -> bool:
        """Whether allocated devices take more than there is: no other device with counters is usable then."""
        return any(value < 0 for value in self.free.values())

    def hold(self, devices: Set[DeviceId]) -> NodePool:
        """Return the pool after these devices, which were free, have taken their counters."""
        free = dict(self.free)
        for device in (*self.devices, *self.others):
            if device.id in devices:
                for key, value in list_counters(device):
                    free[key] -= value
        return replace(self, free=free)


def make_pool(
    own: Sequence[ResourceSlice],
    all_slices: Sequence[ResourceSlice],
    allocated: Set[DeviceId],
    node: str,
    labels: Labels,
) -> NodePool:
    """Return the pool of the slices of one generation.

    ``own`` are the slices for the node, ``all_slices`` with them those of the pool that are for other nodes.
    """
    pool, count = own[0].pool, own[0].slice_count
    counts = {each.slice_count for each in own}
    with_devices = sorted((each for each in own if not each.counter_sets), key=lambda each: each.name)
    devices = tuple(device for each in with_devices for device in each.devices)
    names = {each.name for each in own}
    others = tuple(device for each in all_slices if each.name not in names for device in each.devices)
    sets = [(name, counters) for each in all_slices for name, counters in each.counter_sets.items()]
    counters = {(name, key): value for name, values in sets for key, value in values.items()}
    if len(counts) > 1:
        numbers = " and ".join(map(str, sorted(counts)))
        problem = f"its ResourceSlices disagree on how many there are: {numbers}"
        return NodePool(id=pool, problem=problem, has_contradiction=True)
    problem = (
        _find_missing(len(all_slices), count)
        or _find_repetition("devices", [each.id.device for each in devices])
        or _find_repetition("counter sets", [name for name, _ in sets])
        or _find_unknown_counter((*devices, *others), {name for name, _ in sets}, counters)
    )
    if problem:
        return NodePool(id=pool, problem=problem)
    per_device = {device.id for each in with_devices if each.is_per_device for device in each.devices}
    made = NodePool(
        id=pool,
        devices=devices,
        others=others,
        elsewhere=frozenset(
            device.id
            for device in devices
            if device.id in per_device and not is_on_node(device, node, labels)
        ),
        free=counters,
    )
    return made.hold(allocated) if counters else made


def list_counters(device: Device) -> list[tuple[CounterKey, Fraction]]:
    """Return the counters that a device takes while it is allocated."""
    return [
        ((each.counter_set, name), value) for each in device.consumes for name, value in each.counters.items()
    ]


def _find_missing(found: int, count: int) -> str:
    return "" if found == count else f"{found} of {count} ResourceSlices are there"


def _find_repetition(what: str, names: Sequence[str]) -> str:
    if len(set(names)) == len(names):
        return ""
    repeated = next(name for name in names if names.count(name) > 1)
    return f"two of its {what} are named {repeated}"


def _find_unknown_counter(
    devices: Iterable[Device], sets: Set[str], counters: Mapping[CounterKey, Fraction]
) -> str:
    for device in devices:
        for each in device.consumes:
            if each.counter_set not in sets:
                return f"the device {device.id.device} takes counters of {each.counter_set}, which is nowhere"
        for (name, key), _ in list_counters(device):
            if (name, key) not in counters:
                return f"the device {device.id.device} takes the counter {key} of {name}, which is nowhere"
    return ""
