"""Names of all known MIG profiles of NVIDIA's GPUs."""

from __future__ import annotations

import pytest

from gfd.inventory.profiles import (
    CI_PROFILES,
    GI_PROFILE_COUNT,
    GI_PROFILES,
    compute_memory_gb,
    format_gi_profile,
    format_mig_profile,
)

GIB = 2**30

A100_40GB = (
    ("1g.5gb", 0, 4864),
    ("2g.10gb", 1, 9856),
    ("3g.20gb", 2, 19968),
    ("4g.20gb", 3, 19968),
    ("7g.40gb", 4, 40192),
    ("1g.5gb+me", 7, 4864),
    ("1g.10gb", 9, 9856),
)
ROWS = {
    42_505_273_344: A100_40GB,  # PCIe
    42_506_321_920: A100_40GB,  # SXM4
    42_949_672_960: A100_40GB,  # drivers that count reserved memory in
    85_899_345_920: (  # A100 80 GB
        ("1g.10gb", 0, 9728),
        ("2g.20gb", 1, 19968),
        ("3g.40gb", 2, 40192),
        ("4g.40gb", 3, 40192),
        ("7g.80gb", 4, 80896),
        ("1g.10gb+me", 7, 9728),
        ("1g.20gb", 9, 19968),
    ),
    25_769_803_776: (  # A30; the larger two profiles differ between drivers
        ("1g.6gb", 0, 5952),
        ("2g.12gb", 1, 12032),
        ("2g.12gb", 1, 11968),
        ("4g.24gb", 3, 24192),
        ("4g.24gb", 3, 24000),
        ("1g.6gb+me", 7, 5952),
        ("2g.12gb+me", 8, 12032),
        ("2g.12gb+me", 8, 11968),
    ),
    85_520_809_984: (  # H100 80 GB
        ("1g.10gb", 0, 9984),
        ("2g.20gb", 1, 20096),
        ("3g.40gb", 2, 40448),
        ("4g.40gb", 3, 40448),
        ("7g.80gb", 4, 81152),
        ("1g.10gb+me", 7, 9984),
        ("1g.20gb", 9, 20096),
    ),
    150_754_820_096: (  # H200
        ("1g.18gb", 0, 16384),
        ("2g.35gb", 1, 33280),
        ("3g.71gb", 2, 71424),
        ("4g.71gb", 3, 71424),
        ("7g.141gb", 4, 143360),
        ("1g.18gb+me", 7, 16384),
        ("1g.35gb", 9, 33280),
    ),
    192_264_929_280: (  # B200
        ("1g.23gb", 0, 22784),
        ("2g.45gb", 1, 45568),
        ("3g.90gb", 2, 91136),
        ("4g.90gb", 3, 91136),
        ("7g.180gb", 4, 183296),
        ("1g.23gb+me", 7, 22784),
        ("1g.23gb-me", 13, 22784),
        ("1g.23gb+me.all", 15, 22784),
        ("1g.45gb", 9, 45568),
    ),
}
"""Bytes of the GPU -> name, NVML's enum and MiB of its profiles."""


@pytest.mark.parametrize(
    ("memory_bytes", "name", "enum", "mib"),
    [(memory_bytes, *row) for memory_bytes, rows in ROWS.items() for row in rows],
)
def test_names(memory_bytes: int, name: str, enum: int, mib: int) -> None:
    assert format_gi_profile(enum, mib, memory_bytes) == name
    whole = min(ci for ci, slices in CI_PROFILES.items() if slices == GI_PROFILES[enum][0])
    assert format_mig_profile(enum, whole, mib, memory_bytes) == name.replace("+", ".")


@pytest.mark.parametrize(
    ("gi_enum", "ci_enum", "expected"),
    [
        (2, 0, "1c.3g.40gb"),
        (2, 1, "2c.3g.40gb"),
        (2, 2, "3g.40gb"),
        (4, 3, "4c.7g.40gb"),
        (4, 4, "7g.40gb"),
        (4, 8, "7g.40gb"),
        (0, 0, "1g.40gb"),
        (0, 7, "1g.40gb"),
        (8, 0, "1c.2g.40gb.me"),
        (14, 0, "1c.2g.40gb-me"),
        (16, 0, "1c.2g.40gb.me.all"),
        (16, 1, "2g.40gb.me.all"),
        (11, 1, "2g.40gb.gfx"),
        (5, 5, "8g.40gb"),
        (6, 6, "6g.40gb"),
    ],
)
def test_names_of_smaller_compute_instances(gi_enum: int, ci_enum: int, expected: str) -> None:
    assert format_mig_profile(gi_enum, ci_enum, 40448, 85_520_809_984) == expected


@pytest.mark.parametrize(
    ("eighths", "gib", "expected"),
    [
        (4, 141, 71),  # 70.5
        (1, 180, 23),  # 22.5
        (1, 141, 18),  # 17.625
        (2, 141, 35),  # 35.25
        (1, 20, 3),  # 2.5, which Python rounds to 2
        (3, 12, 5),  # 4.5, which Python rounds to 4
        (8, 1, 1),
        (1, 4, 1),  # 0.5
        (1, 3, 0),  # 0.375
    ],
)
def test_halves_round_up(eighths: int, gib: int, expected: int) -> None:
    assert compute_memory_gb(eighths * gib * 128, gib * GIB) == expected


@pytest.mark.parametrize(
    ("mib", "memory_bytes", "expected"),
    [
        (128, GIB * 80, 10),  # any part of an eighth is an eighth
        (10 * 1024, GIB * 80, 10),
        (10 * 1024 + 1, GIB * 80, 20),
        (80 * 1024, GIB * 79 + 1, 90),  # a GPU smaller than its MIG device: nine eighths
        (0, GIB, 0),
    ],
)
def test_the_share_is_in_whole_eighths_of_whole_gibibytes(mib: int, memory_bytes: int, expected: int) -> None:
    assert compute_memory_gb(mib, memory_bytes) == expected


@pytest.mark.parametrize("enum", [-1, GI_PROFILE_COUNT - 1, GI_PROFILE_COUNT, 255])
def test_unknown_gpu_instance_profiles(enum: int) -> None:
    with pytest.raises(KeyError):
        format_gi_profile(enum, 4864, 42_505_273_344)
    with pytest.raises(KeyError):
        format_mig_profile(enum, 0, 4864, 42_505_273_344)


@pytest.mark.parametrize("enum", [-1, 9, 255])
def test_unknown_compute_instance_profiles(enum: int) -> None:
    with pytest.raises(KeyError):
        format_mig_profile(0, enum, 4864, 42_505_273_344)
