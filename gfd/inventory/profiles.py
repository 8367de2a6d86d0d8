"""Format the names of MIG profiles as NVIDIA does.

The keys of the tables are NVML's enums (nvml.h): ``NVML_GPU_INSTANCE_PROFILE_*`` and
``NVML_COMPUTE_INSTANCE_PROFILE_*``. NVML_GPU_INSTANCE_PROFILE_3_SLICE_GFX (17) is missing on purpose: the
device plugin does not know it either, so no resource would match a label for it.
"""

from __future__ import annotations

import math

GI_PROFILES: dict[int, tuple[int, str]] = {
    0: (1, ""),
    1: (2, ""),
    2: (3, ""),
    3: (4, ""),
    4: (7, ""),
    5: (8, ""),
    6: (6, ""),
    7: (1, "+me"),
    8: (2, "+me"),
    9: (1, ""),
    10: (1, "+gfx"),
    11: (2, "+gfx"),
    12: (4, "+gfx"),
    13: (1, "-me"),
    14: (2, "-me"),
    15: (1, "+me.all"),
    16: (2, "+me.all"),
}
"""GPU-instance profile enum -> compute slices, suffix of the name."""

GI_PROFILE_COUNT = 18

CI_PROFILES: dict[int, int] = {0: 1, 1: 2, 2: 3, 3: 4, 4: 7, 5: 8, 6: 6, 7: 1, 8: 7}
"""Compute-instance profile enum -> compute slices."""


def compute_memory_gb(mig_memory_mib: int, gpu_memory_bytes: int) -> int:
    """Return the memory size in a profile's name, in gigabytes.

    Round the profile's share of the GPU's memory up to the next eighth. Multiply it by the GPU's memory in
    GiB, rounded up, and round to the nearest whole number, halves up: 2 of 8 slices of 80 GiB are 20.
    """
    share = math.ceil(mig_memory_mib * 2**20 / gpu_memory_bytes * 8) / 8
    return math.floor(share * -(-gpu_memory_bytes // 2**30) + 0.5)


def format_gi_profile(gi_enum: int, mig_memory_mib: int, gpu_memory_bytes: int) -> str:
    """Return the name of a GPU-instance profile, such as ``1g.10gb+me``.

    Raises KeyError for an unknown enum.
    """
    slices, suffix = GI_PROFILES[gi_enum]
    return f"{slices}g.{compute_memory_gb(mig_memory_mib, gpu_memory_bytes)}gb{suffix}"


def format_mig_profile(gi_enum: int, ci_enum: int, mig_memory_mib: int, gpu_memory_bytes: int) -> str:
    """Return the profile of a MIG device as in resource names and labels, such as ``1c.3g.20gb``.

    A ``+`` becomes a ``.``, because neither allows it: ``1g.10gb.me``. Raises KeyError for an unknown enum.
    """
    name = format_gi_profile(gi_enum, mig_memory_mib, gpu_memory_bytes).replace("+", ".")
    ci_slices = CI_PROFILES[ci_enum]
    return name if ci_slices == GI_PROFILES[gi_enum][0] else f"{ci_slices}c.{name}"
