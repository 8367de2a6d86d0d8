"""Write the table of nodes as JSON, YAML or CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from gfd.clusterview.timestamps import format_time
from gfd.text import escape
from gfd.tools import serialization
from gfd.tools.nodes import holders, product_totals
from gfd.tools.nodes.dra_fields import DRA_FIELDS
from gfd.tools.nodes.node_table import count_totals
from gfd.tools.nodes.product_totals import count_by_product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gfd.clusterview.gpus import NodeGpus
    from gfd.tools.nodes.node_table import NodeTable

FIELDS: Mapping[str, Callable[[NodeGpus], Any]] = {
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
    "cloud_name": lambda gpus: gpus.cloud_name or None,
}
"""The fields of a node in all formats; an unknown value is None."""


def list_fields(*, has_dra: bool) -> Mapping[str, Callable[[NodeGpus], Any]]:
    """Return the fields of a node; ``has_dra`` adds those of ResourceSlices."""
    return {**FIELDS, **DRA_FIELDS} if has_dra else FIELDS


def to_plain(gpus: NodeGpus, *, has_dra: bool) -> dict[str, Any]:
    """Return the GPUs of a node as dicts, lists and scalars; ``has_dra`` adds fields of ResourceSlices."""
    return {name: read(gpus) for name, read in list_fields(has_dra=has_dra).items()}


def to_json(table: NodeTable, *, has_pods: bool = False) -> str:
    """Return nodes and totals as JSON; ``has_pods`` adds the pods that hold devices to each node."""
    return serialization.to_json(_table_to_plain(table, has_pods=has_pods))


def to_yaml(table: NodeTable, *, has_pods: bool = False) -> str:
    """Return nodes and totals as YAML; ``has_pods`` adds the pods that hold devices to each node."""
    return serialization.to_yaml(_table_to_plain(table, has_pods=has_pods))


def to_csv(table: NodeTable, *, has_pods: bool = False) -> str:
    """Return a heading and a line for each node; a cell with several values separates them by spaces.

    With ``has_pods``, return a line for each pod that holds devices and each of its resources instead.
    """
    if has_pods:
        return write_csv(holders.to_csv_rows(table))
    has_dra = table.has_dra
    heading = list(list_fields(has_dra=has_dra))
    return write_csv([heading, *(to_csv_cells(row, has_dra=has_dra) for row in table.rows)])


def to_csv_cells(gpus: NodeGpus, *, has_dra: bool) -> list[Any]:
    """Return the cells of a node's line; ``has_dra`` adds those of ResourceSlices."""
    return [_to_cell(value) for value in to_plain(gpus, has_dra=has_dra).values()]


def write_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return lines of CSV, with control characters made visible: CSV itself has no way to escape them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_escape, row) for row in rows)
    return text.getvalue()


FORMATS: Mapping[str, Callable[..., str]] = {"json": to_json, "yaml": to_yaml, "csv": to_csv}


def _table_to_plain(table: NodeTable, *, has_pods: bool) -> dict[str, Any]:
    has_dra = table.has_dra
    nodes = [
        to_plain(row, has_dra=has_dra) | ({"pods": holders.to_plain(row)} if has_pods else {})
        for row in table.rows
    ]
    products = [product_totals.to_plain(total) for total in count_by_product(table.rows)]
    return {"nodes": nodes, "totals": count_totals(table) | {"products": products}}


def _to_cell(value: Any) -> Any:
    if isinstance(value, dict):
        return " ".join(f"{name}={number}" for name, number in value.items())
    if isinstance(value, list):
        return "; ".join(value)
    return str(value).lower() if isinstance(value, bool) else value


def _escape(cell: Any) -> Any:
    return escape(cell) if isinstance(cell, str) else cell
