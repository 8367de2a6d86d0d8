"""What the table of nodes says of ResourceSlices: fields, sources and problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.device_counts import is_dra
from gfd.clusterview.dra.node_facts import find_label_sources
from gfd.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gfd.clusterview.gpus import NodeGpus

MAX_WARNINGS = 5
"""How many nodes with a problem are named."""

DRA_FIELDS: Mapping[str, Callable[[NodeGpus], Any]] = {
    "dra_devices": lambda gpus: {kind: each.total for kind, each in gpus.dra.items()},
    "dra_tainted": lambda gpus: {kind: each.blocked for kind, each in gpus.dra.items()},
    "dra_overlapping": lambda gpus: [kind for kind, each in gpus.dra.items() if each.is_partition],
    "device_taints": lambda gpus: dict(gpus.device_taints),
    "dra_problems": lambda gpus: list(gpus.dra_problems),
    "sources": lambda gpus: dict(gpus.sources or find_label_sources(gpus)),
}
"""The fields that all nodes have in all formats if one of them has ResourceSlices."""


def list_sources(gpus: NodeGpus) -> list[str]:
    """Return where the devices of a node are told: labels, plugin (the device plugin), slices."""
    found = {
        "labels": bool(gpus.product) and gpus.sources.get("product", "labels") == "labels",
        "plugin": any(count and not is_dra(name) for name, count in gpus.allocatable.items()),
        "slices": gpus.has_dra,
    }
    return [name for name, is_there in found.items() if is_there]


def explain_problems(rows: Sequence[NodeGpus]) -> Iterator[str]:
    """Yield warnings about ResourceSlices whose devices are not counted."""
    broken = [row for row in rows if row.dra_problems]
    for row in broken[:MAX_WARNINGS]:
        problems = "; ".join(row.dra_problems)
        yield f"warning: node {escape(row.node)}: {escape(problems)}; its devices are not counted"
    if len(broken) > MAX_WARNINGS:
        yield f"warning: {len(broken) - MAX_WARNINGS} more nodes have incomplete pools; -o json names them"
