from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gfd.clusterview.gpus import NodeGpus, describe
from gfd.clusterview.nodes import read_node
from gfd.clusterview.pods import PodRequest, add_requests
from gfd.tools.nodes.product_totals import ProductTotal, count_by_product
from tests.tools.make import gpu_labels, node

GPU, A100, A30 = "nvidia.com/gpu", "NVIDIA-A100-SXM4-40GB", "NVIDIA-A30"


def row(
    name: str, labels: Mapping[str, str], offers: Mapping[str, int], used: int | None = 0, **spec: Any
) -> NodeGpus:
    item = read_node(node(name, labels, offers, **spec))
    requests = None if used is None else [PodRequest(node=name, counts={GPU: used})] if used else []
    (counted,) = add_requests([item], requests)
    return describe(counted)


def test_the_largest_free_block() -> None:
    rows = [row(f"n{used}", gpu_labels(), {"gpu": 8}, used) for used in (0, 3, 8)]
    rows.append(row("again", gpu_labels(), {"gpu": 8}))
    assert count_by_product(rows) == (
        ProductTotal(
            product=A100, resource=GPU, nodes=4, allocatable=32, free=21, unusable=0, largest=8, fitting=2
        ),
    )


def test_a_cordoned_node_has_no_free_block() -> None:
    rows = [
        row("a", gpu_labels(), {"gpu": 8}, unschedulable=True),
        row("b", gpu_labels(), {"gpu": 8}, 6),
    ]
    (total,) = count_by_product(rows)
    assert (total.free, total.unusable, total.largest, total.fitting) == (10, 8, 2, 1)
    (total,) = count_by_product(rows[:1])
    assert (total.free, total.unusable, total.largest, total.fitting) == (8, 8, 0, 0)


def test_tainted_nodes() -> None:
    taints = [{"key": "team", "effect": "NoSchedule"}]
    soft = [{"key": "team", "effect": "PreferNoSchedule"}]
    rows = [
        row("a", gpu_labels(), {"gpu": 8}, taints=taints),
        row("b", gpu_labels(), {"gpu": 8}, taints=soft),
        row("c", gpu_labels(), {"gpu": 8}, 1, taints=taints),
    ]
    (total,) = count_by_product(rows)
    assert (total.largest, total.fitting, total.tainted) == (8, 2, 1)


def test_unknown_pods_make_free_devices_unknown() -> None:
    (total,) = count_by_product(
        [row("a", gpu_labels(), {"gpu": 8}, None), row("b", gpu_labels(), {"gpu": 8})]
    )
    assert (total.allocatable, total.free) == (16, None)


def test_products_and_resources() -> None:
    two = gpu_labels(A100, 4) | {f"nvidia.com/gpu.count.{A100}": "4", f"nvidia.com/gpu.count.{A30}": "2"}
    rows = [
        row("a", gpu_labels(), {"gpu": 8, "mig-1g.5gb": 2, "mig-2g.10gb": 0}),
        row("b", two, {"gpu": 6}),
        row("c", {"cloud.google.com/gke-accelerator": "nvidia-l4"}, {"gpu": 1}),
        row("d", {}, {"gpu": 1}),
        row("e", gpu_labels(A30), {}),
    ]
    assert [(each.product, each.resource, each.allocatable) for each in count_by_product(rows)] == [
        ("", GPU, 1),
        ("(nvidia-l4)", GPU, 1),
        (A100, GPU, 8),
        (A100, "nvidia.com/mig-1g.5gb", 2),
        (f"{A100} + {A30}", GPU, 6),
    ]
