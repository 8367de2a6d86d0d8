"""Draw MIG layouts as ASCII text: a row of compute slices above a row of memory slices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.labels.products import INVALID, extract_profile
from gfd.text import escape
from gfd.tools.geometry import explain_missing_map, map_slices, name_device
from gfd.tools.terminal import DIM, GREEN, YELLOW, cut, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.inventory.model import Gpu, Inventory
    from gfd.labels.syntax import Labels
    from gfd.tools.geometry import InstanceSlices, Slice, SliceMap

_STYLES = (GREEN, YELLOW, "36", "35", "34")
"""The colours of the instances, used in turn."""
_FREE, _UNUSABLE = ".", "-"
_WIDE = 41
"""The width of eight slices, in columns; on a narrower terminal each slice is one column."""
_MAX_DEVICES = 512
"""The maximum number of MIG devices of a profile to draw; more are only counted."""
_COUNT = re.compile(r"nvidia\.com/mig-(?P<profile>.+)\.count")


def draw_inventory(inventory: Inventory, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Draw every GPU of a node, one below the other; ``width`` is the terminal's, in columns."""
    blocks = [draw(gpu, width=width, is_coloured=is_coloured) for gpu in inventory.gpus]
    blocks += [cut(str(failed), width) + "\n" for failed in inventory.failed_gpus]
    # Put blank lines between drawings, but not between GPUs that are only named.
    gap = "\n" if any(block.count("\n") > 1 for block in blocks) else ""
    return gap.join(blocks or ["no GPU\n"])


def draw(gpu: Gpu, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Draw one GPU: its name, its slices and its MIG instances."""
    state = "no MIG" if not gpu.is_mig_capable else "MIG on" if gpu.is_mig_enabled else "MIG off"
    lines = [cut(f"GPU {gpu.index}  {gpu.name}  {state}", width)]
    layout = map_slices(gpu)
    if layout is not None:
        is_wide = width is None or width >= _WIDE
        compute = [(cell, _choose_compute_mark(layout, cell)) for cell in layout.compute]
        memory = [(cell, _choose_mark(cell)) for cell in layout.memory]
        for name, marked in (("compute", compute), ("memory", memory)):
            lines.append(f"{name:<8}{_format_slices(marked, is_wide=is_wide, is_coloured=is_coloured)}")
        for number, instance in enumerate(layout.instances):
            style = _STYLES[number % len(_STYLES)]
            for mark, text in _describe(number, instance):
                lines.append(paint(f"{mark:<4}", style, is_coloured=is_coloured) + cut(text, width, 4))
        lines += [cut(text, width) for text in _format_footer(layout)]
    elif gpu.is_mig_enabled:
        lines.append(cut(f"not drawn: {explain_missing_map(gpu)}", width))
        lines += [cut(name_device(device), width) for device in gpu.mig_devices or ()]
    return "".join(f"{line}\n" for line in lines)


def draw_layout(labels: Labels, *, width: int | None = None) -> str:
    """Draw the MIG devices that a node's labels count, one line for each profile; empty if there are none.

    Labels do not contain positions, so devices of one profile stand side by side.
    """
    found = _count_devices(labels)
    column = max((len(escape(profile)) for profile, _, _ in found), default=0)
    lines = []
    for profile, count, slices in found:
        box = f"[{'=' * (3 * slices - 2)}]" if slices else ""
        drawn = box * count if count <= _MAX_DEVICES else ""
        lines.append(cut(f"{escape(profile):<{column}}  {count:>2}  {drawn}", width).rstrip() + "\n")
    return "".join(lines)


def _format_slices(marked: Iterable[tuple[Slice, str]], *, is_wide: bool, is_coloured: bool) -> str:
    """Return a row of slices with a bar between instances and free slices."""
    text, previous = "", None
    for cell, mark in marked:
        owner = (cell.instance, cell.is_unusable)
        style = DIM if cell.instance is None else _STYLES[cell.instance % len(_STYLES)]
        text += " " if owner == previous else "|"
        text += paint(f" {mark:<2}" if is_wide else mark[0], style, is_coloured=is_coloured)
        previous = owner
    return text + "|"


def _choose_mark(cell: Slice) -> str:
    if cell.instance is not None:
        return _choose_letter(cell.instance)
    return _UNUSABLE if cell.is_unusable else _FREE


def _choose_compute_mark(layout: SliceMap, cell: Slice) -> str:
    if cell.instance is None or not layout.instances[cell.instance].is_shared:
        return _choose_mark(cell)
    return f"{_choose_mark(cell)}{_FREE if cell.compute is None else cell.compute}"


def _choose_letter(number: int) -> str:
    return chr(ord("A") + number % 26)


def _describe(number: int, instance: InstanceSlices) -> Iterator[tuple[str, str]]:
    """Yield the marks of an instance with their meanings."""
    letter = _choose_letter(number)
    about = f"{instance.profile}  GPU instance {instance.id}"
    if not instance.is_shared:
        devices = ", ".join(str(each.device) for each in instance.compute)
        yield letter, f"{about}, MIG device {devices}"
        return
    yield letter, about
    for place, each in enumerate(instance.compute):
        yield f"{letter}{place}", f"{each.profile}  MIG device {each.device}"


def _format_footer(layout: SliceMap) -> Iterator[str]:
    free = [sum(cell.is_free for cell in cells) for cells in (layout.compute, layout.memory)]
    compute, memory = (f"{count} {kind}" for count, kind in zip(free, ("compute", "memory"), strict=True))
    bound = "at most " if layout.unmapped else ""
    yield f"free: {bound}{compute}, {memory} slices"
    if any(cell.is_unusable for cell in layout.compute):
        yield f"{_UNUSABLE}   unusable: the memory below it is taken"
    for device in layout.unmapped:
        yield f"not drawn, position unknown: {name_device(device)}"


def _count_devices(labels: Labels) -> list[tuple[str, int, int]]:
    """Return for each profile its name, the number of devices, and the compute slices of one (0: unknown)."""
    found = {
        match["profile"]: f"nvidia.com/{key[11:-6]}" for key in labels if (match := _COUNT.fullmatch(key))
    }
    profile = extract_profile(labels.get("nvidia.com/gpu.product", ""))
    if not found and profile not in ("", INVALID):
        found = {profile: "nvidia.com/gpu"}
    return [
        (profile, _parse_count(labels, f"{key}.count"), min(_parse_count(labels, f"{key}.slices.ci"), 7))
        for profile, key in sorted(found.items())
    ]


def _parse_count(labels: Labels, key: str) -> int:
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
