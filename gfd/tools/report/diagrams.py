"""What is drawn of GPUs: stretches on a grid, for the page to place without knowing what they mean.

Of a GPU that was read, its MIG instances lie where NVML says. Of a Node nothing tells where they lie: its
devices stand in a row, to scale, those that pods request apart from the free ones.
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

Look = Literal["taken", "free", "idle"]
"""``idle``: neither taken nor to be had, such as a compute slice beside memory that is taken."""

TIMES = "\N{MULTIPLICATION SIGN}"
COLUMNS = 8
"""Of a row of devices: as many as a GPU has memory slices."""
MOST_DEVICES = 64
"""More are only counted."""
_SLICES = re.compile(r"(?:([1-8])c\.)?([1-8])g\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some columns of one row."""

    look: Look
    row: int = 0
    start: int | None = None
    """First column; None: right of the stretch before, or in the next line."""
    span: int = 1
    """Columns."""
    slices: int = 0
    """Compute slices of the profile, which choose the colour; 0 for what is no MIG device."""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One GPU, or several that look the same; without stretches there is only the caption."""

    caption: str
    words: str = ""
    """The stretches in words, for who cannot see them; empty where the caption says as much."""
    rows: tuple[str, ...] = ()
    """Names of the rows; none where there is only one."""
    columns: int = 0
    stretches: tuple[Stretch, ...] = ()


def draw_gpus(gpus: Sequence[Gpu]) -> Iterator[Figure]:
    """Yield a figure for each GPU in MIG mode, and one for all those in a row that are not divided."""
    for (is_mig_enabled, name), alike in groupby(gpus, key=lambda gpu: (gpu.is_mig_enabled, gpu.name)):
        if is_mig_enabled:
            yield from map(_draw_divided, alike)
        else:
            yield _draw_whole(name, [gpu.index for gpu in alike])


def draw_devices(resource: str, count: int, requested: int | None, profile: str = "") -> Figure:
    """Return the devices of an extended resource of a Node.

    ``requested`` is how many of them pods request, None where that is not known; ``profile`` is that of a
    device that is a MIG device.
    """
    match = _SLICES.match(profile)
    slices = int(match[1] or match[2]) if match else 0
    free = 0 if requested is None else max(count - requested, 0)
    caption = f"{count} {TIMES} {resource}" if requested is None else f"{free} of {count} {resource} free"
    if count > MOST_DEVICES:
        return Figure(caption=caption)
    taken_one, free_one = (
        Stretch(look=look, span=max(slices, 1), slices=slices, text=profile) for look in ("taken", "free")
    )
    stretches = (taken_one,) * (count - free) + (free_one,) * free
    return Figure(caption=caption, columns=COLUMNS, stretches=stretches)


def _draw_whole(name: str, indices: list[int]) -> Figure:
    is_run = len(indices) > 2 and indices == list(range(indices[0], indices[-1] + 1))
    numbers = f"{indices[0]} to {indices[-1]}" if is_run else ", ".join(map(str, indices))
    return Figure(
        caption=f"{'GPU' if len(indices) == 1 else 'GPUs'} {numbers}: {name}, not divided",
        columns=min(len(indices), COLUMNS),
        stretches=tuple(Stretch(look="taken", text=f"GPU {index}") for index in indices),
    )


def _draw_divided(gpu: Gpu) -> Figure:
    title = f"GPU {gpu.index}: {gpu.name}"
    layout = map_slices(gpu)
    if layout is None:
        lost = [f"not drawn: {explain_missing_map(gpu)}", *map(name_device, gpu.mig_devices or ())]
        return Figure(caption="; ".join((f"{title}, in MIG mode", *lost)))
    lost = [f"not drawn, position unknown: {name_device(device)}" for device in layout.unmapped]
    return Figure(
        caption="; ".join((title, _free(layout), *lost)),
        words=_describe(layout),
        rows=("compute", "memory"),
        columns=len(layout.memory),
        stretches=(*_compute(layout), *_memory(layout)),
    )


def _free(layout: SliceMap) -> str:
    rows = {"compute": layout.compute, "memory": layout.memory}
    free = {name: sum(piece.is_free for piece in row) for name, row in rows.items()}
    if not any(free.values()):
        return "nothing free"
    numbers = ", ".join(f"{free[name]} of {len(row)} {name}" for name, row in rows.items())
    return f"free: {'at most ' if layout.unmapped else ''}{numbers} slices"


def _compute(layout: SliceMap) -> Iterator[Stretch]:
    """Yield the compute slices: those of a compute instance together, all others one by one."""
    for (number, compute), places in _runs(layout.compute):
        slices = 0 if number is None else layout.instances[number].slices
        if number is not None and compute is not None:
            instance = layout.instances[number]
            text = f"{instance.compute[compute].slices}c" if instance.is_shared else ""
            yield Stretch(look="taken", start=places[0], span=len(places), slices=slices, text=text)
            continue
        for place in places:
            # A slice of a GPU instance that no compute instance has is free for one.
            look: Look = "idle" if layout.compute[place].is_unusable else "free"
            yield Stretch(look=look, start=place, slices=slices)


def _memory(layout: SliceMap) -> Iterator[Stretch]:
    for (number, _), places in _runs(layout.memory):
        if number is None:
            yield from (Stretch(look="free", row=1, start=place) for place in places)
            continue
        instance = layout.instances[number]
        yield Stretch(
            look="taken",
            row=1,
            start=places[0],
            span=len(places),
            slices=instance.slices,
            text=instance.profile,
        )


def _runs(row: Sequence[Slice]) -> Iterator[tuple[tuple[int | None, int | None], list[int]]]:
    """Yield the places that belong together, with the numbers of their instance and compute instance."""
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
        described.append(f"{text}, shared by {inside}" if instance.is_shared else text)
    return "; ".join(described) or "no MIG instance"
