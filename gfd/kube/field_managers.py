"""Find out which field manager holds which label, from an object's managedFields.

Pure functions over ``metadata`` as plain dicts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGER = "gfd"
"""The name of gfd's field manager."""

DRA_MANAGER = "compute-domain-kubelet-plugin"
"""The program of NVIDIA's DRA driver that may write the label nvidia.com/gpu.clique."""
NFD_MANAGER = "nfd-master"
NFD_ANNOTATION = "nfd.node.kubernetes.io/feature-labels"
"""The annotation with the labels that NFD publishes on a Node: separated by commas, without NFD's prefix."""
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
    """Return the keys that ``manager`` has applied. If its next apply lacks a key, the server removes it."""
    for entry in metadata.get("managedFields") or ():
        names = tuple(entry.get(name) for name in ("manager", "operation", "subresource"))
        if names == (manager, "Apply", None):
            return frozenset(_keys(entry, kind))
    return frozenset()


def last_write_time(metadata: Mapping[str, Any], manager: str) -> str:
    """Return the time of the last apply or update by ``manager``; empty if there was none."""
    times = [
        str(entry.get("time") or "")
        for entry in metadata.get("managedFields") or ()
        if entry.get("manager") == manager and not entry.get("subresource")
    ]
    return max(times, default="")


def owner_managers(metadata: Mapping[str, Any], uid: str) -> frozenset[str]:
    """Return the managers that set the owner reference with this uid."""
    name = f'k:{{"uid":"{uid}"}}'
    return frozenset(
        str(entry.get("manager"))
        for entry in metadata.get("managedFields") or ()
        if name in _part(entry, "f:metadata", "f:ownerReferences")
    )


def spec_holders(metadata: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the sorted field managers that hold each key of a NodeFeature's ``spec.labels``."""
    found: dict[str, set[str]] = {}
    for entry in metadata.get("managedFields") or ():
        for name in _part(entry, "f:spec", "f:labels"):
            if name != ".":
                found.setdefault(name.removeprefix("f:"), set()).add(str(entry.get("manager")))
    return {key: tuple(sorted(managers)) for key, managers in found.items()}


def held_by_nfd(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the label keys that NFD publishes on this Node."""
    names = str((metadata.get("annotations") or {}).get(NFD_ANNOTATION, "")).split(",")
    listed = {name if "/" in name else NFD_PREFIX + name for name in names if name}
    return frozenset(listed) | held_by(metadata, NFD_MANAGER)


def holders(metadata: Mapping[str, Any], kind: str = "labels") -> dict[str, tuple[str, ...]]:
    """Return the sorted field managers that hold each key of ``labels`` or ``annotations``."""
    found: dict[str, set[str]] = {}
    for entry in metadata.get("managedFields") or ():
        for key in _keys(entry, kind):
            found.setdefault(key, set()).add(str(entry.get("manager")))
    if kind == "labels":
        for key in held_by_nfd(metadata):
            found.setdefault(key, set()).add(NFD_MANAGER)
    return {key: tuple(sorted(managers)) for key, managers in found.items()}


def conflicts(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the manager of each key from the details of a status 409, which refuses an apply."""
    found = {}
    for cause in details.get("causes") or ():
        field = _FIELD.fullmatch(str(cause.get("field", "")))
        if cause.get("reason") == "FieldManagerConflict" and field:
            by = _BY.search(str(cause.get("message", "")))
            found[field[2]] = by[1] if by else "another manager"
    return found


def _keys(entry: Mapping[str, Any], kind: str) -> list[str]:
    fields = _part(entry, "f:metadata", f"f:{kind}")
    return [name.removeprefix("f:") for name in fields if name != "."]


def _part(entry: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the fields at the path ``names`` in an entry of managedFields; null counts as absent."""
    found: Mapping[str, Any] = entry.get("fieldsV1") or {}
    for name in names:
        found = found.get(name) or {}
    return found
