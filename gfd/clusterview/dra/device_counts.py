"""Count the devices of NVIDIA's DRA driver on a node, by what a claim asks for.

The keys are the names of NVIDIA's DeviceClasses, with the profile of a MIG device: ``gpu.nvidia.com``,
``mig.nvidia.com/1g.10gb``, ``vfio.gpu.nvidia.com``.

Devices that share counters cannot be taken together: a GPU and its MIG devices, or two MIG devices in the
same place. They count as many as one could take if one took no other kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.paths import DRA_DRIVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from fractions import Fraction

    from gfd.clusterview.dra.index import NodePools
    from gfd.clusterview.dra.model import Device, Pool

GPU_CLASS, MIG_CLASS, VFIO_CLASS = DRA_DRIVER, "mig.nvidia.com", "vfio.gpu.nvidia.com"
_CLASSES = {"gpu": GPU_CLASS, "mig": MIG_CLASS, "vfio": VFIO_CLASS}
"""The attribute ``type`` -> the DeviceClass."""

_Counters = dict[tuple[str, str], "Fraction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCount:
    """How many devices of one kind a node has."""

    total: int
    allocated: int | None
    """How many of them claims hold; None if the claims are unknown."""
    blocked: int
    """How many of them have a taint that keeps claims away."""
    free: int | None
    """How many a claim without tolerations can get; None if the claims are unknown."""
    is_partition: bool = False
    """Whether they share counters with other devices, so that fewer are left once those are taken."""

    @property
    def offered(self) -> int:
        """How many devices are free or allocated; without those that are only blocked."""
        return self.total - self.blocked if self.free is None else self.free + (self.allocated or 0)


def name_kind(device: Device) -> str:
    """Return the DeviceClass of a device of NVIDIA, with the profile if it is a MIG device."""
    kind = device.text("type")
    name = _CLASSES.get(kind, f"{device.id.driver}/{kind or 'unknown'}")
    return f"{name}/{device.text('profile')}" if name == MIG_CLASS else name


def extract_profile(kind: str) -> str:
    """Return the MIG profile in the name of a kind; empty for other devices."""
    return kind.removeprefix(f"{MIG_CLASS}/") if kind.startswith(f"{MIG_CLASS}/") else ""


def is_dra(resource: str) -> bool:
    """Return whether a count is that of devices in ResourceSlices, not of a device plugin's resource."""
    return resource.startswith((f"{MIG_CLASS}/", f"{DRA_DRIVER}/")) or resource in (GPU_CLASS, VFIO_CLASS)


def count_devices(
    node: NodePools, accepts: Callable[[Device], bool] = lambda _: True
) -> dict[str, DeviceCount]:
    """Return the counts by kind, sorted, of the devices that ``accepts`` takes."""
    groups: dict[str, list[tuple[Pool, Device]]] = {}
    for pool in node.pools:
        for device in filter(accepts, pool.devices):
            groups.setdefault(name_kind(device), []).append((pool, device))
    full = _sum_counters(node.pools)
    taken = node.taken
    left = _subtract(full, (each for each in node.devices if each.id in taken))
    return {
        kind: DeviceCount(
            total=_count_fitting((device for _, device in group), full),
            allocated=sum(device.id in taken for _, device in group) if node.is_counted else None,
            blocked=_count_fitting((device for _, device in group if device.is_blocked), full),
            free=_count_fitting(
                (device for _, device in group if device.id not in taken and not device.is_blocked), left
            )
            if node.is_counted
            else None,
            is_partition=any(device.consumes for _, device in group),
        )
        for kind, group in sorted(groups.items())
    }


def count_taints(node: NodePools) -> dict[str, int]:
    """Return how many devices have each taint, also those that only inform, sorted."""
    found: dict[str, int] = {}
    for device in node.devices:
        for taint in device.taints:
            found[str(taint)] = found.get(str(taint), 0) + 1
    return dict(sorted(found.items()))


def count_gpus(devices: Iterable[Device]) -> int:
    """Return how many physical GPUs these are: MIG devices of one GPU count as one."""
    return len({_identify_gpu(device) for device in devices})


def _identify_gpu(device: Device) -> str:
    # A GPU and its twin for virtual machines (vfio) have different UUIDs, but the same address.
    address = device.attributes.get("resource.kubernetes.io/pciBusID")
    return str(address or device.text("parentUUID") or device.text("uuid") or device.id.device)


def _sum_counters(pools: Iterable[Pool]) -> _Counters:
    return {
        (f"{pool.id.pool}/{name}", counter): value
        for pool in pools
        for name, counters in pool.counter_sets.items()
        for counter, value in counters.items()
    }


def _find_needs(device: Device) -> Mapping[tuple[str, str], Fraction]:
    return {
        (f"{device.id.pool}/{each.counter_set}", name): value
        for each in device.consumes
        for name, value in each.counters.items()
    }


def _subtract(counters: _Counters, devices: Iterable[Device]) -> _Counters:
    left = dict(counters)
    for device in devices:
        for key, value in _find_needs(device).items():
            left[key] = left.get(key, 0 * value) - value
    return left


def _count_fitting(devices: Iterable[Device], counters: _Counters) -> int:
    """Return how many of the devices fit together, one after the other, into the counters."""
    left, count = dict(counters), 0
    for device in devices:
        needs = _find_needs(device)
        if all(left.get(key, 0) >= value for key, value in needs.items()):
            left = _subtract(left, (device,)) if needs else left
            count += 1
    return count
