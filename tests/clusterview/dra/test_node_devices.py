"""Nodes with ResourceSlices: beside labels and device plugin, instead of them, and against them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.clusterview import kubectl
from gfd.clusterview.gpus import NodeGpus, describe, has_gpus
from gfd.documents import json_decoder
from gfd.errors import DocumentError
from tests.clusterview.dra.objects import (
    Object,
    make_claim,
    make_gpu,
    make_mig,
    make_partitionable,
    make_slice,
)
from tests.tools.make import gpu_labels, node, pod, write

H100 = "NVIDIA-H100-80GB-HBM3"
LABELS = gpu_labels(H100, count=2, gpu_memory="81559")


def read(tmp_path: Path, *items: Object, pods: Sequence[Object] = ()) -> NodeGpus:
    """Return the only node of a file."""
    given = Path(write(tmp_path / "pods.json", *pods))
    (found,) = kubectl.read_nodes(Path(write(tmp_path / "nodes.json", *items)), given)
    assert has_gpus(found)
    return describe(found)


def test_a_node_with_slices_only(tmp_path: Path) -> None:
    slices = make_slice("n", make_gpu(0), make_gpu(1), make_mig(2, "1g.10gb", 0), make_mig(2, "1g.10gb", 1))
    found = read(tmp_path, node("n"), slices, make_claim("c", "n", "gpu-1", pods=("p", "q")))
    assert (found.product, found.gpus, found.mig, found.memory_mib) == (H100, 3, {"1g.10gb": 2}, 81559)
    assert (found.driver, found.cuda, found.compute, found.family) == ("580.95.5", "13.0", "9.0", "hopper")
    assert found.allocatable == {"gpu.nvidia.com": 2, "mig.nvidia.com/1g.10gb": 2}
    assert found.allocated == {"gpu.nvidia.com": 1, "mig.nvidia.com/1g.10gb": 0}
    assert found.free == {"gpu.nvidia.com": 1, "mig.nvidia.com/1g.10gb": 2}
    assert found.stale == ()
    assert set(found.sources.values()) == {"ResourceSlices"}
    assert found.sources.keys() >= {"product", "gpus", "mig", "gpu.nvidia.com", "mig.nvidia.com/1g.10gb"}
    assert [(each.namespace, each.name, each.counts) for each in found.holders] == [
        ("team", "p", {"gpu.nvidia.com": 1}),
        ("team", "q", {"gpu.nvidia.com": 1}),
    ]


def test_several_models(tmp_path: Path) -> None:
    found = read(tmp_path, node("n"), make_slice("n", make_gpu(0), make_gpu(1, name="NVIDIA L4")))
    assert found.models == {H100: 1, "NVIDIA-L4": 1}
    assert found.gpus == 2


def test_a_device_without_memory(tmp_path: Path) -> None:
    gpu = make_gpu(0)
    del gpu["capacity"]
    found = read(tmp_path, node("n"), make_slice("n", gpu))
    assert found.memory_mib is None
    assert "memory_mib" not in found.sources


def test_labels_beside_slices(tmp_path: Path) -> None:
    found = read(tmp_path, node("n", LABELS), make_slice("n", make_gpu(0), make_gpu(1)))
    assert found.gpus == 2
    assert found.stale == ()
    assert found.driver == "535.129.03"
    assert found.allocatable == {"gpu.nvidia.com": 2}
    assert {name: found.sources[name] for name in ("product", "gpus", "gpu.nvidia.com")} == {
        "product": "labels",
        "gpus": "labels",
        "gpu.nvidia.com": "ResourceSlices",
    }


def test_both_drivers_offer_the_same_gpus(tmp_path: Path) -> None:
    pods = [pod("p", "n", {"gpu": 1})]
    items = (node("n", LABELS, {"gpu": 2}), make_slice("n", make_gpu(0), make_gpu(1)))
    found = read(tmp_path, *items, make_claim("c", "n", "gpu-1"), pods=pods)
    assert found.gpus == 2
    assert found.allocatable == {"gpu.nvidia.com": 2, "nvidia.com/gpu": 2}
    assert found.allocated == {"gpu.nvidia.com": 1, "nvidia.com/gpu": 1}
    assert (found.sources["nvidia.com/gpu"], found.sources["gpu.nvidia.com"]) == (
        "device plugin",
        "ResourceSlices",
    )
    assert [each.name for each in found.holders] == ["p", "(ResourceClaim c)"]


def test_a_pod_that_requests_an_extended_resource_holds_only_its_claim(tmp_path: Path) -> None:
    pods = [pod("p", "n", {"gpu": 1})]
    items = (node("n"), make_slice("n", make_gpu(0)), make_claim("c", "n", "gpu-0", pods=("p",)))
    found = read(tmp_path, *items, pods=pods)
    assert found.allocated == {"gpu.nvidia.com": 1}
    assert [each.counts for each in found.holders] == [{"gpu.nvidia.com": 1}]


def test_labels_that_slices_contradict(tmp_path: Path) -> None:
    found = read(tmp_path, node("n", LABELS), make_slice("n", make_gpu(0)))
    assert found.stale == ("2 gpu labelled, 1 in ResourceSlices",)


def test_an_incomplete_pool(tmp_path: Path) -> None:
    found = read(tmp_path, node("n", LABELS), make_slice("n", make_gpu(0), count=2))
    problem = "the pool n of gpu.nvidia.com is not complete: 1 of 2 ResourceSlices of generation 1 are there"
    assert (found.stale, found.dra_problems, found.dra) == ((problem,), (problem,), {})
    assert found.has_dra
    assert (found.product, found.gpus, found.allocatable) == (H100, 2, {})


def test_partitions_count_as_one_gpu(tmp_path: Path) -> None:
    found = read(tmp_path, node("n"), *make_partitionable("n"))
    assert found.gpus == 1
    assert found.allocatable == {
        "gpu.nvidia.com": 1,
        "mig.nvidia.com/1g.10gb": 7,
        "mig.nvidia.com/3g.40gb": 2,
    }


def test_slices_of_a_node_that_is_not_there_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path / "nodes.json", node("n"), make_slice("gone", make_gpu(0)))
    (found,) = kubectl.read_nodes(Path(path), None)
    assert found.dra is None
    assert not has_gpus(found)


def test_documents_lists_and_skipped_fields_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taint = {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}
    slices = [*make_partitionable("one"), make_slice("two", make_gpu(0, taints=[taint]))]
    claims = [make_claim("c", "one", "gpu-0", pods=("p",))]
    items = [node("one"), node("two"), *slices, *claims]
    path = Path(write(tmp_path / "nodes.json", *items))
    found = kubectl.read_nodes(path, None)
    assert all(each.dra for each in found)
    monkeypatch.setattr(json_decoder, "_import_msgspec", lambda: None)
    assert kubectl.read_nodes(path, None) == found
    lists: list[Any] = [
        {"kind": f"{kind}List", "apiVersion": version, "items": [strip(each) for each in part]}
        for kind, version, part in (
            ("Node", "v1", items[:2]),
            ("ResourceSlice", "resource.k8s.io/v1", slices),
            ("ResourceClaim", "resource.k8s.io/v1", claims),
        )
    ]
    documents = tmp_path / "nodes.yaml"
    documents.write_text(yaml.safe_dump_all(lists))
    assert kubectl.read_nodes(documents, None) == found


def strip(item: Object) -> Object:
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}


def test_older_shapes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nodes.json"
    old = make_slice("n") | {"apiVersion": "resource.k8s.io/v1beta1"}
    path.write_text(json.dumps({"kind": "List", "items": [node("n"), old]}))
    with pytest.raises(DocumentError) as caught:
        kubectl.read_nodes(path, None)
    assert str(caught.value) == (
        f"{path}: ResourceSlice n-gpu.nvidia.com-1 has the apiVersion resource.k8s.io/v1beta1; gfd reads "
        "resource.k8s.io/v1, which kubectl get resourceslices.v1.resource.k8s.io -A -o json prints; expected "
        "the output of kubectl get nodes -o json"
    )
