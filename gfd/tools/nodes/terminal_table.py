"""Write the table of nodes for people, with its totals below."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gfd.text import escape
from gfd.tools.nodes.columns import NOTHING, UNKNOWN, format_cells
from gfd.tools.nodes.node_table import count_totals
from gfd.tools.nodes.product_totals import count_by_product
from gfd.tools.table import GAP, NARROWEST, format_table
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gfd.tools.nodes.columns import Column
    from gfd.tools.nodes.node_table import NodeTable
    from gfd.tools.nodes.product_totals import ProductTotal


def to_text(
    table: NodeTable,
    columns: Sequence[Column],
    now: datetime,
    *,
    width: int | None,
    height: int | None = None,
    is_coloured: bool,
) -> str:
    """Return the table with its totals.

    Leave out columns that do not fit into ``width`` characters. With ``height``, return at most that many
    lines and leave out nodes that do not fit.
    """
    # Without the totals of the products, which would leave no room for nodes.
    below = format_totals(table, width=width, is_coloured=is_coloured, has_products=height is None)
    listed = table.rows
    if height is not None:
        # Lines other than nodes and totals: heading, "and … more", blank line, hidden columns (up to 3).
        listed = listed[: max(1, height - 6 - below.count("\n"))]
    rows = [[escape(cell) for cell in format_cells(columns, row, now)] for row in listed]
    kept = choose_columns(columns, rows, width)
    above = format_table(
        [[row[index] for index in kept] for row in rows],
        heading=[columns[index].name.upper() for index in kept],
        width=width,
        is_coloured=is_coloured,
        narrowest=[columns[index].narrowest for index in kept],
    )
    more = len(table.rows) - len(listed)
    if more:
        above += f"and {more} more\n"
    hidden = [column.name for index, column in enumerate(columns) if index not in kept]
    note = f"no room for these columns: {', '.join(hidden)}; print them with -o wide" if hidden else ""
    return f"{above}\n{below}{_wrap(note, width)}"


def choose_columns(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the indices of the columns that fit side by side into ``width`` characters.

    Empty columns are left out first, then those with the highest rank.
    """
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


def format_totals(
    table: NodeTable, *, width: int | None, is_coloured: bool, has_products: bool = True
) -> str:
    """Return the totals: a sentence, a table of the resources, and one of the products if they differ."""
    totals = count_totals(table)
    uncounted, others = totals["nodes_without_gpu_count"], totals["nodes_without_gpus"]
    parts = [
        f"{pluralize(totals['nodes'], 'node')} with GPUs",
        pluralize(totals["gpus"], "GPU") if totals["gpus"] else "",
        f"{pluralize(uncounted, 'node')} with MIG devices but no GPU count" if uncounted else "",
        f"{totals['stale_nodes']} stale" if totals["stale_nodes"] else "",
        f"{pluralize(others, 'node')} without GPUs" if others else "",
    ]
    text = _wrap(", ".join(filter(None, parts)), width)
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
    if not resources:
        return text
    heading = ("RESOURCE", "ALLOCATABLE", "ALLOCATED", "FREE")
    text += format_table(resources, heading=heading, width=width, is_coloured=is_coloured)
    if any(each.is_partition for row in table.rows for each in row.dra.values()):
        text += _wrap(_OVERLAP, width)
    products = count_by_product(table.rows)
    if not has_products or len({total.product for total in products}) < 2:
        return text
    text += "\n"
    return text + format_table(
        map(_format_product, products),
        heading=_PRODUCT_HEADING,
        width=width,
        is_coloured=is_coloured,
        narrowest=(20, NARROWEST, NARROWEST, NARROWEST, NARROWEST, NARROWEST),
    )


_OVERLAP = (
    "Some devices of ResourceSlices are parts of the same GPU: a claim for one leaves fewer of the others. "
    "Each number is what claims can get if they take nothing else."
)
_PRODUCT_HEADING = ("PRODUCT", "RESOURCE", "NODES", "ALLOCATABLE", "FREE", "LARGEST FREE")


def _format_product(total: ProductTotal) -> list[str]:
    largest = f"{total.largest} on {pluralize(total.fitting, 'node')}" if total.largest else "0"
    if total.tainted:
        number = f"{total.tainted} " if total.tainted < total.fitting else ""
        largest += f" ({number}tainted)"
    free = f"{total.free} ({total.unusable} unschedulable)" if total.unusable else str(total.free)
    return [
        total.product or NOTHING,
        total.resource,
        str(total.nodes),
        str(total.allocatable),
        UNKNOWN if total.free is None else free,
        UNKNOWN if total.free is None else largest,
    ]


def _wrap(text: str, width: int | None) -> str:
    return "".join(line + "\n" for line in (textwrap.wrap(text, width) if width else [text] if text else []))
