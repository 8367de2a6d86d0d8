"""Which slices of a GPU belong to which MIG instance: a value, for whoever draws it.

NVML tells where a GPU instance lies in memory slices. Its compute slices stand over the first of those, as in
the figures of NVIDIA's MIG user guide, and compute instances in it from the left by their id: which of the
slices are which is not told. A GPU instance without a compute instance is no MIG device, and looks free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.inventory.model import find_missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.inventory.model import Gpu, MigDevice

_MEMORY_SLICES = {7: 8}
"""Compute slices of a GPU -> memory slices, where that is not the same number (NVIDIA's MIG user guide)."""
_MOST_SLICES = 64
"""More is no GPU, but a mistake in a snapshot that was written by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeInstance:
    """A MIG device in its GPU instance."""

    device: int
    """NVML's MIG index."""
    profile: str
    """As labels write it: ``1c.3g.20gb``."""
    slices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuInstance:
    """A GPU instance in its place."""

    id: int
    profile: str
    """As labels write it: ``3g.20gb``."""
    start: int
    """First memory slice, and first compute slice."""
    size: int
    """Memory slices."""
    slices: int
    """Compute slices."""
    compute: tuple[ComputeInstance, ...]

    @property
    def is_shared(self) -> bool:
        """Whether it is divided: by compute instances that are smaller than it."""
        return any(each.slices < self.slices for each in self.compute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One slice, and whose it is."""

    instance: int | None = None
    """Number in :attr:`Layout.instances`; None: nobody's."""
    compute: int | None = None
    """Number in that one's ``compute``; None: no compute instance has it."""
    is_left_over: bool = False
    """Whether it is a compute slice that nobody can have, since the memory beside it is taken."""

    @property
    def is_free(self) -> bool:
        """Whether a new GPU instance could have it."""
        return self.instance is None and not self.is_left_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a GPU in MIG mode is divided into."""

    compute: tuple[Cell, ...]
    memory: tuple[Cell, ...]
    instances: tuple[GpuInstance, ...]
    """By their start."""
    unplaced: tuple[MigDevice, ...]
    """MIG devices whose place is not known, or cannot be; they take room, too."""


def lay_out(gpu: Gpu) -> Layout | None:
    """Return how a GPU is divided.

    None where it is not: without MIG mode, or where its slices or MIG devices could not be read.
    """
    compute_slices = max((profile.slices for profile in gpu.profiles), default=0)
    if not gpu.is_mig_enabled or gpu.mig_devices is None or not 0 < compute_slices <= _MOST_SLICES:
        return None
    memory: list[Cell] = [Cell()] * _MEMORY_SLICES.get(compute_slices, compute_slices)
    compute: list[Cell] = [Cell()] * compute_slices
    instances: list[GpuInstance] = []
    unplaced: list[MigDevice] = []
    for devices in _group(gpu.mig_devices):
        instance = _instance(devices)
        if instance is None or not _fits(instance, memory, compute_slices):
            unplaced += devices
            continue
        number = len(instances)
        instances.append(instance)
        for place in range(instance.start, instance.start + instance.size):
            memory[place] = Cell(instance=number)
            if place < compute_slices:
                compute[place] = Cell(is_left_over=True)
        for place in range(instance.slices):
            compute[instance.start + place] = Cell(instance=number, compute=_owner(instance, place))
    return Layout(
        compute=tuple(compute), memory=tuple(memory), instances=tuple(instances), unplaced=tuple(unplaced)
    )


def explain(gpu: Gpu) -> str:
    """Return why a GPU in MIG mode has no layout."""
    lack = None if gpu.mig_devices is not None else find_missing(gpu, ("mig_devices",), f"GPU {gpu.index}")
    return str(lack.to_error()) if lack else "its profiles, which tell the slices, are not known"


def name_device(device: MigDevice) -> str:
    """Return what a MIG device is called where it is not drawn."""
    return f"MIG device {device.index}, {device.profile or 'of an unknown profile'}"


def _group(devices: Iterable[MigDevice]) -> list[list[MigDevice]]:
    """Return the devices by GPU instance, those without a known one alone, in order of their place."""
    groups: dict[tuple[int, int], list[MigDevice]] = {}
    for device in devices:
        start = device.placement.start if device.placement else 1 << 30
        key = (start, 1 << 30 | device.index if device.gi_id is None else device.gi_id)
        groups.setdefault(key, []).append(device)
    return [groups[key] for key in sorted(groups)]


def _instance(devices: list[MigDevice]) -> GpuInstance | None:
    first = devices[0]
    if first.placement is None or first.gi_id is None or first.gi_slices is None:
        return None
    ordered = sorted(devices, key=lambda device: (device.ci_id is None, device.ci_id, device.index))
    return GpuInstance(
        id=first.gi_id,
        profile=(first.profile or "unknown").rpartition("c.")[2],
        start=first.placement.start,
        size=first.placement.size,
        slices=first.gi_slices,
        compute=tuple(
            ComputeInstance(
                device=device.index,
                profile=device.profile or "unknown",
                slices=first.gi_slices if device.ci_slices is None else device.ci_slices,
            )
            for device in ordered
        ),
    )


def _fits(instance: GpuInstance, memory: list[Cell], compute_slices: int) -> bool:
    """Return whether its place is on the GPU and free; in a snapshot written by hand it need not be."""
    if not 0 <= instance.start < instance.start + instance.size <= len(memory):
        return False
    is_on_gpu = 0 <= instance.slices <= instance.size and instance.start + instance.slices <= compute_slices
    return is_on_gpu and all(cell.is_free for cell in memory[instance.start : instance.start + instance.size])


def _owner(instance: GpuInstance, place: int) -> int | None:
    end = 0
    for number, each in enumerate(instance.compute):
        end += each.slices
        if place < end:
            return number
    return None
