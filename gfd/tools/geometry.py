"""Map the slices of a GPU to its MIG instances.

NVML reports the memory slices of a GPU instance, but not its compute slices. This module puts the compute
slices above the first memory slices, as in the figures of NVIDIA's MIG user guide, and the compute instances
from left to right by their id. A GPU instance without a compute instance is not a MIG device; its slices look
free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.inventory.model import find_missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.inventory.model import Gpu, MigDevice

_MEMORY_SLICES = {7: 8}
"""Compute slices of a GPU -> memory slices, if the numbers differ (NVIDIA's MIG user guide)."""
_MAX_SLICES = 64
"""The maximum number of slices of any GPU; a larger number is a mistake in a snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeSlices:
    """The compute slices of one MIG device in its GPU instance."""

    device: int
    """NVML's MIG index."""
    profile: str
    """As in labels: ``1c.3g.20gb``."""
    slices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSlices:
    """The slices of one GPU instance."""

    id: int
    profile: str
    """As in labels: ``3g.20gb``."""
    start: int
    """The number of the first memory slice and of the first compute slice."""
    size: int
    """The number of memory slices."""
    slices: int
    """The number of compute slices."""
    compute: tuple[ComputeSlices, ...]

    @property
    def is_shared(self) -> bool:
        """Whether it has compute instances that are smaller than itself."""
        return any(each.slices < self.slices for each in self.compute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice and its owner."""

    instance: int | None = None
    """Index in :attr:`SliceMap.instances`; None if no instance owns it."""
    compute: int | None = None
    """Index in the instance's ``compute``; None if no compute instance owns it."""
    is_unusable: bool = False
    """Whether it is a compute slice without an owner whose memory slice is taken."""

    @property
    def is_free(self) -> bool:
        """Whether a new GPU instance could use it."""
        return self.instance is None and not self.is_unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceMap:
    """The slices and MIG instances of a GPU in MIG mode."""

    compute: tuple[Slice, ...]
    memory: tuple[Slice, ...]
    instances: tuple[InstanceSlices, ...]
    """Sorted by their start."""
    unmapped: tuple[MigDevice, ...]
    """MIG devices with an unknown or impossible position; they also occupy slices."""

    @property
    def has_room(self) -> bool:
        """Whether a compute slice and a memory slice are free, which any new MIG instance needs."""
        return all(any(each.is_free for each in row) for row in (self.compute, self.memory))


def map_slices(gpu: Gpu) -> SliceMap | None:
    """Return the slice map of a GPU.

    Return None without MIG mode, or if its slices or MIG devices could not be read.
    """
    compute_slices = max((profile.slices for profile in gpu.profiles), default=0)
    if not gpu.is_mig_enabled or gpu.mig_devices is None or not 0 < compute_slices <= _MAX_SLICES:
        return None
    memory: list[Slice] = [Slice()] * _MEMORY_SLICES.get(compute_slices, compute_slices)
    compute: list[Slice] = [Slice()] * compute_slices
    instances: list[InstanceSlices] = []
    unmapped: list[MigDevice] = []
    for devices in _group_by_instance(gpu.mig_devices):
        instance = _make_instance(devices)
        if instance is None or not _is_free(instance, memory, compute_slices):
            unmapped += devices
            continue
        number = len(instances)
        instances.append(instance)
        for place in range(instance.start, instance.start + instance.size):
            memory[place] = Slice(instance=number)
            if place < compute_slices:
                compute[place] = Slice(is_unusable=True)
        for place in range(instance.slices):
            compute[instance.start + place] = Slice(instance=number, compute=_find_compute(instance, place))
    return SliceMap(
        compute=tuple(compute), memory=tuple(memory), instances=tuple(instances), unmapped=tuple(unmapped)
    )


def explain_missing_map(gpu: Gpu) -> str:
    """Return why a GPU in MIG mode has no slice map."""
    lack = None if gpu.mig_devices is not None else find_missing(gpu, ("mig_devices",), f"GPU {gpu.index}")
    return str(lack.to_error()) if lack else "the number of its slices is unknown"


def name_device(device: MigDevice) -> str:
    """Return the name of a MIG device that is not drawn."""
    return f"MIG device {device.index}, {device.profile or 'unknown profile'}"


def _group_by_instance(devices: Iterable[MigDevice]) -> list[list[MigDevice]]:
    """Group the devices by GPU instance, sorted by position; one without a known instance stays alone."""
    groups: dict[tuple[int, int], list[MigDevice]] = {}
    for device in devices:
        start = device.placement.start if device.placement else 1 << 30
        key = (start, 1 << 30 | device.index if device.gi_id is None else device.gi_id)
        groups.setdefault(key, []).append(device)
    return [groups[key] for key in sorted(groups)]


def _make_instance(devices: list[MigDevice]) -> InstanceSlices | None:
    first = devices[0]
    if first.placement is None or first.gi_id is None or first.gi_slices is None:
        return None
    ordered = sorted(devices, key=lambda device: (device.ci_id is None, device.ci_id, device.index))
    return InstanceSlices(
        id=first.gi_id,
        profile=(first.profile or "unknown").rpartition("c.")[2],
        start=first.placement.start,
        size=first.placement.size,
        slices=first.gi_slices,
        compute=tuple(
            ComputeSlices(
                device=device.index,
                profile=device.profile or "unknown",
                slices=first.gi_slices if device.ci_slices is None else device.ci_slices,
            )
            for device in ordered
        ),
    )


def _is_free(instance: InstanceSlices, memory: list[Slice], compute_slices: int) -> bool:
    """Return whether the slices of the instance exist and are free; in a wrong snapshot they may not be."""
    if not 0 <= instance.start < instance.start + instance.size <= len(memory):
        return False
    is_on_gpu = 0 <= instance.slices <= instance.size and instance.start + instance.slices <= compute_slices
    return is_on_gpu and all(cell.is_free for cell in memory[instance.start : instance.start + instance.size])


def _find_compute(instance: InstanceSlices, place: int) -> int | None:
    end = 0
    for number, each in enumerate(instance.compute):
        end += each.slices
        if place < end:
            return number
    return None
