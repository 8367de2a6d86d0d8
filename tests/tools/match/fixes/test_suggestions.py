"""Suggestions and fixes for pods that fit no node; each edit is tried here again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.nodes import Node, Taint
from gfd.kube.requirements import OPERATORS, Requirement
from gfd.tools.match.fixes.index import build_index
from gfd.tools.match.fixes.suggestions import Suggestion, find_suggestions
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, SchedulingSpec, Toleration
from tests.tools.match.fixes.fixing import (
    GPU,
    MEMORY,
    MIG,
    PRODUCT,
    edit,
    find,
    judge,
    list_fixes,
    node,
    require,
    select,
)

A100 = "A100-PCIE-40GB"
SLICE = f"{A100}-MIG-1g.5gb"
GKE = "cloud.google.com/gke-accelerator"
NOT_40_GIB = "NVML counts less than 40960 MiB on a GPU with 40 GB, here {}"
NOT_41_GB = "NVML counts less than 41984 MiB on a GPU with 41 GB, here 40960"


def test_newer_drivers_put_nvidia_in_the_name() -> None:
    nodes = [node(name, f"NVIDIA-{SLICE}") for name in ("a", "b", "c")] + [node("d", "Tesla-T4")]
    change = (
        f"{PRODUCT}: {SLICE}", f"{PRODUCT}: NVIDIA-{SLICE}", "newer drivers put NVIDIA in the name", 7
    )  # fmt: skip
    assert list_fixes(select(SLICE), *nodes) == [([change], [], ["a", "b", "c"])]


def test_a_slice_under_the_strategy_mixed() -> None:
    labels = {"nvidia.com/mig-1g.5gb.product": SLICE}
    mixed = node("a", A100, labels=labels, allocatable={GPU: 0, MIG: 7})
    spec = select(SLICE, requests={GPU: 2}, lines={GPU: 12})
    assert list_fixes(spec, mixed) == [
        (
            [
                (f"{PRODUCT}: {SLICE}", f"nvidia.com/mig-1g.5gb.product: {SLICE}",
                 "MIG devices have labels of their own under the strategy mixed", 7),
                ("nvidia.com/gpu: 2", "nvidia.com/mig-1g.5gb: 2",
                 "MIG devices have resources of their own under the strategy mixed", 12),
            ],
            [],
            ["a"],
        )
    ]  # fmt: skip


def test_a_slice_under_the_strategy_single() -> None:
    single = node("a", SLICE, allocatable={GPU: 7})
    assert edit(SchedulingSpec(requests={MIG: 1}), single) == (
        "nvidia.com/mig-1g.5gb: 1", "nvidia.com/gpu: 1", "MIG devices have no resources of their own there"
    )  # fmt: skip


def test_a_misspelled_label() -> None:
    spec = select("T4", "nvidia.com/gpu.prodct")
    assert edit(spec, node("a", "T4")) == ("nvidia.com/gpu.prodct: T4", f"{PRODUCT}: T4", "")
    assert edit(spec, node("a", "A10")) == ("nvidia.com/gpu.prodct: T4", f"{PRODUCT}: A10", "")
    assert edit(require("nvidia.com/gpu.prodct", "Exists"), node("a", "T4")) == (
        "nvidia.com/gpu.prodct Exists", f"{PRODUCT} Exists", ""
    )  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "values", "memory", "new", "why"),
    [
        ("In", ("1", "2"), "40960", f"{MEMORY} In [1, 2, 40960]", ""),
        ("In", ("1",), "40960", f"{MEMORY} In [40960]", ""),
        ("NotIn", ("40960", "2"), "40960", f"{MEMORY} NotIn [2]", ""),
        ("NotIn", ("40960",), "40960", "", ""),
        ("DoesNotExist", (), "40960", "", ""),
        ("Gt", ("40959",), "40959", f"{MEMORY} Gt [36000]", NOT_40_GIB.format(40959)),
        ("Gt", ("40960",), "40960", f"{MEMORY} Gt [36000]", NOT_40_GIB.format(40960)),
        ("Gt", ("41000",), "40960", f"{MEMORY} Gt [37000]", NOT_41_GB),
        ("Gt", ("41111",), "40960", f"{MEMORY} Gt [40959]", ""),
        ("Gt", ("80000",), "40960", f"{MEMORY} Gt [40959]", ""),
        ("Lt", ("40960",), "40960", f"{MEMORY} Lt [40961]", ""),
        ("Gt", ("39Gi",), "40960", f"{MEMORY} Gt [39936]", "gpu.memory is a whole number of MiB"),
        ("Gt", ("40Gi",), "40960", f"{MEMORY} Gt [36000]", NOT_40_GIB.format(40960)),
        ("Gt", ("much",), "40960", f"{MEMORY} Gt [40959]", ""),
        ("Gt", ("0",), "0", "", ""),
        ("Gt", ("0",), "unknown", "", ""),
    ],
)
def test_other_requirements(operator: str, values: tuple[str, ...], memory: str, new: str, why: str) -> None:
    found = edit(require(MEMORY, operator, *values), node("a", "T4", labels={MEMORY: memory}))
    assert found[1:] == (new, why)


def test_a_label_that_is_not_gfds_may_be_removed() -> None:
    spec = select("a", "zone")
    assert edit(spec, node("a")) == ("zone: a", "", "")
    assert edit(spec, node("a", labels={"zone": "b"})) == ("zone: a", "zone: b", "")


def test_a_node_without_gpus_does_not_lead_to_removing_the_selector() -> None:
    assert list_fixes(select("T4"), node("a", labels={"zone": "a"})) == []
    assert list_fixes(SchedulingSpec(requests={GPU: 1}), node("a")) == []


def test_taints() -> None:
    tainted = node("a", taints=(Taint(key=GPU, value="true", effect="NoSchedule"),))
    added = "{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}"
    assert list_fixes(SchedulingSpec(), tainted) == [([("", added, "", 0)], [], ["a"])]


def test_devices() -> None:
    assert edit(SchedulingSpec(requests={GPU: 9}), node("a", allocatable={GPU: 8})) == (
        "nvidia.com/gpu: 9", "nvidia.com/gpu: 8", "no node has more than 8 nvidia.com/gpu"
    )  # fmt: skip
    shared = node("a", allocatable={"nvidia.com/gpu.shared": 8, MIG: 2})
    assert edit(SchedulingSpec(requests={GPU: 1}), shared)[1] == "nvidia.com/gpu.shared: 1"


def test_waiting_for_a_node() -> None:
    taken = node("a", allocatable={GPU: 2}, requested={GPU: 2})
    assert list_fixes(SchedulingSpec(requests={GPU: 1}), taken) == [
        ([], ["has 1 nvidia.com/gpu free"], ["a"])
    ]
    cordoned = node("b", taints=(Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule"),))
    assert list_fixes(SchedulingSpec(), cordoned) == [([], ["is uncordoned (kubectl uncordon)"], ["b"])]
    lost = node("c", taints=(Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule"),))
    assert list_fixes(SchedulingSpec(), lost) == [
        ([], ["loses the taint node.kubernetes.io/not-ready:NoSchedule"], ["c"])
    ]


def test_an_edit_and_waiting() -> None:
    taken = node("a", SLICE, allocatable={GPU: 2}, requested={GPU: 2})
    other = node("b", f"NVIDIA-{SLICE}", allocatable={GPU: 2})
    change = (
        f"{PRODUCT}: {SLICE}", f"{PRODUCT}: NVIDIA-{SLICE}", "newer drivers put NVIDIA in the name", 7
    )  # fmt: skip
    spec = select(SLICE, requests={GPU: 1})
    awaited = ["has 1 nvidia.com/gpu free"]
    assert list_fixes(spec, taken, other) == [([change], [], ["b"]), ([], awaited, ["a"])]
    both = replace(other, requested={GPU: 2})
    assert list_fixes(spec, both) == [([change], awaited, ["b"])]


def test_node_names() -> None:
    spec = SchedulingSpec(node_name="gpu-one", lines={"nodeName": 5})
    assert list_fixes(spec, node("gpu-1"), node("cpu-9")) == [
        ([("nodeName: gpu-one", "nodeName: gpu-1", "", 5)], [], ["gpu-1"])
    ]
    field = Requirement(key="metadata.name", operator="In", values=("gpu-one",), line=3)
    found = edit(SchedulingSpec(terms=(NodeSelectorTerm(fields=(field,)),)), node("gpu-1"), node("cpu-9"))
    assert found == ("metadata.name In [gpu-one]", "metadata.name In [gpu-1]", "")


def test_a_fix_that_changes_too_much() -> None:
    spec = SchedulingSpec(
        node_selector=tuple(
            Requirement(key=key, operator="In", values=("x",), is_shorthand=True) for key in ("a", "b", "c")
        )
    )
    assert list_fixes(spec, node("n")) == []


def test_suggested_labels() -> None:
    products = (f"NVIDIA-{SLICE}", "Tesla-T4", "Tesla-T4", "Tesla-V100", "L40S", "")
    nodes = [node(f"n{number}", product) for number, product in enumerate(products)]
    index = build_index(nodes)
    assert find_suggestions(select(SLICE), index) == [
        Suggestion(
            asked=f"{PRODUCT}={SLICE}",
            key=PRODUCT,
            values=((f"NVIDIA-{SLICE}", 1), ("Tesla-T4", 2), ("Tesla-V100", 1)),
            value_key=PRODUCT,
        )
    ]
    assert find_suggestions(select("Tesla-T4"), index) == []
    assert find_suggestions(select("T4", "nvidia.com/gpu.prodct"), index) == [
        Suggestion(
            asked="nvidia.com/gpu.prodct=T4",
            key="nvidia.com/gpu.prodct",
            values=(),
            value_key="nvidia.com/gpu.prodct",
            keys=((PRODUCT, 5),),
        )
    ]
    assert find_suggestions(require(PRODUCT, "DoesNotExist"), build_index(nodes[:1])) == [
        Suggestion(asked=f"!{PRODUCT}", key=PRODUCT, values=((f"NVIDIA-{SLICE}", 1),), value_key=PRODUCT)
    ]


def test_suggested_bounds() -> None:
    nodes = [
        node(name, labels={MEMORY: value})
        for name, value in zip("abcde", ["9", "80", "700", "700", "x"], strict=True)
    ]
    index = build_index(nodes)
    assert find_suggestions(require(MEMORY, "Gt", "900"), index)[0].values == (
        ("700", 2),
        ("80", 1),
        ("9", 1),
    )
    assert find_suggestions(require(MEMORY, "Lt", "1"), index)[0].values == (("9", 1), ("80", 1), ("700", 2))


def test_suggested_devices() -> None:
    index = build_index(
        [node("a", allocatable={GPU: 8, "nvidia.com/mig-2g.10gb": 1}), node("b", allocatable={GPU: 1})]
    )
    assert find_suggestions(SchedulingSpec(requests={MIG: 1, GPU: 9, "nvidia.com/none": 0}), index) == [
        Suggestion(
            asked=MIG,
            key="",
            values=(("nvidia.com/mig-2g.10gb", 1), (GPU, 2)),
            notes=("10 GB slices", "whole GPUs"),
        )
    ]


LABELS = st.dictionaries(
    st.sampled_from((PRODUCT, MEMORY, "nvidia.com/mig-1g.5gb.product", "zone", GKE)),
    st.sampled_from((A100, SLICE, f"NVIDIA-{SLICE}", "Tesla-T4", "nvidia-l4", "4864", "40960", "a")),
)
DEVICES = st.dictionaries(st.sampled_from((GPU, MIG)), st.integers(0, 3))
NODES = st.lists(
    st.builds(
        Node,
        name=st.sampled_from(("n1", "n2", "n3")),
        labels=LABELS,
        allocatable=DEVICES,
        requested=DEVICES,
        taints=st.sampled_from(((), (Taint(key="a", effect="NoSchedule"),))),
    ),
    max_size=4,
    unique_by=lambda each: each.name,
)
REQUIREMENTS = st.builds(
    lambda key, operator, value: Requirement(
        key=key, operator=operator, values=() if operator.endswith(("Exists", "Exist")) else (value,)
    ),
    st.sampled_from((PRODUCT, MEMORY, "nvidia.com/gpu.memry", "nvidia.com/gpu.present", "zone", GKE)),
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from((A100, SLICE, "Tesla-T4", "nvidia-h100-80gb", "4864", "40Gi", "b")),
)
TERMS = st.none() | st.lists(
    st.builds(NodeSelectorTerm, expressions=st.lists(REQUIREMENTS, max_size=2).map(tuple)),
    min_size=1,
    max_size=2,
).map(tuple)
SPECS = st.builds(
    SchedulingSpec,
    node_selector=st.lists(REQUIREMENTS, max_size=2).map(tuple),
    terms=TERMS,
    requests=DEVICES,
    tolerations=st.sampled_from(((), (Toleration(operator="Exists"),))),
)


@given(SPECS, NODES)
def test_an_edit_makes_a_pod_fit_the_named_nodes(spec: SchedulingSpec, nodes: list[Node]) -> None:
    if not any(judge(spec, each).fits for each in nodes):
        find(spec, *sorted(nodes, key=lambda each: each.name))


def test_a_node_that_is_full_of_pods() -> None:
    full = node("a", "T4", allocatable={"pods": 1}, requested={"pods": 1})
    assert list_fixes(SchedulingSpec(), full) == [([], ["has room for another pod"], ["a"])]
    assert list_fixes(SchedulingSpec(), replace(full, allocatable={"pods": 0})) == []
