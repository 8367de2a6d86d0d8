"""The instance types of clouds as simulated machines."""

from __future__ import annotations

import pytest

from gfd.clusterview import cloud_names
from gfd.labels.resources import resolve
from gfd.labels.strategies import STRATEGIES
from gfd.labels.templates import Templates
from gfd.simulation import machines
from gfd.simulation.instance_types import FAMILIES, find_products, list_instance_types

TYPES = list_instance_types()
LABEL = "node.kubernetes.io/instance-type"
TEMPLATES = Templates()


@pytest.mark.parametrize("name", TYPES)
def test_the_product_is_that_of_the_clouds_names(name: str) -> None:
    instance = TYPES[name]
    inventory = machines.read(name)
    assert len(inventory.gpus) == instance.gpus
    for strategy in STRATEGIES:
        labels = TEMPLATES.render(resolve(inventory, mig_strategy=strategy), inventory)
        assert labels["nvidia.com/gpu.product"] == instance.family.product
        assert labels["nvidia.com/gpu.count"] == str(instance.gpus)
        assert labels["nvidia.com/vgpu.present"] == str(instance.family.is_vgpu).lower()
        assert labels["nvidia.com/gpu.machine"] == instance.machine_type.replace(" ", "-")
    expected = (instance.family.product,) if instance.family.pattern else ()
    assert find_products(name) == cloud_names.find_products(LABEL, name) == expected


def test_each_family_has_a_model_and_sizes_or_neither() -> None:
    assert all(bool(family.model) == bool(family.sizes) for family in FAMILIES)
    assert sum(len(family.sizes) for family in FAMILIES) == len(TYPES)
    assert not {name.lower() for name in TYPES} & set(machines.list_names())
    assert len({name.lower() for name in TYPES}) == len(TYPES)


def test_uuids_differ_between_sizes() -> None:
    found = {machines.read(name).gpus[0].uuid for name in TYPES}
    assert len(found) == len(TYPES)


@pytest.mark.parametrize(
    ("name", "gpus", "cpus", "memory_gib"),
    [
        ("p5.48xlarge", 8, 192, 2048),
        ("g6e.xlarge", 1, 4, 32),
        ("g6e.16xlarge", 1, 64, 512),
        ("g6e.24xlarge", 4, 96, 768),
        ("gr6.8xlarge", 1, 32, 256),
        ("a3-highgpu-4g", 4, 104, 936),
        ("g2-standard-24", 2, 24, 96),
        ("g2-standard-32", 1, 32, 128),
        ("n1-standard-4+1xT4", 1, 4, 15),
        ("Standard_NC80adis_H100_v5", 2, 80, 640),
        ("Standard_NV18ads_A10_v5", 1, 18, 220),
    ],
)
def test_sizes(name: str, gpus: int, cpus: int, memory_gib: float) -> None:
    found = machines.find_instance_type(name.upper())
    assert found is TYPES[name]
    assert (found.gpus, found.cpus, found.memory_gib) == (gpus, cpus, memory_gib)


def test_other_names_are_no_instance_types() -> None:
    assert machines.find_instance_type("dgx-h100") is None
    assert machines.find_instance_type("machines/p5.48xlarge.yaml") is None


def test_a_part_of_a_gpu_is_a_virtual_gpu() -> None:
    (gpu,) = machines.read("standard_nv6ads_a10_v5").gpus
    assert (gpu.name, gpu.memory_bytes, gpu.is_mig_capable) == ("NVIDIA A10-4Q", 4 * 2**30, False)


def test_mig_on_an_instance() -> None:
    gpus = machines.read("p4d.24xlarge", "all-1g.5gb").gpus
    assert [len(gpu.mig_devices or ()) for gpu in gpus] == [7] * 8
