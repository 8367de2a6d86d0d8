"""Find out who wrote a node's GPU labels, and when, from the managed fields that the API server keeps.

The time is that of the field manager's last change to any field of the node, so NFD's changes with every
feature. The output of kubectl has managed fields only with ``--show-managed-fields``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.timestamps import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_ALWAYS_WRITTEN = tuple(f"f:nvidia.com/{name}" for name in ("gpu.product", "gpu.count", "gfd.timestamp"))
"""gfd writes at least one of these labels; their manager wrote the other GPU labels, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWriter:
    """A field manager that wrote GPU labels, such as ``gfd`` or ``nfd-master``."""

    manager: str
    at: datetime
    """When the field manager last changed the node."""


def find_label_writers(metadata: Mapping[str, Any]) -> tuple[LabelWriter, ...]:
    """Return who wrote the GPU labels, the latest first."""
    found: dict[str, LabelWriter] = {}
    managed = metadata.get("managedFields")
    for entry in managed if isinstance(managed, list) else ():
        labels = _get(entry, "fieldsV1", "f:metadata", "f:labels")
        at, manager = parse_time(_get(entry, "time")), _get(entry, "manager")
        if at is not None and isinstance(labels, dict) and any(key in labels for key in _ALWAYS_WRITTEN):
            writer = LabelWriter(
                manager=manager if manager and isinstance(manager, str) else "unknown", at=at
            )
            found[writer.manager] = max(found.get(writer.manager, writer), writer, key=lambda each: each.at)
    return tuple(sorted(found.values(), key=lambda each: each.at, reverse=True))


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
