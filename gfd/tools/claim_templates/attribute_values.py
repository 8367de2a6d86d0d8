"""Translate the values of labels to those of the driver's attributes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.clusterview.hardware import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.dra.model import Device

PARTIAL_PROFILE = "NVIDIA's DRA driver offers only MIG devices with all compute slices of their GPU instance"
"""Why no device has the profile of a part of the compute slices."""
_EXTENSION = re.compile(r"\.(me|me\.all|gfx)$")
"""Matches what a label writes after a point, and NVML after a plus sign."""


def list_architectures(devices: Iterable[Device]) -> dict[str, str]:
    """Return the architectures that gfd or a device knows, by label: ada-lovelace -> ``Ada Lovelace``."""
    known = {each: " ".join(word.capitalize() for word in each.split("-")) for each in GENERATIONS}
    found = {each.text("architecture") for each in devices} - {""}
    return known | {name_family(each): each for each in sorted(found)}


def name_family(architecture: str) -> str:
    """Return the label for an architecture: ``Ada Lovelace`` -> ada-lovelace."""
    return "-".join(architecture.lower().split())


def split_profile(profile: str) -> tuple[str, str]:
    """Return the profile of the GPU instance as NVML writes it, and the part of its compute slices if any.

    ``1g.5gb.me`` -> (``1g.5gb+me``, empty); ``1c.3g.20gb`` -> (``3g.20gb``, ``1``).
    """
    part, _, rest = profile.rpartition("c.")
    return _EXTENSION.sub(r"+\1", rest), part
