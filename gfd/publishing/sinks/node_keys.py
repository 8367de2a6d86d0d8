"""Decide which keys of a Node gfd holds. Pure functions over the Node's ``metadata``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.kube.field_managers import MANAGER, applied_by, held_by_nfd
from gfd.labels.syntax import differ

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

KINDS = ("labels", "annotations")


def choose_keys(
    metadata: Mapping[str, Any],
    labels: Labels,
    *,
    excluded: frozenset[str],
    annotation_keys: re.Pattern[str] | None,
) -> dict[str, dict[str, str]]:
    """Return the labels and annotations that gfd will hold, by kind.

    Leave out the ``excluded`` keys, which other managers hold. Keys that match ``annotation_keys`` become
    annotations. Leave out keys that NFD publishes too, unless gfd has applied them before: NFD writes only
    differences, so an apply without such a key would remove the label from the Node.
    """
    by_nfd = held_by_nfd(metadata)
    shared = by_nfd & applied_by(metadata, MANAGER, "labels") & set(metadata.get("labels") or {})
    chosen: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    chosen["labels"] = {key: metadata["labels"][key] for key in shared}
    for key, value in labels.items():
        if key not in by_nfd and key not in excluded:
            is_annotation = annotation_keys is not None and annotation_keys.fullmatch(key)
            chosen["annotations" if is_annotation else "labels"][key] = value
    return chosen


def needs_apply(metadata: Mapping[str, Any], chosen: Mapping[str, Labels]) -> bool:
    """Return whether the Node differs from the ``chosen`` labels and annotations."""
    for kind in KINDS:
        current = metadata.get(kind) or {}
        if applied_by(metadata, MANAGER, kind) != frozenset(chosen[kind]):
            return True
        if differ({key: current.get(key, "") for key in chosen[kind]}, chosen[kind]):
            return True
    return False
