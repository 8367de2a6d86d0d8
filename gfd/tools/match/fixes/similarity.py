"""Measure how similar two label values are, and explain why they differ: GPU names change in known ways."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, SHARED_END, extract_model, extract_profile, may_be_same_model

if TYPE_CHECKING:
    from collections.abc import Iterable

_BRANDS = ("GRID-", "Quadro-", "Tesla-")
"""How the names of older GPUs begin, with every driver."""
_VENDOR = "NVIDIA-"
MAX_DISTANCE = 0.2
"""The maximum distance of a key that may be a misspelling."""
KNOWN = 0.05
"""The distance between two values that differ only in known ways."""


@lru_cache(maxsize=10_000)
def distance(wanted: str, found: str) -> float:
    """Return how different ``found`` is from ``wanted``: 0 for equal, 1 for nothing in common."""
    if wanted == found:
        return 0.0
    if explain(wanted, found):
        return KNOWN
    one, other = parse_integer(wanted), parse_integer(found)
    if one is not None and other is not None:
        return abs(one - other) / max(abs(one), abs(other), 1)
    return 1 - SequenceMatcher(None, wanted.lower(), found.lower(), autojunk=False).ratio()


def find_similar(key: str, keys: Iterable[str]) -> list[str]:
    """Return the label keys with almost the same name as ``key``, the most similar first."""
    name = key.rpartition("/")[2]
    ranked = [(distance(name, other.rpartition("/")[2]), other) for other in keys]
    return [other for away, other in sorted(ranked) if away <= MAX_DISTANCE]


def explain(wanted: str, found: str) -> str:
    """Return why a node has ``found`` and not ``wanted``; empty if no reason is known."""
    if wanted.lower() == found.lower():
        return "" if wanted == found else "upper and lower case differ"
    reasons = []
    is_old_brand = found.startswith(_BRANDS)
    without = "older drivers leave NVIDIA out of the name"
    for mark, if_found, if_missing in (
        (
            _VENDOR,
            "newer drivers put NVIDIA in the name",
            "NVIDIA is not in the name of this GPU" if is_old_brand else without,
        ),
        (SHARED_END, "GPUs are shared there", "GPUs are not shared there"),
    ):
        if (mark in found) != (mark in wanted):
            reasons.append(if_found if mark in found else if_missing)
    bare = [value.removeprefix(_VENDOR).removesuffix(SHARED_END) for value in (wanted, found)]
    if bare[0] != bare[1]:
        profiles = [extract_profile(value) for value in bare]
        if bare[0].lower() == bare[1].lower():
            reasons.append("upper and lower case differ")
        elif extract_model(bare[0]) != extract_model(bare[1]) and not may_be_same_model(wanted, found):
            return ""
        elif profiles[0] != profiles[1]:
            reasons.append(_explain_mig(*profiles))
    return " and ".join(reasons)


def _explain_mig(wanted: str, found: str) -> str:
    if not found:
        return "gpu.product names whole GPUs there"
    if found == INVALID:
        return "the strategy single cannot describe the MIG layout there"
    return "MIG devices there have another profile" if wanted else "GPUs are divided by MIG there"
