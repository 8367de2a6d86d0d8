"""What products say about hardware, and which is nearest to which."""

from __future__ import annotations

import pytest

from gfd.clusterview.hardware import is_same_model, measure_distance, parse_product, read_profile_gb
from gfd.simulation import machines
from gfd.simulation.instance_types import list_instance_types
from gfd.tools.memory_sizes import find_sold_mib

H100, H200, B200, L40S, T4 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200", "NVIDIA-B200", "NVIDIA-L40S", "Tesla-T4"
A100_40, A100_80 = "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB"


@pytest.mark.parametrize(
    ("product", "chip", "generation", "memory_gb", "profile"),
    [
        (H100, "H100", "hopper", 80, ""),
        ("NVIDIA-H100-NVL", "H100", "hopper", 94, ""),
        (A100_80, "A100", "ampere", 80, ""),
        (f"{A100_40}-MIG-1g.5gb-SHARED", "A100", "ampere", 5, "1g.5gb"),
        (f"{A100_40}-MIG-INVALID", "A100", "ampere", 40, "INVALID"),
        (T4, "T4", "turing", 16, ""),
        ("NVIDIA-RTX-6000-Ada-Generation", "6000 Ada", "ada-lovelace", 48, ""),
        ("NVIDIA-GH200-480GB", "GH200", "hopper", 96, ""),  # 480 GB is the memory of the CPU
        ("GRID-V100D-8Q", "", "", 0, ""),
    ],
)
def test_what_a_product_says(product: str, chip: str, generation: str, memory_gb: int, profile: str) -> None:
    found = parse_product(product)
    assert (found.chip, found.generation, found.memory_gb, found.profile) == (
        chip, generation, memory_gb, profile
    )  # fmt: skip
    assert found.is_shared == product.endswith("-SHARED")


def test_the_size_that_a_gpu_is_sold_with() -> None:
    assert [parse_product(each).sold_gb for each in ("A100", A100_80, A100_80.lower(), H100, T4)] == [
        0, 80, 80, 80, 16
    ]  # fmt: skip


def test_the_memory_of_a_profile() -> None:
    assert [read_profile_gb(each) for each in ("1g.5gb", "1c.3g.20gb", "1g.23gb+me.all", "", "INVALID")] == [
        5, 20, 23, 0, 0
    ]  # fmt: skip


def test_names_of_one_model() -> None:
    assert is_same_model("A100-SXM4-40GB", A100_40)
    assert is_same_model(A100_40.lower(), f"{A100_40}-MIG-1g.5gb")
    assert not is_same_model(A100_40, A100_80)


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        (H100, ("NVIDIA-H100-PCIe", H200, A100_80, A100_40, T4)),
        (H100, (f"{H100}-SHARED", f"{H100}-MIG-3g.40gb", f"{H100}-MIG-1g.10gb", T4)),
        (B200, (H200, H100, A100_80, A100_40, T4)),
        (A100_40, (A100_80, H100, "Tesla-V100-SXM2-16GB", "M60")),
        (f"{A100_40}-MIG-2g.10gb", (f"{A100_40}-MIG-3g.20gb", f"{A100_40}-MIG-1g.5gb", A100_40, T4)),
        ("nvidia-l40s", (L40S, "NVIDIA-L40", H100, T4)),
        ("H100", (H100, H200, T4)),
        ("something", ("something-else", T4)),
    ],
)
def test_the_nearest_comes_first(wanted: str, nearest: tuple[str, ...]) -> None:
    assert sorted(nearest, key=lambda each: (measure_distance(wanted, each), each)) == list(nearest)


def test_distances_are_between_0_and_1() -> None:
    products = (H100, B200, T4, "K80", "abc", f"{A100_40}-MIG-1g.5gb", f"{A100_40}-MIG-INVALID", "")
    for one in products:
        assert measure_distance(one, one) == 0
        assert all(0 < measure_distance(one, other) <= 1 for other in products if other != one)


@pytest.mark.parametrize("machine", [*machines.list_names(), *list_instance_types()])
def test_simulated_gpus_have_the_same_facts(machine: str) -> None:
    inventory = machines.read(machine)
    is_virtual = inventory.vgpu is not None and inventory.vgpu.is_present
    for gpu in inventory.gpus:
        found = parse_product(gpu.name.replace(" ", "-"))
        if not found.chip or gpu.memory_bytes is None:
            continue
        generation = (gpu.architecture or "").lower().replace(" ", "-")
        assert found.generation == generation, gpu.name
        if found.sold_gb and not is_virtual:
            least, most = find_sold_mib(found.sold_gb)
            assert least <= gpu.memory_bytes // 2**20 <= most, gpu.name
