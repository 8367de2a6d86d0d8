"""Pods that use labels of a cloud, of NVIDIA's GPU operator or of NFD, and what gfd's labels say instead."""

from __future__ import annotations

import pytest

from gfd.clusterview.nodes import Node
from gfd.tools.match.fixes.index import build_index
from gfd.tools.match.fixes.suggestions import Suggestion, find_suggestions
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Answer, compare
from gfd.tools.match.podspec.scheduling import SchedulingSpec
from tests.tools.match.fixes.fixing import COUNT, GPU, PRODUCT, change, find, node, require, select

H100, T4 = "NVIDIA-H100-80GB-HBM3", "Tesla-T4"
GKE, KARPENTER = "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name"
TYPE = "node.kubernetes.io/instance-type"
ONE = {GPU: 1}


def gpus(name: str, product: str, **labels: str) -> Node:
    return node(name, product, labels={COUNT: "8", **labels}, allocatable={GPU: 8})


NODES = (
    gpus("h100", H100),
    gpus("l40s", "NVIDIA-L40S"),
    node("t4", T4, labels={COUNT: "1", "nvidia.com/vgpu.present": "false"}, allocatable={GPU: 1}),
)


@pytest.mark.parametrize(
    ("key", "value"), [(GKE, "nvidia-h100-80gb"), (KARPENTER, "h100"), (TYPE, "p5.48xlarge")]
)
def test_a_clouds_name_of_a_gpu(key: str, value: str) -> None:
    spec = select(value, key, requests=ONE)
    assert change(spec, *NODES) == (f"{PRODUCT}: {H100}", "", ("h100",))
    assert find(spec, *NODES)[0].edits[0].why == f"{value} means {H100}"
    assert find_suggestions(spec, build_index(NODES)) == [
        Suggestion(
            asked=f"{key}={value}",
            key=key,
            values=((H100, 1), ("NVIDIA-L40S", 1), (T4, 1)),
            value_key=PRODUCT,
            meaning=f"{value} means {H100}",
        )
    ]
    new, consequence, names = change(spec, NODES[2])
    assert (new, names) == (f"{PRODUCT}: {T4}", ("t4",))
    assert consequence == "another model, 16 GB instead of 80 GB"


def test_two_names_of_one_cloud() -> None:
    mega = node("a", labels={GKE: "nvidia-h100-mega-80gb"}, allocatable={GPU: 8})
    small = node("b", labels={GKE: "nvidia-l4"}, allocatable={GPU: 1})
    spec = select("nvidia-h100-80gb", GKE, requests=ONE)
    assert change(spec, mega, small) == (f"{GKE}: nvidia-h100-mega-80gb", "", ("a",))
    assert find(spec, mega)[0].edits[0].why == f"both mean {H100}"
    assert change(spec, small)[1] == f"NVIDIA-L4 (24 GB) instead of {H100}"


def test_a_gpu_of_an_unknown_model() -> None:
    new = node("a", labels={TYPE: "p9.48xlarge"}, allocatable={GPU: 8})
    (edit,) = find(select("p5.48xlarge", TYPE, requests=ONE), new)[0].edits
    assert (edit.new, edit.consequence) == (
        f"{TYPE}: p9.48xlarge", f"a GPU of an unknown model instead of {H100}"
    )  # fmt: skip


def test_another_clouds_label() -> None:
    on_eks = node("a", labels={TYPE: "p5.48xlarge"}, allocatable={GPU: 8})
    assert change(select("h100", KARPENTER, requests=ONE), on_eks) == (f"{TYPE}: p5.48xlarge", "", ("a",))


@pytest.mark.parametrize(
    ("key", "value", "writer"),
    [
        (f"{GPU}.present", "true", "NVIDIA's GPU operator writes this label, not gfd"),
        ("feature.node.kubernetes.io/pci-10de.present", "true", "NFD writes this label, not gfd"),
        (GPU, "true", "it is a resource; no program writes such a label"),
        ("accelerator", "nvidia", "only nodes of a cloud have this label"),
        ("kubernetes.azure.com/accelerator", "nvidia", "only nodes of a cloud have this label"),
        ("karpenter.k8s.aws/instance-gpu-manufacturer", "nvidia", "only nodes of a cloud have this label"),
    ],
)
def test_a_label_that_only_says_gpu(key: str, value: str, writer: str) -> None:
    spec = select(value, key, requests=ONE)
    exists = f"{COUNT} Exists (in nodeAffinity instead of nodeSelector)"
    assert change(spec, *NODES) == (exists, "", ("h100", "l40s", "t4"))
    assert find(spec, *NODES)[0].edits[0].why == writer
    (suggestion,) = find_suggestions(spec, build_index(NODES))
    assert (suggestion.keys, suggestion.meaning) == (((COUNT, 3),), writer)


def test_other_labels_of_the_operator() -> None:
    spec = select("all-1g.5gb", "nvidia.com/mig.config", requests=ONE)
    assert change(spec, *NODES)[0] == ""
    (suggestion,) = find_suggestions(spec, build_index(NODES))
    assert (suggestion.keys, suggestion.meaning) == ((), "NVIDIA's GPU operator writes this label, not gfd")


def test_a_clouds_count() -> None:
    key = "karpenter.k8s.aws/instance-gpu-count"
    assert change(require(key, "Gt", "7", requests=ONE), *NODES[:2]) == (
        f"{COUNT} Gt [7]",
        "",
        ("h100", "l40s"),
    )
    fix = find(require(key, "Gt", "15", requests=ONE), NODES[0])[0]
    assert (fix.edits[0].new, fix.edits[0].why) == ("", "the limits say how many GPUs the pod needs")


@pytest.mark.parametrize(
    ("key", "value"), [("gpu-type", "h100"), ("example.com/gpu", "nvidia-h100-80gb"), ("accelerator", "H100")]
)
def test_a_clusters_own_label_that_names_a_gpu(key: str, value: str) -> None:
    spec = select(value, key, requests=ONE)
    assert change(spec, *NODES) == (f"{PRODUCT}: {H100}", "", ("h100",))
    assert change(spec, NODES[2])[1] == "another model, 16 GB instead of 80 GB"
    labelled = gpus("a", T4, **{key: "t4"})
    assert change(spec, labelled)[1] == f"{T4} (16 GB) instead of {value} (80 GB)"
    assert unjudged(spec) == (Answer.MAY_FIT, (f"nodeSelector {key}={value}: {REASON}",))


def test_labels_of_other_versions() -> None:
    old = gpus("a", H100, **{"nvidia.com/cuda.driver.major": "550"})
    spec = require("nvidia.com/cuda.driver-version.major", "Gt", "525", requests=ONE)
    assert change(spec, old)[0] == "nvidia.com/cuda.driver.major Gt [525]"


SIMULATED = Node(name="s", labels={PRODUCT: H100, COUNT: "8"}, allocatable={GPU: 8}, is_simulated=True)
REASON = "a simulated machine has only gfd's labels"


def unjudged(spec: SchedulingSpec) -> tuple[Answer, tuple[str, ...]]:
    (verdict,) = compare(spec, ClusterState(nodes=[SIMULATED]))
    return verdict.answer, verdict.unjudged


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kubernetes.io/arch", "amd64"),
        ("topology.kubernetes.io/zone", "eu-1a"),
        (GKE, "nvidia-h100-80gb"),
        (TYPE, "p5.48xlarge"),
        ("accelerator", "nvidia"),
        ("team", "vision"),
    ],
)
def test_a_simulated_machine_has_only_gfds_labels(key: str, value: str) -> None:
    assert unjudged(select(value, key)) == (Answer.MAY_FIT, (f"nodeSelector {key}={value}: {REASON}",))
    assert unjudged(require(key, "Exists")) == (Answer.MAY_FIT, (f"nodeAffinity {key}: {REASON}",))
    assert unjudged(require(key, "DoesNotExist")) == (Answer.FITS, ())
    assert find_suggestions(select(value, key), build_index([SIMULATED])) == []


def test_a_simulated_machine_of_another_model() -> None:
    assert unjudged(select("nvidia-l4", GKE)) == (Answer.NO, ())
    assert (
        change(select("nvidia-l4", GKE, requests=ONE), SIMULATED)[1]
        == "another model, 80 GB instead of 24 GB"
    )
    assert unjudged(select(T4)) == (Answer.NO, ())


@pytest.mark.parametrize(
    ("key", "operator", "value", "may_help"),
    [
        ("nvidia.com/gpu.memory", "Gt", "70000", True),
        ("nvidia.com/gpu.memory", "Gt", "81920", False),
        ("nvidia.com/gpu.memory", "Lt", "20000", True),
        ("nvidia.com/gpu.family", "In", "hopper", True),
        ("nvidia.com/gpu.family", "In", "ampere", False),
        ("nvidia.com/gpu.family", "NotIn", "hopper", False),
        ("nvidia.com/gpu.compute.major", "Gt", "8", True),
    ],
)
def test_gfd_on_a_node_whose_cloud_label_names_the_gpu(
    key: str, operator: str, value: str, may_help: bool
) -> None:
    bare = node("bare", labels={GKE: "nvidia-h100-80gb"}, allocatable={GPU: 8})
    found = find(require(key, operator, value, requests=ONE), bare)
    assert any(each.repairs for each in found) == may_help
