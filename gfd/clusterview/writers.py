"""Who wrote the labels about a Node's GPUs, and when, by what the API server keeps of every change.

A manager's time is that of its last change to the Node, whichever of its fields that was: NFD's is renewed
with any feature. What kubectl prints lacks all of it, unless asked by ``--show-managed-fields``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.ages import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TOLD_BY = tuple(f"f:nvidia.com/{name}" for name in ("gpu.product", "gpu.count", "gfd.timestamp"))
"""Labels that gfd always writes, or nearly: whoever holds one of them wrote them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A field manager: ``gfd``, ``nfd-master``, or whoever."""

    manager: str
    at: datetime
    """Of its last change."""


def find_writers(metadata: Mapping[str, Any]) -> tuple[Writer, ...]:
    """Return the writers, the latest first."""
    found: dict[str, Writer] = {}
    managed = metadata.get("managedFields")
    for entry in managed if isinstance(managed, list) else ():
        labels = _part(entry, "fieldsV1", "f:metadata", "f:labels")
        at, manager = parse_time(_part(entry, "time")), _part(entry, "manager")
        if at is not None and isinstance(labels, dict) and any(key in labels for key in TOLD_BY):
            writer = Writer(manager=manager if manager and isinstance(manager, str) else "unknown", at=at)
            found[writer.manager] = max(found.get(writer.manager, writer), writer, key=lambda each: each.at)
    return tuple(sorted(found.values(), key=lambda each: each.at, reverse=True))


def _part(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
