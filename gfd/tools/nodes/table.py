"""The GPUs of all nodes: in order, counted, and as JSON, YAML or CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import NodeGpus, describe, has_gpus
from gfd.clusterview.timestamps import format_time
from gfd.text import escape
from gfd.tools import serialization
from gfd.tools.nodes.columns import COLUMNS, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from gfd.clusterview.nodes import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All nodes with GPUs, in the order in which they are shown."""

    rows: tuple[NodeGpus, ...]
    others: int
    """Nodes without GPUs."""


def enrol(nodes: Iterable[Node], order: Sequence[str], now: datetime) -> Roster:
    """Return the nodes with GPUs, as :func:`arrange` sorts them."""
    found = list(nodes)
    rows = [describe(node) for node in found if has_gpus(node)]
    return Roster(rows=tuple(arrange(rows, order, now)), others=len(found) - len(rows))


def arrange(rows: list[NodeGpus], order: Sequence[str], now: datetime) -> list[NodeGpus]:
    """Return ``rows`` sorted by columns in ``order``, first things first; a leading ``-`` turns one round."""
    by_name = {column.name: column for column in COLUMNS}
    for name in reversed(order):
        column = by_name[name.removeprefix("-")]
        keys = [(sort_key(column, row, now), row) for row in rows]
        known = [(key, row) for key, row in keys if key is not None]
        known.sort(key=lambda each: each[0], reverse=name.startswith("-"))
        # What a node does not have is neither least nor most.
        rows = [row for _, row in known] + [row for key, row in keys if key is None]
    return rows


def count(roster: Roster) -> dict[str, Any]:
    """Return the totals; what is allocated and free is None unless it is known of every node."""
    rows = roster.rows
    return {
        "nodes": len(rows),
        "gpus": sum(row.gpus or 0 for row in rows),
        "nodes_without_gpu_count": sum(row.gpus is None and bool(row.product) for row in rows),
        "stale_nodes": sum(bool(row.stale) for row in rows),
        "nodes_without_gpus": roster.others,
        "allocatable": _sum(row.allocatable for row in rows),
        "allocated": _sum(row.allocated for row in rows),
        "free": _sum(row.free for row in rows),
    }


PLAIN: Mapping[str, Callable[[NodeGpus], Any]] = {
    "node": lambda gpus: gpus.node,
    "product": lambda gpus: gpus.product or None,
    "models": lambda gpus: dict(gpus.models),
    "gpus": lambda gpus: gpus.gpus,
    "mig_strategy": lambda gpus: gpus.mig_strategy,
    "mig": lambda gpus: dict(gpus.mig),
    "is_mig_invalid": lambda gpus: gpus.is_mig_invalid,
    "memory_mib": lambda gpus: gpus.memory_mib,
    "driver": lambda gpus: gpus.driver or None,
    "cuda": lambda gpus: gpus.cuda or None,
    "compute": lambda gpus: gpus.compute or None,
    "family": lambda gpus: gpus.family or None,
    "machine": lambda gpus: gpus.machine or None,
    "sharing_strategy": lambda gpus: gpus.sharing_strategy or None,
    "replicas": lambda gpus: dict(gpus.replicas),
    "allocatable": lambda gpus: dict(gpus.allocatable),
    "allocated": lambda gpus: None if gpus.allocated is None else dict(gpus.allocated),
    "free": lambda gpus: None if gpus.free is None else dict(gpus.free),
    "loaded_at": lambda gpus: format_time(gpus.loaded_at),
    "written_at": lambda gpus: format_time(gpus.written_at),
    "writers": lambda gpus: list(gpus.writers),
    "stale": lambda gpus: list(gpus.stale),
}
"""What JSON, YAML and CSV tell of a node; None for what nothing tells."""


def to_plain(gpus: NodeGpus) -> dict[str, Any]:
    """Return the GPUs of a node as dicts, lists and scalars."""
    return {name: tell(gpus) for name, tell in PLAIN.items()}


def to_json(roster: Roster) -> str:
    """Return nodes and totals as a JSON object."""
    return serialization.to_json(_all(roster))


def to_yaml(roster: Roster) -> str:
    """Return nodes and totals as YAML."""
    return serialization.to_yaml(_all(roster))


def to_csv(roster: Roster) -> str:
    """Return a heading and a line a node; several values in a cell are separated by blanks."""
    return csv_lines([list(PLAIN), *(csv_cells(row) for row in roster.rows)])


def csv_cells(gpus: NodeGpus) -> list[Any]:
    """Return what one line of CSV holds."""
    return [_cell(value) for value in to_plain(gpus).values()]


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Return lines of CSV. It has no way to escape what a terminal would obey; JSON and YAML have."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_show, row) for row in rows)
    return text.getvalue()


def dump_yaml(value: Any) -> str:
    """Return plain values as YAML."""
    from gfd.documents.writer import write

    return write(value)


def _all(roster: Roster) -> dict[str, Any]:
    return {"nodes": [to_plain(row) for row in roster.rows], "totals": count(roster)}


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(f"{name}={number}" for name, number in value.items())
    if isinstance(value, list):
        return "; ".join(value)
    return str(value).lower() if isinstance(value, bool) else value


def _show(cell: Any) -> Any:
    return escape(cell) if isinstance(cell, str) else cell


def _sum(each: Iterable[Mapping[str, int] | None]) -> dict[str, int] | None:
    total: dict[str, int] = {}
    for counts in each:
        if counts is None:
            return None
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
    return dict(sorted(total.items()))
