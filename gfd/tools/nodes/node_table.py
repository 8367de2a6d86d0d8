"""The table of all nodes with GPUs: its rows in order, and their totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import NodeGpus, describe, has_gpus
from gfd.clusterview.resources import add
from gfd.tools.nodes.columns import COLUMNS, sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from gfd.clusterview.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTable:
    """All nodes with GPUs, in the order in which they are printed."""

    rows: tuple[NodeGpus, ...]
    nodes_without_gpus: int

    @property
    def has_dra(self) -> bool:
        """Whether a node has ResourceSlices of NVIDIA's DRA driver."""
        return any(row.has_dra for row in self.rows)


def build_table(nodes: Iterable[Node], sort_by: Sequence[str], now: datetime) -> NodeTable:
    """Return the table of these nodes, sorted like :func:`sort_rows`."""
    found = list(nodes)
    rows = [describe(node) for node in found if has_gpus(node)]
    return NodeTable(rows=tuple(sort_rows(rows, sort_by, now)), nodes_without_gpus=len(found) - len(rows))


def sort_rows(rows: list[NodeGpus], sort_by: Sequence[str], now: datetime) -> list[NodeGpus]:
    """Return the rows sorted by columns, the first column first; a leading ``-`` reverses a column."""
    by_name = {column.name: column for column in COLUMNS}
    for name in reversed(sort_by):
        column = by_name[name.removeprefix("-")]
        keys = [(sort_key(column, row, now), row) for row in rows]
        known = [(key, row) for key, row in keys if key is not None]
        known.sort(key=lambda each: each[0], reverse=name.startswith("-"))
        # Nodes without a value come last, also in reverse.
        rows = [row for _, row in known] + [row for key, row in keys if key is None]
    return rows


def count_totals(table: NodeTable) -> dict[str, Any]:
    """Return the totals; those of allocated and free devices are None unless known for every node."""
    rows = table.rows
    return {
        "nodes": len(rows),
        "gpus": sum(row.gpus or 0 for row in rows),
        "nodes_without_gpu_count": sum(row.gpus is None and bool(row.product) for row in rows),
        "stale_nodes": sum(bool(row.stale) for row in rows),
        "nodes_without_gpus": table.nodes_without_gpus,
        "allocatable": _sum(row.allocatable for row in rows),
        "allocated": _sum(row.allocated for row in rows),
        "free": _sum(row.free for row in rows),
    }


def _sum(each: Iterable[Mapping[str, int] | None]) -> dict[str, int] | None:
    total: dict[str, int] = {}
    for counts in each:
        if counts is None:
            return None
        total = add(total, counts)
    return dict(sorted(total.items()))
