"""Count a node's devices: by its labels, and by the resources that its device plugin offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

GPU = "nvidia.com/gpu"
MIG = "nvidia.com/mig-"
"""The beginning of the names of MIG devices; the profile follows it."""
SHARED = ".shared"
"""The device plugin can append this to the name of a shared resource."""

PRODUCT = ".product"
"""The end of the label that names the product of a resource's devices: ``nvidia.com/gpu.product``."""
MIG_COUNT = (MIG, ".count")
"""Prefix and suffix of the labels that count MIG devices by profile."""
MODEL_COUNT = ("nvidia.com/gpu.count.", "")
"""Prefix and suffix of the labels that count GPUs by model, and of those in :data:`NO_MODELS`."""
NO_MODELS = ("physical", "full", "mig-enabled", "failed")
"""Names of labels ``gpu.count.<name>`` that do not count the GPUs of a model."""


def is_device(resource: str) -> bool:
    """Return whether a resource is a GPU or a MIG device; NVIDIA's network operator offers others."""
    return resource.removesuffix(SHARED) == GPU or resource.startswith(MIG)


def is_product(key: str) -> bool:
    """Return whether a label holds the product of devices of NVIDIA."""
    return key.startswith(VENDOR) and key.endswith(PRODUCT)


def extract_mig_profile(resource: str) -> str:
    """Return the MIG profile in the name of a resource; empty for other devices."""
    return resource.removesuffix(SHARED).removeprefix(MIG) if resource.startswith(MIG) else ""


def select_devices(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of GPUs and MIG devices, sorted by resource."""
    return {name: counts[name] for name in sorted(counts) if is_device(name)}


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
