from __future__ import annotations

import pytest

from gfd.tools.match.fixes.similarity import KNOWN, distance, explain, find_similar

MAX_Q = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q"
"""Products of this one that are too long lack the last words."""
A100, SLICE = "A100-PCIE-40GB", "A100-PCIE-40GB-MIG-1g.5gb"


@pytest.mark.parametrize(
    ("wanted", "found", "why"),
    [
        (SLICE, f"NVIDIA-{SLICE}", "newer drivers put NVIDIA in the name"),
        (f"NVIDIA-{SLICE}", SLICE, "older drivers leave NVIDIA out of the name"),
        (A100, f"{A100}-SHARED", "GPUs are shared there"),
        (f"{A100}-SHARED", A100, "GPUs are not shared there"),
        (A100, f"NVIDIA-{A100}-SHARED", "newer drivers put NVIDIA in the name and GPUs are shared there"),
        (A100, A100.lower(), "upper and lower case differ"),
        (f"nvidia-{A100.lower()}", f"NVIDIA-{A100}", "upper and lower case differ"),
        ("NVIDIA-Tesla-T4", "Tesla-T4", "NVIDIA is not in the name of this GPU"),
        (SLICE, A100, "gpu.product names whole GPUs there"),
        (A100, SLICE, "GPUs are divided by MIG there"),
        (SLICE, f"{A100}-MIG-2g.10gb", "MIG devices there have another profile"),
        (SLICE, f"{A100}-MIG-INVALID", "the strategy single cannot describe the MIG layout there"),
        (A100, f"NVIDIA-{SLICE}", "newer drivers put NVIDIA in the name and GPUs are divided by MIG there"),
        (A100, "A100-SXM4-80GB", ""),
        (A100, A100, ""),
        ("40960", "81920", ""),
        (
            f"{MAX_Q}-Workstation-Edition",
            f"{MAX_Q}-Workstation-MIG-1g.24gb",
            "GPUs are divided by MIG there",
        ),
        (f"{MAX_Q}-Workstation-MIG-1g.24gb", f"{MAX_Q}-MIG-1g.24gb-SHARED", "GPUs are shared there"),
        (f"{MAX_Q}-MIG-1g.24gb-SHARED", "NVIDIA-RTX-PRO-6000-Blackwell-Server-MIG-1g.24gb-SHARED", ""),
    ],
)
def test_why_values_differ(wanted: str, found: str, why: str) -> None:
    assert explain(wanted, found) == why


def test_distances() -> None:
    assert distance(A100, A100) == 0
    assert distance(A100, f"NVIDIA-{A100}") == KNOWN
    assert distance("40960", "20480") == 0.5
    assert distance("0", "8") == 1
    assert distance("0", "00") == 0
    assert KNOWN < distance(A100, "A100-SXM4-80GB") < distance(A100, "Tesla-T4") < 1
    assert distance("abc", "xyz") == 1
    assert distance("", "x") == 1


def test_similar_keys() -> None:
    keys = ["nvidia.com/gpu.product", "nvidia.com/gpu.count", "nvidia.com/vgpu.present", "zone"]
    assert find_similar("nvidia.com/gpu.prodct", keys) == ["nvidia.com/gpu.product"]
    assert find_similar("gpu.product", keys) == ["nvidia.com/gpu.product"]
    assert find_similar("nvdia.com/gpu.counts", keys) == ["nvidia.com/gpu.count"]
    assert find_similar("rack", keys) == []
