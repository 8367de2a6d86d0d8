"""Text for a terminal or a pipe: whatever a label holds is shown, never obeyed.

On a terminal columns shrink to its width and headings are bold, unless NO_COLOR is set; anywhere else every
value is whole and the output is the same each time.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO, TypeVar

from gfd.printable import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

BOLD, DIM, GREEN, RED, YELLOW = "1", "2", "32", "31", "33"
"""SGR parameters for :func:`paint`."""

NARROWEST = 8
"""Columns below which a column of a table is not shrunk, unless it is told otherwise."""
GAP = "  "


def cut(text: str, width: int | None, used: int = 0) -> str:
    """Return a line as :func:`shown`, cut where a terminal of ``width`` columns ends; ``used`` are taken."""
    line = shown(text)
    return line if width is None or len(line) + used <= width else line[: max(width - used - 1, 0)] + "…"


def width_of(stream: TextIO) -> int | None:
    """Return the columns of the terminal that ``stream`` is; None where it is none."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def is_coloured(stream: TextIO) -> bool:
    """Return whether colours are wanted there: a terminal that is not dumb, and no NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, *, is_coloured: bool) -> str:
    """Return ``text`` in a style, where there are colours."""
    return f"\x1b[{style}m{text}\x1b[0m" if is_coloured and text else text


def table(
    heading: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    width: int | None,
    is_coloured: bool,
    narrowest: Sequence[int] = (),
) -> str:
    """Return aligned columns under a heading, every cell on one line.

    ``width`` is that of the terminal, in columns: the widest column shrinks until the table fits, but none
    below its ``narrowest``, :data:`NARROWEST` if there are none.
    """
    cells = [[shown(cell) for cell in row] for row in (heading, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    if width is not None:
        _shrink(widths, width, narrowest or [NARROWEST] * len(widths))
    lines = [GAP.join(_fit(cell, size) for cell, size in zip(row, widths, strict=True)) for row in cells]
    first, *others = [line.rstrip() + "\n" for line in lines]
    return paint(first.rstrip("\n"), BOLD, is_coloured=is_coloured) + "\n" + "".join(others)


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Show a bar on standard error as ``items`` are gone through: on a terminal, where rich is installed."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    try:
        from rich.console import Console
        from rich.progress import track as show
    except ImportError:
        return items
    return show(items, description=description, console=Console(stderr=True))


def _shrink(widths: list[int], available: int, narrowest: Sequence[int]) -> None:
    while sum(widths) + len(GAP) * (len(widths) - 1) > available:
        wide = [index for index, least in enumerate(narrowest) if widths[index] > least]
        if not wide:
            return
        widths[max(wide, key=lambda index: widths[index])] -= 1


def _fit(cell: str, size: int) -> str:
    return cell.ljust(size) if len(cell) <= size else cell[: size - 1] + "…"
