"""MIG layouts as text: compute slices over memory slices, in ASCII, which every terminal and locale shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.labels.products import INVALID, extract_profile
from gfd.text import escape
from gfd.tools.geometry import explain, lay_out, name_device
from gfd.tools.terminal import DIM, GREEN, YELLOW, cut, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.inventory.model import Gpu, Inventory
    from gfd.labels.syntax import Labels
    from gfd.tools.geometry import Cell, GpuInstance, Layout

_STYLES = (GREEN, YELLOW, "36", "35", "34")
"""Of one instance and the next."""
_FREE, _LEFT_OVER = ".", "-"
_WIDE = 41
"""Columns that eight slices take; on a narrower terminal they are drawn closer."""
_LARGEST = 512
"""MIG devices that are drawn to scale; more are only counted."""
_COUNT = re.compile(r"nvidia\.com/mig-(?P<profile>.+)\.count")


def draw_inventory(inventory: Inventory, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Return every GPU of a node, one below the other; ``width`` is that of the terminal, in columns."""
    blocks = [draw(gpu, width=width, is_coloured=is_coloured) for gpu in inventory.gpus]
    blocks += [cut(str(failed), width) + "\n" for failed in inventory.failed_gpus]
    # A GPU that is drawn stands apart; those that only have a name are a list.
    gap = "\n" if any(block.count("\n") > 1 for block in blocks) else ""
    return gap.join(blocks or ["no GPU\n"])


def draw(gpu: Gpu, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Return one GPU: its name, and how it is divided."""
    state = "no MIG" if not gpu.is_mig_capable else "MIG on" if gpu.is_mig_enabled else "MIG off"
    lines = [cut(f"GPU {gpu.index}  {gpu.name}  {state}", width)]
    layout = lay_out(gpu)
    if layout is not None:
        is_wide = width is None or width >= _WIDE
        compute = [(cell, _compute_mark(layout, cell)) for cell in layout.compute]
        memory = [(cell, _mark(cell)) for cell in layout.memory]
        for name, marked in (("compute", compute), ("memory", memory)):
            lines.append(f"{name:<8}{_row(marked, is_wide=is_wide, is_coloured=is_coloured)}")
        for number, instance in enumerate(layout.instances):
            style = _STYLES[number % len(_STYLES)]
            for mark, text in _explain(number, instance):
                lines.append(paint(f"{mark:<4}", style, is_coloured=is_coloured) + cut(text, width, 4))
        lines += [cut(text, width) for text in _foot(layout)]
    elif gpu.is_mig_enabled:
        lines.append(cut(f"not drawn: {explain(gpu)}", width))
        lines += [cut(name_device(device), width) for device in gpu.mig_devices or ()]
    return "".join(f"{line}\n" for line in lines)


def draw_layout(labels: Labels, *, width: int | None = None) -> str:
    """Return a node's MIG devices as far as its labels tell: how many of each profile, to scale, in no place.

    A profile a line; empty where the labels speak of none.
    """
    found = _count_devices(labels)
    column = max((len(escape(profile)) for profile, _, _ in found), default=0)
    lines = []
    for profile, count, slices in found:
        box = f"[{'=' * (3 * slices - 2)}]" if slices else ""
        drawn = box * count if count <= _LARGEST else ""
        lines.append(cut(f"{escape(profile):<{column}}  {count:>2}  {drawn}", width).rstrip() + "\n")
    return "".join(lines)


def _row(marked: Iterable[tuple[Cell, str]], *, is_wide: bool, is_coloured: bool) -> str:
    """Return slices with a bar wherever one instance, or free room, ends."""
    text, previous = "", None
    for cell, mark in marked:
        owner = (cell.instance, cell.is_left_over)
        style = DIM if cell.instance is None else _STYLES[cell.instance % len(_STYLES)]
        text += " " if owner == previous else "|"
        text += paint(f" {mark:<2}" if is_wide else mark[0], style, is_coloured=is_coloured)
        previous = owner
    return text + "|"


def _mark(cell: Cell) -> str:
    if cell.instance is not None:
        return _letter(cell.instance)
    return _LEFT_OVER if cell.is_left_over else _FREE


def _compute_mark(layout: Layout, cell: Cell) -> str:
    if cell.instance is None or not layout.instances[cell.instance].is_shared:
        return _mark(cell)
    return f"{_mark(cell)}{_FREE if cell.compute is None else cell.compute}"


def _letter(number: int) -> str:
    return chr(ord("A") + number % 26)


def _explain(number: int, instance: GpuInstance) -> Iterator[tuple[str, str]]:
    """Yield the marks of an instance, and what they mean."""
    letter = _letter(number)
    about = f"{instance.profile}  GPU instance {instance.id}"
    if not instance.is_shared:
        devices = ", ".join(str(each.device) for each in instance.compute)
        yield letter, f"{about}, MIG device {devices}"
        return
    yield letter, about
    for place, each in enumerate(instance.compute):
        yield f"{letter}{place}", f"{each.profile}  MIG device {each.device}"


def _foot(layout: Layout) -> Iterator[str]:
    free = [sum(cell.is_free for cell in cells) for cells in (layout.compute, layout.memory)]
    compute, memory = (f"{count} {kind}" for count, kind in zip(free, ("compute", "memory"), strict=True))
    bound = "at most " if layout.unplaced else ""
    yield f"free: {bound}{compute}, {memory} slices"
    if any(cell.is_left_over for cell in layout.compute):
        yield f"{_LEFT_OVER}   left over: the memory beside it is taken"
    for device in layout.unplaced:
        yield f"not drawn, its place is not known: {name_device(device)}"


def _count_devices(labels: Labels) -> list[tuple[str, int, int]]:
    """Return profile, devices, and compute slices of one, 0 where the labels do not say."""
    found = {
        match["profile"]: f"nvidia.com/{key[11:-6]}" for key in labels if (match := _COUNT.fullmatch(key))
    }
    profile = extract_profile(labels.get("nvidia.com/gpu.product", ""))
    if not found and profile not in ("", INVALID):
        found = {profile: "nvidia.com/gpu"}
    return [
        (profile, _number(labels, f"{key}.count"), min(_number(labels, f"{key}.slices.ci"), 7))
        for profile, key in sorted(found.items())
    ]


def _number(labels: Labels, key: str) -> int:
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
