"""Draw diagrams of GPUs: coloured segments on a grid.

In an inventory, the MIG instances have the positions that NVML reports. For a Node the positions are unknown:
its devices stand in a row, first those that pods request, then the free ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from gfd.tools.geometry import explain_missing_map, map_slices, name_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.inventory.model import Gpu
    from gfd.tools.geometry import Slice, SliceMap

SegmentState = Literal["taken", "free", "unusable", "present"]
"""The state of a segment.

``unusable`` is neither used nor free: a compute slice whose memory is used. ``present`` says nothing about
use: a GPU without MIG, or a device of a Node whose pods are unknown.
"""

TIMES = "\N{MULTIPLICATION SIGN}"
COLUMNS = 8
"""The number of columns in a row of devices: as many as a GPU has memory slices."""
MAX_DEVICES = 64
"""The maximum number of devices to draw; more are only counted."""
_SLICES = re.compile(r"(?:([1-8])c\.)?([1-8])g\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A rectangle in one row of a diagram."""

    state: SegmentState
    row: int = 0
    start: int | None = None
    """The first column; None means directly after the previous segment."""
    span: int = 1
    """The number of columns."""
    slices: int = 0
    """The compute slices of the profile, which choose the colour; 0 if it is not a MIG device."""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One GPU, or several equal ones; without segments, only the caption is shown."""

    caption: str
    words: str = ""
    """The segments in words, for screen readers; empty if the caption says the same."""
    rows: tuple[str, ...] = ()
    """The names of the rows; empty if there is only one row."""
    columns: int = 0
    segments: tuple[Segment, ...] = ()


def draw_gpus(gpus: Sequence[Gpu]) -> Iterator[Diagram]:
    """Yield a diagram for each GPU in MIG mode, and one for each run of equal GPUs without MIG."""
    for (is_mig_enabled, name), alike in groupby(gpus, key=lambda gpu: (gpu.is_mig_enabled, gpu.name)):
        if is_mig_enabled:
            yield from map(_draw_mig, alike)
        else:
            yield _draw_without_mig(name, [gpu.index for gpu in alike])


def draw_devices(resource: str, count: int, requested: int | None, profile: str = "") -> Diagram:
    """Return the diagram of an extended resource of a Node.

    ``requested`` is the number of devices that pods request, or None if unknown; ``profile`` is the MIG
    profile of a device, or empty.
    """
    match = _SLICES.match(profile)
    slices = int(match[1] or match[2]) if match else 0
    free = 0 if requested is None else max(count - requested, 0)
    caption = f"{count} {TIMES} {resource}" if requested is None else f"{free} of {count} {resource} free"
    if count > MAX_DEVICES:
        return Diagram(caption=caption)
    used: SegmentState = "present" if requested is None else "taken"
    taken_one, free_one = (
        Segment(state=state, span=max(slices, 1), slices=slices, text=profile) for state in (used, "free")
    )
    segments = (taken_one,) * (count - free) + (free_one,) * free
    return Diagram(caption=caption, columns=COLUMNS, segments=segments)


def _draw_without_mig(name: str, indices: list[int]) -> Diagram:
    is_run = len(indices) > 2 and indices == list(range(indices[0], indices[-1] + 1))
    numbers = f"{indices[0]} to {indices[-1]}" if is_run else ", ".join(map(str, indices))
    return Diagram(
        caption=f"{'GPU' if len(indices) == 1 else 'GPUs'} {numbers}: {name}, without MIG",
        columns=min(len(indices), COLUMNS),
        segments=tuple(Segment(state="present", text=f"GPU {index}") for index in indices),
    )


def _draw_mig(gpu: Gpu) -> Diagram:
    title = f"GPU {gpu.index}: {gpu.name}"
    layout = map_slices(gpu)
    if layout is None:
        lost = [f"not drawn: {explain_missing_map(gpu)}", *map(name_device, gpu.mig_devices or ())]
        return Diagram(caption="; ".join((f"{title}, in MIG mode", *lost)))
    lost = [f"not drawn, position unknown: {name_device(device)}" for device in layout.unmapped]
    return Diagram(
        caption="; ".join((title, _describe_room(layout), *lost)),
        words=_describe(layout),
        rows=("compute", "memory"),
        columns=len(layout.memory),
        segments=(*_draw_compute(layout), *_draw_memory(layout)),
    )


def _describe_room(layout: SliceMap) -> str:
    if not layout.has_room:
        return "no room for another MIG instance"
    rows = {"compute": layout.compute, "memory": layout.memory}
    free = " and ".join(
        f"{sum(piece.is_free for piece in row)} of {len(row)} {name}" for name, row in rows.items()
    )
    return f"room for more MIG instances: {'at most ' if layout.unmapped else ''}{free} slices are free"


def _draw_compute(layout: SliceMap) -> Iterator[Segment]:
    """Yield one segment for each compute instance, and one for each other compute slice."""
    for (number, compute), places in _find_runs(layout.compute):
        slices = 0 if number is None else layout.instances[number].slices
        if number is not None and compute is not None:
            instance = layout.instances[number]
            text = f"{instance.compute[compute].slices}c" if instance.is_shared else ""
            yield Segment(state="taken", start=places[0], span=len(places), slices=slices, text=text)
            continue
        for place in places:
            # A slice of a GPU instance without a compute instance is free for a new one.
            state: SegmentState = "unusable" if layout.compute[place].is_unusable else "free"
            yield Segment(state=state, start=place, slices=slices)


def _draw_memory(layout: SliceMap) -> Iterator[Segment]:
    for (number, _), places in _find_runs(layout.memory):
        if number is None:
            yield from (Segment(state="free", row=1, start=place) for place in places)
            continue
        instance = layout.instances[number]
        yield Segment(
            state="taken",
            row=1,
            start=places[0],
            span=len(places),
            slices=instance.slices,
            text=instance.profile,
        )


def _find_runs(row: Sequence[Slice]) -> Iterator[tuple[tuple[int | None, int | None], list[int]]]:
    """Yield runs of slices with equal owners: indices of instance and compute instance, then the slices."""
    for owner, places in groupby(
        range(len(row)), key=lambda place: (row[place].instance, row[place].compute)
    ):
        yield owner, list(places)


def _describe(layout: SliceMap) -> str:
    described = []
    for instance in layout.instances:
        last = instance.start + instance.size - 1
        where = f"slice {instance.start}" if instance.size == 1 else f"slices {instance.start} to {last}"
        inside = ", ".join(each.profile for each in instance.compute)
        text = f"{instance.profile} in memory {where}"
        described.append(f"{text}, with {inside}" if instance.is_shared else text)
    return "; ".join(described) or "no MIG instance"
