"""Count a node's devices: by its labels, and by the resources that its device plugin offers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

GPU = "nvidia.com/gpu"
SHARED = ".shared"
"""The device plugin can append this to the name of a shared resource."""

MIG_COUNT = ("nvidia.com/mig-", ".count")
"""Prefix and suffix of the labels that count MIG devices by profile."""
MODEL_COUNT = ("nvidia.com/gpu.count.", "")
"""Prefix and suffix of the labels that count GPUs by model, and of those in :data:`NO_MODELS`."""
NO_MODELS = ("physical", "full", "mig-enabled", "failed")
"""Names of labels ``gpu.count.<name>`` that do not count the GPUs of a model."""

_DEVICE = re.compile(r"nvidia\.com/(?:gpu|mig-.+?)(?:\.shared)?")
"""Matches GPUs and MIG devices; NVIDIA's network operator offers other resources."""


def select_devices(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of GPUs and MIG devices, sorted by resource."""
    return {name: counts[name] for name in sorted(counts) if _DEVICE.fullmatch(name)}


def merge_shared(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of GPUs and MIG devices; shared ones count as devices without ``.shared``."""
    merged: dict[str, int] = {}
    for name, count in select_devices(counts).items():
        base = name.removesuffix(SHARED)
        merged[base] = merged.get(base, 0) + count
    return merged


def shorten(resource: str) -> str:
    """Return the name of a resource without ``nvidia.com/``."""
    return resource.removeprefix(VENDOR)


def read_counts(labels: Labels, affixes: tuple[str, str]) -> dict[str, int]:
    """Return the counts other than 0 of the labels ``<prefix><name><suffix>``, by name."""
    prefix, suffix = affixes
    found = {}
    for key in sorted(key for key in labels if key.startswith(prefix) and key.endswith(suffix)):
        count = read_number(labels, key)
        if count:
            found[key.removeprefix(prefix).removesuffix(suffix)] = count
    return found


def read_number(labels: Labels, key: str) -> int | None:
    """Return the number in a label; None if the label is missing or malformed."""
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
