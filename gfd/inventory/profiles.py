"""Names of MIG profiles, as NVIDIA writes them.

The tables are keyed by NVML's own enums (nvml.h): ``NVML_GPU_INSTANCE_PROFILE_*`` and
``NVML_COMPUTE_INSTANCE_PROFILE_*``. NVML_GPU_INSTANCE_PROFILE_3_SLICE_GFX (17) is missing on purpose: the
device plugin cannot name it either, so a label for it would select a resource that does not exist.
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
"""GPU-instance profile enum -> compute slices, attribute suffix."""

GI_PROFILE_COUNT = 18

CI_PROFILES: dict[int, int] = {0: 1, 1: 2, 2: 3, 3: 4, 4: 7, 5: 8, 6: 6, 7: 1, 8: 7}
"""Compute-instance profile enum -> compute slices."""


def compute_memory_gb(mig_memory_mib: int, gpu_memory_bytes: int) -> int:
    """Return the whole gigabytes that a profile's name carries.

    The share of the GPU's memory is rounded up to the next eighth, and that share of the GPU's size (in
    GiB, rounded up) to the nearest whole number, halves up: 2 of 8 slices of an 80 GiB GPU are 20.
    """
    share = math.ceil(mig_memory_mib * 2**20 / gpu_memory_bytes * 8) / 8
    return math.floor(share * -(-gpu_memory_bytes // 2**30) + 0.5)


def format_gi_profile(gi_enum: int, mig_memory_mib: int, gpu_memory_bytes: int) -> str:
    """Return the name of a GPU-instance profile, such as ``1g.10gb+me``.

    Raises KeyError for an enum that this version does not know.
    """
    slices, suffix = GI_PROFILES[gi_enum]
    return f"{slices}g.{compute_memory_gb(mig_memory_mib, gpu_memory_bytes)}gb{suffix}"


def format_mig_profile(gi_enum: int, ci_enum: int, mig_memory_mib: int, gpu_memory_bytes: int) -> str:
    """Return the profile of a MIG device as resource names and labels write it, such as ``1c.3g.20gb``.

    A ``+`` becomes a ``.``, since neither may hold one: ``1g.10gb.me``. Raises KeyError for an enum that
    this version does not know.
    """
    name = format_gi_profile(gi_enum, mig_memory_mib, gpu_memory_bytes).replace("+", ".")
    ci_slices = CI_PROFILES[ci_enum]
    return name if ci_slices == GI_PROFILES[gi_enum][0] else f"{ci_slices}c.{name}"
