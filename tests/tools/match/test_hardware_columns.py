"""How a row of gfd match describes the devices of its node."""

from __future__ import annotations

import pytest

from gfd.tools.match.hardware_columns import (
    describe_memory,
    describe_product,
    describe_sharing,
    find_device,
)

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"
SHARED = {f"{GPU}.product": "Tesla-T4-SHARED", f"{GPU}.replicas": "4"}


@pytest.mark.parametrize(
    ("labels", "resource", "count", "text"),
    [
        ({f"{GPU}.product": "Tesla-T4", f"{GPU}.replicas": "1"}, GPU, 1, ""),
        ({}, GPU, 1, ""),
        ({}, "cpu", 1, ""),
        ({**SHARED, f"{GPU}.sharing-strategy": "time-slicing"}, GPU, 1, "time-shared, 1 of 4 replicas"),
        ({**SHARED, f"{GPU}.sharing-strategy": "mps"}, GPU, 2, "shared with MPS, 2 of 4 replicas"),
        (SHARED, GPU, 1, "shared, 1 of 4 replicas"),
        (SHARED, f"{GPU}.shared", 1, "shared, 1 of 4 replicas"),
        ({}, f"{GPU}.shared", 1, "shared"),
        ({f"{GPU}.replicas": "many"}, GPU, 1, ""),
        ({f"{GPU}.product": "NVIDIA-A30-MIG-1g.6gb"}, GPU, 1, "MIG 1g.6gb"),
        ({f"{GPU}.product": "NVIDIA-A30-MIG-INVALID"}, GPU, 1, ""),
        ({f"{GPU}.product": "NVIDIA-A30"}, MIG, 1, "MIG 1g.5gb"),
        ({f"{MIG}.replicas": "2"}, MIG, 1, "MIG 1g.5gb, shared, 1 of 2 replicas"),
    ],
)
def test_what_part_of_a_gpu_a_pod_gets(labels: dict[str, str], resource: str, count: int, text: str) -> None:
    assert describe_sharing(labels, resource, count) == text


def test_the_devices_that_the_pod_requests_are_described() -> None:
    labels = {
        f"{GPU}.product": "NVIDIA-A100-SXM4-40GB",
        f"{GPU}.memory": "40536",
        f"{MIG}.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
        f"{MIG}.memory": "4864",
    }
    assert find_device({MIG: 1}, labels) == MIG
    assert find_device({MIG: 0, GPU: 1}, labels) == GPU
    assert find_device({"nvidia.com/mig-2g.10gb": 1}, labels) == GPU
    assert (describe_product(labels, MIG), describe_memory(labels, MIG)) == (
        "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
        "4864 MiB",
    )


def test_a_node_with_several_models() -> None:
    counts = {f"{GPU}.count.NVIDIA-L40S": "2", f"{GPU}.count.NVIDIA-A30": "1", f"{GPU}.count.full": "3"}
    labels = {f"{GPU}.product": "NVIDIA-L40S", f"{GPU}.memory": "46068", **counts}
    assert (describe_product(labels, GPU), describe_memory(labels, GPU)) == ("NVIDIA-A30 + NVIDIA-L40S", "")
    del labels[f"{GPU}.count.NVIDIA-A30"]
    assert (describe_product(labels, GPU), describe_memory(labels, GPU)) == ("NVIDIA-L40S", "46068 MiB")


def test_nodes_without_gfds_labels() -> None:
    assert describe_product({"cloud.google.com/gke-accelerator": "nvidia-l4"}, GPU) == "(nvidia-l4)"
    assert describe_product({}, GPU) == ""
    assert describe_memory({f"{GPU}.memory": "0"}, GPU) == ""
    assert describe_memory({}, GPU) == ""
