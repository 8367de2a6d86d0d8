"""The sources of labels that come from CUDA."""

from __future__ import annotations

import pytest

from tests.tools.explain.command import Explain

pytestmark = pytest.mark.whole


@pytest.mark.parametrize(
    ("key", "machine", "made_from"),
    [
        ("gpu.product", ("orin",), "Gpu.name = Orin of GPU 0, from cuDeviceGetName"),
        ("gpu.count", ("orin",), "Gpu.index: GPU 0, from cuDeviceGetCount, cuDeviceGet"),
        ("gpu.memory", ("orin",), "Gpu.memory_bytes = 64349220864 bytes of GPU 0, from cuDeviceTotalMem_v2"),
        ("gpu.family", ("thor",), "Gpu.compute_capability = 11, 0 of GPU 0, from cuDeviceGetAttribute"),
        ("gpu.mode", ("thor",), "Gpu.pci_class = none of GPU 0"),
        ("cuda.runtime.major", ("thor",), "Inventory.cuda_version = 13000, from cuDriverGetVersion"),
        (
            "cuda.driver.major",
            ("thor",),
            "Inventory.discovery = tegra, from auto (--device-discovery-strategy)",
        ),
        (
            "gpu.memory",
            ("dgx-spark", "--unified-memory"),
            "Gpu.memory_bytes = 128501256192 bytes of GPU 0, from cuDeviceTotalMem_v2",
        ),
        ("gpu.memory", ("dgx-spark",), "Gpu.memory_bytes = none of GPU 0, from nvmlDeviceGetMemoryInfo"),
        (
            "gpu.memory.unified",
            ("thor", "--extra-labels=identity"),
            "Gpu.is_memory_unified = true of GPU 0, from cuDeviceGetAttribute",
        ),
    ],
)
def test_sources(explain: Explain, key: str, machine: tuple[str, ...], made_from: str) -> None:
    code, text, _ = explain(key, "--simulate", *machine)
    assert code == 0
    assert f"  made from   {made_from}\n" in text


def test_the_flag_that_adds_the_memory(explain: Explain) -> None:
    reason = (
        "only if the driver reports it; with --unified-memory, CUDA reports that of GPUs that use the memory "
        "of the CPU"
    )
    assert reason in explain("gpu.memory", "--simulate", "dgx-spark")[1]
    # These GPUs have memory of their own, which the PCI bus does not show.
    assert "--unified-memory" not in explain("gpu.memory", "--simulate", "a10-vfio")[1]
