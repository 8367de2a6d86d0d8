"""The columns of the table of nodes, and their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import GPU
from gfd.clusterview.dra.device_counts import GPU_CLASS, extract_profile, is_dra
from gfd.clusterview.timestamps import format_age
from gfd.labels.syntax import VENDOR
from gfd.tools.nodes.dra_fields import list_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from gfd.clusterview.gpus import NodeGpus

UNKNOWN, NOTHING = "?", "-"
"""The texts for an unknown number and an empty cell. No cell stays empty, so that awk can read columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column."""

    name: str
    """The name for --sort; in capitals, it is the heading."""
    cell: Callable[[NodeGpus, datetime], str]
    """Returns the text of a cell for the GPUs of a node, at a time."""
    key: Callable[[NodeGpus], Any] | None = None
    """Returns the sort key; None sorts last. By default, sort by the cell's text, with numbers by value."""
    narrowest: int = 10
    """The width to which a column shrinks before other columns are left out."""
    rank: int = 0
    """On a narrow terminal, columns with a higher rank are left out first; those with 0 never."""
    is_wide: bool = False
    """Whether only ``-o wide`` shows the column."""
    is_of_dra: bool = False
    """Whether the column is there only if a node has ResourceSlices."""


def _format_product(gpus: NodeGpus, _: datetime) -> str:
    if gpus.models:
        return _format_counts(gpus.models)
    return gpus.product or (f"({gpus.cloud_name})" if gpus.cloud_name else "")


def _format_gpus(gpus: NodeGpus, _: datetime) -> str:
    if gpus.gpus is None:
        return UNKNOWN if gpus.product else ""
    return str(gpus.gpus)


def _format_mig(gpus: NodeGpus, _: datetime) -> str:
    return "INVALID" if gpus.is_mig_invalid else _format_counts(gpus.mig)


def _format_memory(gpus: NodeGpus, _: datetime) -> str:
    return "" if gpus.memory_mib is None else f"{gpus.memory_mib}Mi"


def _format_sharing(gpus: NodeGpus, _: datetime) -> str:
    replicas = gpus.replicas
    if set(replicas) == {GPU}:
        return f"{gpus.sharing_strategy}:{replicas[GPU]}"
    each = _format_counts({_shorten(name): count for name, count in replicas.items()})
    return f"{gpus.sharing_strategy} {each}" if each else ""


def _format_allocated(gpus: NodeGpus, _: datetime) -> str:
    allocated, allocatable = gpus.allocated, gpus.allocatable
    return _format_resources(
        gpus,
        lambda name: f"{UNKNOWN if allocated is None else allocated[name]}/{allocatable.get(name, 0)}",
    )


def _format_free(gpus: NodeGpus, _: datetime) -> str:
    free = gpus.free
    return _format_resources(gpus, lambda name: UNKNOWN if free is None else str(free.get(name, 0)))


def _format_age(gpus: NodeGpus, now: datetime) -> str:
    if gpus.written_at is not None:
        return format_age(gpus.written_at, now)
    return f"~{format_age(gpus.loaded_at, now)}" if gpus.loaded_at else ""


def _format_resources(gpus: NodeGpus, format_one: Callable[[str], str]) -> str:
    """Return a cell with the text of each resource that is offered or requested."""
    allocated = gpus.allocated or {}
    names = [
        name
        for name in sorted({*gpus.allocatable, *allocated})
        if gpus.allocatable.get(name) or allocated.get(name)
    ]
    return (
        format_one(names[0])
        if names in ([GPU], [GPU_CLASS])
        else ",".join(f"{_shorten(name)}:{format_one(name)}" for name in names)
    )


def _format_driver(gpus: NodeGpus, _: datetime) -> str:
    """Return the driver's version; empty on a node where no library tells it (Tegra, virtual machines)."""
    return "" if gpus.driver.startswith("unknown") else gpus.driver


def _format_counts(counts: Mapping[str, int]) -> str:
    return ",".join(f"{name}:{count}" for name, count in counts.items())


def _shorten(resource: str) -> str:
    if is_dra(resource):
        return f"dra/{extract_profile(resource) or resource.partition('.')[0]}"
    return resource.removeprefix(VENDOR).removeprefix("mig-")


def _sum(counts: Mapping[str, int] | None) -> int | None:
    return None if counts is None else sum(counts.values())


def _to_age_key(at: datetime | None) -> float | None:
    """Return a key that sorts times by their age, the youngest first."""
    return None if at is None else -at.timestamp()


COLUMNS: tuple[Column, ...] = (
    Column(name="node", cell=lambda gpus, _: gpus.node, narrowest=16),
    Column(name="product", cell=_format_product, narrowest=20),
    Column(name="gpus", cell=_format_gpus, key=lambda gpus: gpus.gpus, rank=2),
    Column(name="mig", cell=_format_mig, rank=3, narrowest=12),
    Column(name="memory", cell=_format_memory, key=lambda gpus: gpus.memory_mib, rank=7),
    Column(name="driver", cell=_format_driver, rank=8, narrowest=12),
    Column(name="cuda", cell=lambda gpus, _: gpus.cuda, rank=9),
    Column(name="sharing", cell=_format_sharing, rank=6, narrowest=12),
    Column(name="allocated", cell=_format_allocated, key=lambda gpus: _sum(gpus.allocated), rank=5),
    Column(name="free", cell=_format_free, key=lambda gpus: _sum(gpus.free)),
    Column(
        name="age",
        cell=_format_age,
        key=lambda gpus: _to_age_key(gpus.written_at or gpus.loaded_at),
        rank=4,
    ),
    Column(name="stale", cell=lambda gpus, _: "; ".join(gpus.stale), rank=1),
    Column(name="source", cell=lambda gpus, _: ",".join(list_sources(gpus)), is_of_dra=True, rank=1),
    Column(
        name="tainted",
        cell=lambda gpus, _: _format_counts(gpus.device_taints),
        key=lambda gpus: sum(each.blocked for each in gpus.dra.values()) if gpus.has_dra else None,
        is_of_dra=True,
        rank=2,
        narrowest=12,
    ),
    Column(name="strategy", cell=lambda gpus, _: gpus.mig_strategy, is_wide=True),
    Column(name="compute", cell=lambda gpus, _: gpus.compute, is_wide=True),
    Column(name="family", cell=lambda gpus, _: gpus.family, is_wide=True),
    Column(name="machine", cell=lambda gpus, _: gpus.machine, is_wide=True),
    Column(
        name="loaded",
        cell=lambda gpus, now: format_age(gpus.loaded_at, now) if gpus.loaded_at else "",
        key=lambda gpus: _to_age_key(gpus.loaded_at),
        is_wide=True,
    ),
    Column(name="writer", cell=lambda gpus, _: ",".join(gpus.writers), is_wide=True),
)


def list_columns(*, is_wide: bool, has_dra: bool) -> tuple[Column, ...]:
    """Return the columns of ``-o table`` or of ``-o wide``; ``has_dra``: a node has ResourceSlices."""
    return tuple(
        column for column in COLUMNS if (is_wide or not column.is_wide) and (has_dra or not column.is_of_dra)
    )


def format_cells(columns: Sequence[Column], gpus: NodeGpus, now: datetime) -> list[str]:
    """Return the cells of a node's row."""
    return [column.cell(gpus, now) or NOTHING for column in columns]


_DIGITS = re.compile(r"(\d+)", re.ASCII)


def sort_key(column: Column, gpus: NodeGpus, now: datetime) -> Any:
    """Return the key that sorts a node by ``column``; None for a node without a value."""
    if column.key is not None:
        return column.key(gpus)
    parts = _DIGITS.split(column.cell(gpus, now))
    # Text and numbers alternate, so that text is compared with text and numbers with numbers.
    return (
        [_to_sortable(part) if number % 2 else part for number, part in enumerate(parts)]
        if any(parts)
        else None
    )


def _to_sortable(digits: str) -> tuple[int, str]:
    """Return a key that sorts numbers of any length, without converting them."""
    significant = digits.lstrip("0")
    return len(significant), significant
