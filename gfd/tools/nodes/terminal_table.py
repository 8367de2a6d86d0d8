"""The table of all nodes with GPUs, with its totals."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gfd.text import escape
from gfd.tools.nodes.columns import COLUMNS, NOTHING, UNKNOWN, cells
from gfd.tools.nodes.table import count
from gfd.tools.table import GAP, format_table
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gfd.tools.nodes.columns import Column
    from gfd.tools.nodes.table import Roster


def columns_of(is_wide: bool) -> tuple[Column, ...]:
    """Return the columns of the table, or of the wide one."""
    return tuple(column for column in COLUMNS if is_wide or not column.is_wide)


def to_table(
    roster: Roster,
    columns: Sequence[Column],
    now: datetime,
    *,
    width: int | None,
    height: int | None = None,
    is_coloured: bool,
) -> str:
    """Return the table with its totals; within ``width`` characters, it leaves out what does not fit.

    With ``height`` it is at most so many lines, and leaves out nodes.
    """
    below = foot(roster, width=width, is_coloured=is_coloured)
    listed = roster.rows
    if height is not None:
        # Besides the nodes: heading, blank line, foot, how many more, what is not shown.
        listed = listed[: max(1, height - 6 - below.count("\n"))]
    rows = [[escape(cell) for cell in cells(columns, row, now)] for row in listed]
    kept = fit(columns, rows, width)
    above = format_table(
        [[row[index] for index in kept] for row in rows],
        heading=[columns[index].name.upper() for index in kept],
        width=width,
        is_coloured=is_coloured,
        narrowest=[columns[index].narrowest for index in kept],
    )
    more = len(roster.rows) - len(listed)
    if more:
        above += f"and {more} more\n"
    left_out = [column.name for index, column in enumerate(columns) if index not in kept]
    note = f"not shown, for want of room: {', '.join(left_out)}; see -o wide" if left_out else ""
    return f"{above}\n{below}{_wrap(note, width)}"


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return which of ``columns`` can stand side by side in ``width`` characters and still be read."""
    kept = list(range(len(columns)))
    if width is None:
        return kept
    texts = [[row[index] for row in rows] for index in kept]
    needed = [
        min(max(len(column.name), *map(len, texts[index])), column.narrowest) + len(GAP)
        for index, column in enumerate(columns)
    ]
    ranks = [(set(texts[index]) == {NOTHING}, columns[index].rank) for index in kept]
    for index in sorted(kept, key=lambda index: ranks[index], reverse=True):
        if sum(needed[each] for each in kept) - len(GAP) <= width:
            break
        if columns[index].rank:
            kept.remove(index)
    return kept


def foot(roster: Roster, *, width: int | None, is_coloured: bool) -> str:
    """Return the totals as they stand under the table."""
    totals = count(roster)
    untold = totals["nodes_without_gpu_count"]
    parts = [
        f"{pluralize(totals['nodes'], 'node')} with GPUs",
        pluralize(totals["gpus"], "GPU") if totals["gpus"] else "",
        f"{untold} whose labels count MIG devices only" if untold else "",
        f"{totals['stale_nodes']} stale" if totals["stale_nodes"] else "",
        f"{pluralize(totals['nodes_without_gpus'], 'node')} without" if totals["nodes_without_gpus"] else "",
    ]
    allocated, free = totals["allocated"], totals["free"]
    resources = [
        [
            name,
            str(offered),
            UNKNOWN if allocated is None else str(allocated[name]),
            UNKNOWN if free is None else str(free[name]),
        ]
        for name, offered in totals["allocatable"].items()
    ]
    text = _wrap(", ".join(filter(None, parts)), width)
    heading = ("RESOURCE", "ALLOCATABLE", "ALLOCATED", "FREE")
    if not resources:
        return text
    return text + format_table(resources, heading=heading, width=width, is_coloured=is_coloured)


def _wrap(text: str, width: int | None) -> str:
    return "".join(line + "\n" for line in (textwrap.wrap(text, width) if width else [text] if text else []))
