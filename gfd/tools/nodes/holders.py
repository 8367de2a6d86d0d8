"""Write who holds the devices of each node: a line for each pod and resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.timestamps import format_age, format_time
from gfd.tools.nodes.columns import NOTHING
from gfd.tools.table import format_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from gfd.clusterview.gpus import NodeGpus
    from gfd.clusterview.pods import PodRequest
    from gfd.tools.nodes.node_table import NodeTable

HEADING = ("NODE", "RESOURCE", "COUNT", "SINCE", "NAMESPACE", "POD")
_Holding = tuple["NodeGpus", "PodRequest", str, int]
CSV_FIELDS: Mapping[str, Callable[[_Holding], Any]] = {
    "node": lambda holding: holding[0].node,
    "product": lambda holding: holding[0].product or None,
    "namespace": lambda holding: holding[1].namespace,
    "pod": lambda holding: holding[1].name,
    "since": lambda holding: format_time(holding[1].since),
    "resource": lambda holding: holding[2],
    "count": lambda holding: holding[3],
}
"""The fields of a line of CSV."""


def to_text(table: NodeTable, now: datetime, *, width: int | None, is_coloured: bool) -> str:
    """Return a table of pods, or a sentence if no pod holds a device."""
    rows = [
        [
            gpus.node,
            resource,
            str(count),
            format_age(pod.since, now) if pod.since else NOTHING,
            pod.namespace or NOTHING,
            pod.name or NOTHING,
        ]
        for gpus, pod, resource, count in list_holdings(table)
    ]
    if rows:
        return format_table(rows, heading=HEADING, width=width, is_coloured=is_coloured)
    is_known = all(gpus.allocated is not None for gpus in table.rows)
    return "no pod holds a device\n" if is_known else "who holds devices is unknown\n"


def to_csv_rows(table: NodeTable) -> Iterator[list[Any]]:
    """Yield the heading and a line for each pod and resource."""
    yield list(CSV_FIELDS)
    for holding in list_holdings(table):
        yield [read(holding) for read in CSV_FIELDS.values()]


def to_plain(gpus: NodeGpus) -> list[dict[str, Any]] | None:
    """Return the pods that hold devices of a node as dicts; None if unknown."""
    if gpus.allocated is None:
        return None
    return [
        {
            "namespace": pod.namespace,
            "pod": pod.name,
            "since": format_time(pod.since),
            "requests": dict(sorted(pod.counts.items())),
        }
        for pod in gpus.holders
    ]


def list_holdings(table: NodeTable) -> Iterator[_Holding]:
    """Yield node, pod, resource and count, in the order of the table."""
    for gpus in table.rows:
        for pod in gpus.holders:
            for resource, count in sorted(pod.counts.items()):
                if count:
                    yield gpus, pod, resource, count
