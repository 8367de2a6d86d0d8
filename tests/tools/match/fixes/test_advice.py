"""The lines about suggestions and fixes."""

from __future__ import annotations

from typing import Any

from gfd.clusterview.nodes import Node
from gfd.tools.match.fixes.advice import fix_to_plain, format_fix, format_suggestion, suggestion_to_plain
from gfd.tools.match.fixes.index import build_index
from gfd.tools.match.fixes.suggestions import find_suggestions
from gfd.tools.match.manifests.pods import Pod
from gfd.tools.match.podspec.scheduling import SchedulingSpec
from tests.tools.match.fixes.fixing import COUNT, GPU, MEMORY, PRODUCT, find, node, require, select

H100, T4 = "NVIDIA-H100-80GB-HBM3", "Tesla-T4"
GKE = "cloud.google.com/gke-accelerator"
ONE = {GPU: 1}


def lines(spec: SchedulingSpec, *nodes: Node) -> list[str]:
    """Return the lines about a pod in the file p.yaml."""
    pod = make(spec)
    suggestions = [format_suggestion(each) for each in find_suggestions(spec, build_index(nodes))]
    return suggestions + [line for fix in find(spec, *nodes) for line in format_fix(fix, pod)]


def make(spec: SchedulingSpec) -> Pod:
    return Pod(
        kind="Pod", name="p", namespace="", part="", file="p.yaml", line=1, spec=spec, notes=()
    )  # fmt: skip


def gpus(name: str, product: str, **members: Any) -> Node:
    labels = {COUNT: "8", **members.pop("labels", {})}
    return node(name, product, labels=labels, **{"allocatable": {GPU: 8}, **members})


def test_a_clouds_name() -> None:
    spec = select("nvidia-h100-80gb", GKE, requests=ONE)
    assert lines(spec, gpus("a", H100), gpus("b", T4)) == [
        (
            f"nearest: no node has {GKE}=nvidia-h100-80gb; nvidia-h100-80gb means {H100};"
            f" there is {PRODUCT}={H100} (1 node), {T4} (1 node, 16 GB)"
        ),
        (
            f"edit: p.yaml:7: {GKE}: nvidia-h100-80gb → {PRODUCT}: {H100},"
            f" because nvidia-h100-80gb means {H100}"
        ),
        "then it fits 1 node: a",
    ]
    assert lines(spec, gpus("b", T4))[1:] == [
        (
            f"edit: p.yaml:7: {GKE}: nvidia-h100-80gb → {PRODUCT}: {T4}"
            f" (another model, 16 GB instead of 80 GB), because the node has no label {GKE}"
        ),
        "then it fits 1 node: b",
    ]


def test_a_label_of_the_operator() -> None:
    spec = select("true", f"{GPU}.present", requests=ONE)
    assert lines(spec, gpus("a", H100, is_counted=False)) == [
        (
            f"nearest: no node has a label {GPU}.present (NVIDIA's GPU operator writes this label, not gfd);"
            f" there is {COUNT} (1 node)"
        ),
        (
            f"edit: p.yaml:7: {GPU}.present: true → {COUNT} Exists (in nodeAffinity instead of nodeSelector),"
            " because NVIDIA's GPU operator writes this label, not gfd"
        ),
        "then it may fit 1 node: a",
    ]


def test_an_invalid_mig_layout() -> None:
    invalid = [gpus(name, "A100-PCIE-40GB-MIG-INVALID", allocatable={}, labels={COUNT: "0"}) for name in "ab"]
    assert lines(SchedulingSpec(requests=ONE), *invalid) == [
        (
            "nearest: no node offers nvidia.com/gpu; the MIG layout of a and b is invalid for the strategy"
            " single: use one profile on all GPUs, or the strategy mixed"
        )
    ]


def test_repairs() -> None:
    idle = [gpus(name, H100, allocatable={}) for name in ("a", "b")]
    assert lines(SchedulingSpec(requests=ONE), *idle) == [
        "nearest: no node offers nvidia.com/gpu; does NVIDIA's device plugin run?",
        (
            "repair: the device plugin offers nothing on a, b: the labels say that there are GPUs;"
            " look at the device plugin's pod there"
        ),
    ]
    spec = require(MEMORY, "Gt", "81920", requests=ONE)
    idle = [gpus("a", H100, labels={MEMORY: "81559"}, allocatable={}, capacity={GPU: 8})]
    assert lines(spec, *idle)[2:] == [
        (
            f"edit: p.yaml:7: {MEMORY} Gt [81920] → Gt [73000], because NVML counts less than 81920 MiB on"
            " a GPU with 80 GB, here 81559"
        ),
        (
            "and repair: the device plugin reports all devices as unhealthy on a: look at the log of its pod"
            " there and at nvidia-smi"
        ),
    ]


def test_waiting_after_an_edit() -> None:
    busy = gpus("a", H100, requested={GPU: 8})
    assert lines(SchedulingSpec(requests={GPU: 16}), busy) == [
        "edit: p.yaml:1: nvidia.com/gpu: 16 → 8, because no node has more than 8 nvidia.com/gpu",
        "then wait until 1 node has 8 nvidia.com/gpu free: a",
    ]


def test_other_resources() -> None:
    assert lines(SchedulingSpec(requests={"rdma/hca": 1}), gpus("a", H100)) == [
        "nearest: no node offers rdma/hca"
    ]
    shared = node("a", f"{T4}-SHARED", allocatable={"nvidia.com/gpu.shared": 4})
    assert lines(SchedulingSpec(requests={"nvidia.com/mig-1g.5gb": 2}), shared)[0] == (
        "nearest: no node offers nvidia.com/mig-1g.5gb; there is nvidia.com/gpu.shared (1 node, shared GPUs)"
    )
    assert lines(select("NVIDIA-L4"), node("a", f"{T4}-SHARED"))[0] == (
        f"nearest: no node has {PRODUCT}=NVIDIA-L4; there is {T4}-SHARED"
        " (1 node, 16 GB, shared with other pods)"
    )


def test_json() -> None:
    spec = select("h100", "gpu-type", requests=ONE)
    nodes = (gpus("a", T4),)
    (suggestion,) = find_suggestions(spec, build_index(nodes))
    assert suggestion_to_plain(suggestion) == {
        "asked": "gpu-type=h100",
        "label": "gpu-type",
        "values": {T4: 1},
        "value_label": PRODUCT,
        "labels": {},
        "meaning": "",
    }
    (fix,) = find(spec, *nodes)
    assert fix_to_plain(fix, make(spec)) == {
        "edits": [
            {
                "line": 7,
                "old": "gpu-type: h100",
                "new": f"{PRODUCT}: {T4}",
                "why": "the node has no label gpu-type",
                "consequence": "another model, 16 GB instead of 80 GB",
            }
        ],
        "awaited": [],
        "repairs": [],
        "nodes": ["a"],
        "certain": True,
    }
    (fix,) = find(SchedulingSpec(requests=ONE), gpus("a", H100, allocatable={}))
    assert fix_to_plain(fix, make(spec))["repairs"] == [
        {
            "problem": "the device plugin offers nothing on",
            "remedy": "the labels say that there are GPUs; look at the device plugin's pod there",
        }
    ]
