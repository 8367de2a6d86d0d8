"""How near two label values are, and why they differ: what GPUs are called changes in known ways."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, are_of_one_model, model_of, profile_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_VENDOR, _SHARED = "NVIDIA-", "-SHARED"
_MISSPELT = 0.2
KNOWN = 0.05
"""How far two values are apart that differ in a known way only."""


@lru_cache(maxsize=10_000)
def distance(wanted: str, found: str) -> float:
    """Return how far ``found`` is from ``wanted``: 0 for the same, 1 for nothing in common."""
    if wanted == found:
        return 0.0
    if explain(wanted, found):
        return KNOWN
    one, other = parse_integer(wanted), parse_integer(found)
    if one is not None and other is not None:
        return abs(one - other) / max(abs(one), abs(other), 1)
    return 1 - SequenceMatcher(None, wanted.lower(), found.lower(), autojunk=False).ratio()


def find_near(key: str, keys: Iterable[str]) -> list[str]:
    """Return the label keys whose names are written almost as that of ``key``, the nearest first."""
    name = key.rpartition("/")[2]
    near = [(distance(name, other.rpartition("/")[2]), other) for other in keys]
    return [other for away, other in sorted(near) if away <= _MISSPELT]


def explain(wanted: str, found: str) -> str:
    """Return why a Node has ``found`` where ``wanted`` was expected; empty where nothing is known."""
    reasons = []
    for mark, is_there, is_missing in (
        (_VENDOR, "newer drivers put NVIDIA in the name", "older drivers leave NVIDIA out of the name"),
        (_SHARED, "GPUs are shared there", "GPUs are not shared there"),
    ):
        if (mark in found) != (mark in wanted):
            reasons.append(is_there if mark in found else is_missing)
    bare = [value.removeprefix(_VENDOR).removesuffix(_SHARED) for value in (wanted, found)]
    if bare[0] != bare[1]:
        profiles = [profile_of(value) for value in bare]
        if bare[0].lower() == bare[1].lower():
            reasons.append("upper and lower case differ")
        elif model_of(bare[0]) != model_of(bare[1]) and not are_of_one_model(wanted, found):
            return ""
        elif profiles[0] != profiles[1]:
            reasons.append(_explain_mig(*profiles))
    return " and ".join(reasons)


def _explain_mig(wanted: str, found: str) -> str:
    if not found:
        return "gpu.product names whole GPUs there"
    if found == INVALID:
        return "the MIG layout there is not one that the strategy single can tell"
    return "MIG devices there have another profile" if wanted else "GPUs are divided by MIG there"
