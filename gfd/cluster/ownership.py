"""Who holds which label of a Node, by what the API server keeps in its metadata.

Pure functions over ``metadata`` as plain dicts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGER = "gfd"
"""gfd's field manager."""

NFD_MANAGER = "nfd-master"
NFD_ANNOTATION = "nfd.node.kubernetes.io/feature-labels"
"""The label names that NFD has published on a Node, with commas; without NFD's own prefix."""
NFD_PREFIX = "feature.node.kubernetes.io/"

_FIELD = re.compile(r"\.metadata\.(labels|annotations)(?:\.|\[\")(.*?)(?:\"\])?")
_BY = re.compile(r'conflict with "([^"]*)"')


def held_by(metadata: Mapping[str, Any], manager: str, kind: str = "labels") -> frozenset[str]:
    """Return the keys of ``labels`` or ``annotations`` that ``manager`` holds, applied or updated."""
    keys: set[str] = set()
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == manager:
            keys.update(_keys(entry, kind))
    return frozenset(keys)


def applied_by(metadata: Mapping[str, Any], manager: str, kind: str = "labels") -> frozenset[str]:
    """Return the keys that ``manager`` has applied, and which it removes by an apply without them."""
    for entry in metadata.get("managedFields") or ():
        names = tuple(entry.get(name) for name in ("manager", "operation", "subresource"))
        if names == (manager, "Apply", None):
            return frozenset(_keys(entry, kind))
    return frozenset()


def held_by_nfd(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the label keys that NFD publishes on this Node."""
    names = str((metadata.get("annotations") or {}).get(NFD_ANNOTATION, "")).split(",")
    listed = {name if "/" in name else NFD_PREFIX + name for name in names if name}
    return frozenset(listed) | held_by(metadata, NFD_MANAGER)


def find_holders(metadata: Mapping[str, Any], key: str, kind: str = "labels") -> tuple[str, ...]:
    """Return the field managers that hold ``key``, NFD's first where it publishes it."""
    managers = [NFD_MANAGER] if kind == "labels" and key in held_by_nfd(metadata) else []
    entries = metadata.get("managedFields") or ()
    managers += [str(entry.get("manager", "")) for entry in entries if key in _keys(entry, kind)]
    return tuple(dict.fromkeys(managers))


def conflicts(details: Mapping[str, Any]) -> dict[str, str]:
    """Return key -> manager from the details of a 409 that an apply without force was answered with."""
    found = {}
    for cause in details.get("causes") or ():
        field = _FIELD.fullmatch(str(cause.get("field", "")))
        if cause.get("reason") == "FieldManagerConflict" and field:
            by = _BY.search(str(cause.get("message", "")))
            found[field[2]] = by[1] if by else "another manager"
    return found


def _keys(entry: Mapping[str, Any], kind: str) -> list[str]:
    fields = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get(f"f:{kind}", {})
    return [name.removeprefix("f:") for name in fields if name != "."]
