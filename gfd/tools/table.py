"""Format tables: the only module that aligns columns for people.

Make control characters visible. On a terminal, shrink columns to its width. For a pipe, keep every cell
whole, so that the output does not depend on a width.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.text import escape
from gfd.tools.terminal import BOLD, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "  "
"""The text between two columns."""
NARROWEST = 8
"""The minimum width to which a column can shrink, unless ``narrowest`` has another."""
NARROWEST_WRAPPED = 20
"""The minimum width to which the wrapped last column can shrink."""

_MARKER = re.compile(r"-> |")
"""A mark at the start of a wrapped text; the next lines are aligned to the text after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Styled:
    """The text of a cell, and its style on a terminal."""

    text: str
    style: str
    """One of the SGR parameters in :mod:`gfd.tools.terminal`."""
    length: int | None = None
    """How many characters have the style; None for all."""


Cell = str | Styled


def format_table(
    rows: Iterable[Sequence[Cell]],
    *,
    heading: Sequence[str] = (),
    width: int | None = None,
    is_coloured: bool = False,
    narrowest: Sequence[int] = (),
    is_wrapped: bool = False,
    indent: str = "",
) -> str:
    """Return the rows as aligned columns. A row without cells becomes a blank line.

    ``width`` is that of the terminal, in characters; None for a pipe. If the table is wider, shrink the
    widest column first, but none below its ``narrowest``. With ``is_wrapped``, do not cut the last column:
    continue its text on the lines below.
    """
    cells = [[_to_visible(cell) for cell in row] for row in rows]
    title = [[_to_visible(cell) for cell in heading]] if heading else []
    widths = measure([*title, *cells])
    if width is not None and is_wrapped:
        used = len(indent) + sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
        cells = [line for row in cells for line in _wrap_last(row, len(widths), width - used)]
    elif width is not None:
        _shrink(widths, width - len(indent), narrowest or [NARROWEST] * len(widths))
        title, cells = ([_cut_row(row, widths) for row in part] for part in (title, cells))
    first = [paint(_join(row, widths, indent=indent), BOLD, is_coloured=is_coloured) for row in title]
    others = [_join(row, widths, is_coloured=is_coloured, indent=indent) for row in cells]
    return "".join(f"{line}\n" for line in [*first, *others])


def measure(rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Return the width of each column: that of its longest cell."""
    columns = max(map(len, rows), default=0)
    return [max(len(_text(row[index])) for row in rows if index < len(row)) for index in range(columns)]


def format_row(
    row: Sequence[Cell], widths: Sequence[int], *, is_coloured: bool = False, indent: str = ""
) -> str:
    """Return one line, without a line end. A cell longer than its column moves the cells after it."""
    return _join([_to_visible(cell) for cell in row], widths, is_coloured=is_coloured, indent=indent)


def _join(row: Sequence[Cell], widths: Sequence[int], *, is_coloured: bool = False, indent: str = "") -> str:
    """Return one line of cells without hidden characters."""
    if all(isinstance(cell, str) for cell in row):
        # The usual case; tables can have thousands of rows.
        return f"{indent}{GAP.join(map(str.ljust, map(_text, row), widths))}".rstrip()
    line = pending = ""
    for cell, size in zip(row, widths, strict=False):
        text = _text(cell).rstrip()
        if text:
            line += (pending if line else indent + pending) + _paint(cell, text, is_coloured=is_coloured)
            pending = ""
        pending += " " * (size - len(text)) + GAP
    return line


def _to_visible(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return escape(cell)
    return Styled(text=escape(cell.text), style=cell.style, length=cell.length)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _paint(cell: Cell, text: str, *, is_coloured: bool) -> str:
    if isinstance(cell, str):
        return text
    length = len(text) if cell.length is None else cell.length
    return paint(text[:length], cell.style, is_coloured=is_coloured) + text[length:]


def _cut_row(row: list[Cell], widths: Sequence[int]) -> list[Cell]:
    return [_cut(cell, size) for cell, size in zip(row, widths, strict=False)]


def _cut(cell: Cell, size: int) -> Cell:
    if len(_text(cell)) <= size:
        return cell
    text = _text(cell)[: size - 1] + "…"
    return text if isinstance(cell, str) else Styled(text=text, style=cell.style, length=cell.length)


def _shrink(widths: list[int], available: int, narrowest: Sequence[int]) -> None:
    while sum(widths) + len(GAP) * (len(widths) - 1) > available:
        wide = [index for index, least in enumerate(narrowest) if widths[index] > least]
        if not wide:
            return
        widths[max(wide, key=lambda index: widths[index])] -= 1


def _wrap_last(row: list[Cell], columns: int, available: int) -> list[list[Cell]]:
    """Return the rows into which the text of the last column is wrapped."""
    if len(row) < columns:
        return [row]
    text = _text(row[-1])
    marker = _MARKER.match(text)
    first, *more = textwrap.wrap(
        text,
        max(available, NARROWEST_WRAPPED),
        subsequent_indent=" " * len(marker[0]) if marker else "",
        break_on_hyphens=False,
    ) or [""]
    before: list[Cell] = [""] * (columns - 1)
    return [[*row[:-1], first], *([*before, line] for line in more)]
