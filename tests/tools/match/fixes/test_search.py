"""Which fixes are worth following: what comes first, and what the pod gets instead of what it asks for."""

from __future__ import annotations

import pytest

from gfd.clusterview.nodes import Node, Taint
from gfd.tools.match.fixes.steps import Repair
from gfd.tools.match.judge.topology import HOSTNAME
from gfd.tools.match.podspec.scheduling import SchedulingSpec
from tests.tools.match.fixes.fixing import (
    COUNT,
    GPU,
    MEMORY,
    PRODUCT,
    change,
    find,
    list_fixes,
    node,
    require,
    select,
)

H100, H200, B200, T4 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200", "NVIDIA-B200", "Tesla-T4"
A100 = "NVIDIA-A100-SXM4-40GB"
ONE = {GPU: 1}
RESEARCH = (Taint(key="team", value="research", effect="NoSchedule"),)


def gpus(name: str, product: str, count: int = 8, **members: object) -> Node:
    labels = {COUNT: str(count), **members.pop("labels", {})}  # type: ignore[dict-item]
    return node(name, product, labels=labels, allocatable={GPU: count}, **members)


def mixed(name: str, product: str, **counts: int) -> Node:
    """Return a node whose GPUs are all divided by MIG: ``mixed("a", A100, mig_1g_5gb=7)``."""
    profiles = {key.removeprefix("mig_").replace("_", "."): count for key, count in counts.items()}
    labels = {f"nvidia.com/mig-{each}.product": f"{product}-MIG-{each}" for each in profiles}
    offered = {f"nvidia.com/mig-{each}": count for each, count in profiles.items()}
    return node(name, product, labels={COUNT: "8", **labels}, allocatable={GPU: 0, **offered})


def test_many_gpus_are_not_replaced_by_slices_or_shares() -> None:
    nodes = (
        mixed("a", A100, mig_1g_5gb=56),
        gpus("b", f"{H100}-MIG-1g.10gb", 56),
        gpus("c", f"{H100}-SHARED", 64),
    )
    assert find(select(H100, requests={GPU: 16}), *nodes) == []
    assert find(SchedulingSpec(requests={GPU: 16}), nodes[0]) == []
    assert change(SchedulingSpec(requests={GPU: 1000}), mixed("a", A100, mig_1g_5gb=56), gpus("b", H100)) == (
        "nvidia.com/gpu: 8", "", ("b",)
    )  # fmt: skip
    assert change(select(H100, requests={GPU: 16}), *nodes, gpus("d", H100)) == (
        "nvidia.com/gpu: 8",
        "",
        ("d",),
    )


def test_a_slice_instead_of_a_gpu_is_named() -> None:
    assert change(SchedulingSpec(requests=ONE), mixed("a", A100, mig_1g_5gb=7, mig_3g_20gb=1)) == (
        "nvidia.com/mig-3g.20gb: 1", "20 GB slice instead of 40 GB", ("a",)
    )  # fmt: skip
    single = gpus("a", f"{H100}-MIG-1g.10gb", 7)
    assert change(select(H100, requests=ONE), single) == (
        f"{PRODUCT}: {H100}-MIG-1g.10gb", "10 GB slice instead of 80 GB", ("a",)
    )  # fmt: skip
    assert change(SchedulingSpec(requests={"nvidia.com/mig-2g.10gb": 1}), gpus("a", A100)) == (
        "nvidia.com/gpu: 1", "a whole GPU of 40 GB instead of a 10 GB slice", ("a",)
    )  # fmt: skip
    slices = gpus("a", f"{A100}-MIG-3g.20gb", labels={MEMORY: "19968"})
    assert change(require(MEMORY, "Gt", "81920", requests=ONE), slices) == (
        f"{MEMORY} Gt [19967]", "20 GB slice instead of 80 GB", ("a",)
    )  # fmt: skip
    hidden = gpus("a", f"{A100}-MIG-1g.5gb", taints=RESEARCH)
    assert change(SchedulingSpec(requests=ONE), hidden)[1] == "5 GB slice instead of 40 GB"


def test_the_nearest_profile_comes_first() -> None:
    spec = SchedulingSpec(requests={"nvidia.com/mig-2g.10gb": 1})
    assert change(spec, mixed("a", A100, mig_1g_5gb=7, mig_3g_20gb=1))[:2] == (
        "nvidia.com/mig-3g.20gb: 1", "20 GB slice instead of 10 GB slice"
    )  # fmt: skip


def test_another_profile_with_as_much_memory_comes_before_more_memory() -> None:
    spec = SchedulingSpec(requests={"nvidia.com/mig-1g.10gb": 1})
    assert change(spec, mixed("a", A100, mig_1g_5gb=16, mig_2g_10gb=8, mig_3g_20gb=8))[:2] == (
        "nvidia.com/mig-2g.10gb: 1", "2g.10gb slice instead of 1g.10gb slice"
    )  # fmt: skip


def test_a_plugin_that_offers_nothing_is_no_cause_if_the_labels_name_other_devices() -> None:
    idle = node("a", H100, labels={COUNT: "8"})
    assert find(SchedulingSpec(requests={"nvidia.com/mig-1g.10gb": 1}), idle) == []
    assert find(SchedulingSpec(requests={"nvidia.com/gpu.shared": 1}), idle) == []
    shared = node("a", H100, labels={COUNT: "8", f"{GPU}.replicas": "4"})
    (fix,) = find(SchedulingSpec(requests={"nvidia.com/gpu.shared": 1}), shared)
    assert fix.repairs
    divided = node("a", H100, labels={COUNT: "8", "nvidia.com/mig-1g.10gb.count": "7"})
    (fix,) = find(SchedulingSpec(requests={"nvidia.com/mig-1g.10gb": 1}), divided)
    assert fix.repairs


def test_a_shared_gpu_is_named() -> None:
    sharing = {f"{GPU}.replicas": "4", f"{GPU}.sharing-strategy": "time-slicing"}
    shared = gpus("a", f"{T4}-SHARED", 4, labels=sharing)
    assert change(select(T4, requests=ONE), shared)[:2] == (
        f"{PRODUCT}: {T4}-SHARED", "time-shared with up to 3 other pods"
    )  # fmt: skip
    mps = sharing | {f"{GPU}.sharing-strategy": "mps", f"{GPU}.replicas": "2"}
    renamed = node("a", T4, labels=mps, allocatable={f"{GPU}.shared": 2})
    assert change(SchedulingSpec(requests=ONE), renamed)[:2] == (
        "nvidia.com/gpu.shared: 1", "shared through MPS with up to 1 other pod"
    )  # fmt: skip
    assert change(select(f"{T4}-SHARED", requests=ONE), gpus("a", T4))[1] == (
        "a device of its own instead of a shared one"
    )
    assert find(select(T4, requests={GPU: 2}), shared) == []


def test_another_model_is_named_and_comes_last() -> None:
    assert change(select(H100, requests=ONE), gpus("a", T4), gpus("b", H200)) == (
        f"{PRODUCT}: {H200}", "another model, 141 GB instead of 80 GB", ("b",)
    )  # fmt: skip
    reserved = gpus("b", B200, taints=RESEARCH)
    assert list_fixes(select(B200, requests={GPU: 8}), gpus("a", H200), reserved) == [
        ([("", "{key: team, operator: Equal, value: research, effect: NoSchedule}", "", 0)], [], ["b"])
    ]
    taken = gpus("b", B200, requested={GPU: 8})
    wait, other = find(select(B200, requests={GPU: 8}), gpus("a", H200), taken)
    assert (wait.awaited, wait.nodes) == (("has 8 nvidia.com/gpu free",), ("b",))
    assert (other.edits[0].consequence, other.nodes) == ("another model, 141 GB instead of 180 GB", ("a",))
    family = gpus("a", A100, labels={f"{GPU}.family": "ampere"})
    assert change(select("hopper", f"{GPU}.family", requests=ONE), family)[1] == "ampere instead of hopper"
    hopper = gpus("a", H100, labels={f"{GPU}.family": "hopper"})
    assert change(select("Hopper", f"{GPU}.family", requests=ONE), hopper)[:2] == (
        f"{GPU}.family: hopper", ""
    )  # fmt: skip
    assert (
        change(require(PRODUCT, "NotIn", T4, requests=ONE), gpus("a", T4))[1]
        == f"{T4}, which the pod excludes"
    )


@pytest.mark.parametrize(
    "names", [select("a", HOSTNAME, requests=ONE), SchedulingSpec(node_name="a", requests=ONE)]
)
def test_another_node_with_another_model_is_named(names: SchedulingSpec) -> None:
    hosts = [{HOSTNAME: each} for each in "ab"]
    full = gpus("a", H100, labels=hosts[0], requested={GPU: 8})
    wait, other = find(names, full, gpus("b", T4, labels=hosts[1]))
    assert wait.awaited
    assert other.edits[0].consequence == "Tesla-T4 (16 GB) instead of NVIDIA-H100-80GB-HBM3"
    _, other = find(names, full, gpus("b", H100, labels=hosts[1]))
    assert other.edits[0].consequence == ""


def test_other_hardware_by_other_labels_is_named() -> None:
    t4 = gpus("a", T4, labels={f"{GPU}.compute.major": "7", f"{GPU}.machine": "g4dn.xlarge"})
    assert change(require(f"{GPU}.compute.major", "Gt", "8", requests=ONE), t4)[:2] == (
        f"{GPU}.compute.major Gt [6]", "compute capability 7 instead of more than 8"
    )  # fmt: skip
    assert change(select("9", f"{GPU}.compute.major", requests=ONE), t4)[1] == (
        "compute capability 7 instead of 9"
    )
    assert change(select("DGXH100", f"{GPU}.machine", requests=ONE), t4)[1] == "another machine"


def test_a_label_of_mig_devices_moves_the_request_too() -> None:
    half = node(
        "a",
        A100,
        labels={COUNT: "8", "nvidia.com/mig-3g.20gb.product": f"{A100}-MIG-3g.20gb"},
        allocatable={GPU: 4, "nvidia.com/mig-3g.20gb": 8},
    )
    (fix,) = find(select(f"{A100}-MIG-3g.20gb", requests=ONE), half)
    assert [(each.new, each.consequence) for each in fix.edits] == [
        (f"nvidia.com/mig-3g.20gb.product: {A100}-MIG-3g.20gb", ""),
        ("nvidia.com/mig-3g.20gb: 1", ""),
    ]
    (fix,) = find(select(f"{A100}-MIG-1g.5gb", requests=ONE), half)
    assert [(each.new, each.consequence) for each in fix.edits] == [
        (f"nvidia.com/mig-3g.20gb.product: {A100}-MIG-3g.20gb", ""),
        ("nvidia.com/mig-3g.20gb: 1", "20 GB slice instead of 5 GB slice"),
    ]


def test_a_second_fix_is_no_worse_variant_of_the_first() -> None:
    nodes = (gpus("a", A100, 4), gpus("b", A100, 1, taints=RESEARCH))
    (fix,) = find(SchedulingSpec(requests={GPU: 8}), *nodes)
    assert [each.new for each in fix.edits] == ["nvidia.com/gpu: 4"]


def test_a_part_of_the_name() -> None:
    fix = find(select("H100", requests=ONE), gpus("a", T4), gpus("b", H100), gpus("c", "NVIDIA-H100-PCIe"))[0]
    assert (fix.edits[0].new, fix.edits[0].why, fix.edits[0].consequence) == (
        f"{PRODUCT}: {H100}", "the label has the whole name", ""
    )  # fmt: skip


def test_fewer_devices_or_waiting_before_a_toleration() -> None:
    half = gpus("a", H100, requested={GPU: 4})
    wait, fewer = find(SchedulingSpec(requests={GPU: 8}), half)
    assert wait.awaited == ("has 8 nvidia.com/gpu free",)
    assert (fewer.edits[0].new, fewer.edits[0].why) == (
        "nvidia.com/gpu: 4",
        "the node has only 4 nvidia.com/gpu free",
    )
    first, second = find(
        SchedulingSpec(requests={GPU: 8}),
        gpus("a", H100, requested={GPU: 1}),
        gpus("b", H100, taints=RESEARCH),
    )
    assert (first.edits[0].new, second.awaited) == ("nvidia.com/gpu: 7", ("has 8 nvidia.com/gpu free",))
    free, later = find(SchedulingSpec(requests={GPU: 16}), gpus("a", H100, requested={GPU: 6}))
    assert (free.edits[0].new, later.edits[0].new, later.awaited) == (
        "nvidia.com/gpu: 2", "nvidia.com/gpu: 8", ("has 8 nvidia.com/gpu free",)
    )  # fmt: skip


def test_a_plugin_that_offers_nothing() -> None:
    idle = node("a", H100, labels={COUNT: "8"})
    (fix,) = find(SchedulingSpec(requests=ONE), idle)
    assert fix.repairs[0].problem == "the device plugin offers nothing on"
    assert fix.nodes == ("a",)
    sick = node("a", H100, labels={COUNT: "8"}, allocatable={GPU: 0}, capacity={GPU: 8})
    (fix,) = find(SchedulingSpec(requests=ONE), sick)
    assert fix.repairs[0].problem == "the device plugin reports all devices as unhealthy on"
    on_gke = node("a", labels={"cloud.google.com/gke-accelerator": "nvidia-l4"})
    (fix,) = find(SchedulingSpec(requests=ONE), on_gke)
    assert fix.repairs[0].problem == "the device plugin offers nothing on"
    (fix,) = find(SchedulingSpec(requests={GPU: 16}), idle)
    assert [each.new for each in fix.edits] == ["nvidia.com/gpu: 8"]
    repair, other = find(select(H100, requests=ONE), idle, gpus("b", T4))
    assert (bool(repair.repairs), other.nodes) == (True, ("b",))


def test_nodes_without_gfds_labels() -> None:
    bare = node("a", allocatable={GPU: 8})
    (fix,) = find(select(H100, requests=ONE), bare)
    assert [each.problem for each in fix.repairs] == ["gfd does not run on"]
    named = node("a", labels={"node.kubernetes.io/instance-type": "p5.48xlarge"}, allocatable={GPU: 8})
    assert len(find(select(H100, requests=ONE), named)) == 1
    assert find(select(T4, requests=ONE), named) == []
    only_present = node("a", labels={f"{GPU}.present": "true"}, allocatable={GPU: 8})
    assert find(select(H100, requests=ONE), only_present)[0].repairs


@pytest.mark.parametrize("bound", ["80Gi", "81920", "81919", "80000", "80G", "80GB"])
def test_a_bound_on_memory_keeps_the_cards_that_are_meant(bound: str) -> None:
    nodes = (gpus("a", H100, labels={MEMORY: "81559"}), gpus("b", T4, labels={MEMORY: "15360"}))
    spec = require(MEMORY, "Gt", bound, requests=ONE)
    if not any(each.matches(nodes[0].labels) for each in spec.requirements()):
        new, consequence, names = change(spec, *nodes)
        assert new in (f"{MEMORY} Gt [73000]", f"{MEMORY} Gt [76294]")
        assert (consequence, names) == ("", ("a",))


def test_less_memory_is_named() -> None:
    t4 = gpus("b", T4, labels={MEMORY: "15360"})
    assert change(require(MEMORY, "Gt", "80Gi", requests=ONE), t4) == (
        f"{MEMORY} Gt [15359]", "15 GB instead of 80 GB", ("b",)
    )  # fmt: skip
    assert change(select("80GB", MEMORY, requests=ONE), gpus("a", H100, labels={MEMORY: "81559"}))[:2] == (
        f"{MEMORY}: 81559", ""
    )  # fmt: skip
    assert change(select("81920", MEMORY, requests=ONE), t4)[1] == "15360 MiB instead of 81920"


def test_less_cpu_and_memory() -> None:
    big = Node(name="a", allocatable={"cpu": 47_810, "memory": 360 * 2**30 + 5, GPU: 8})
    (fix,) = find(SchedulingSpec(requests={"cpu": 64_000, "memory": 2**40, GPU: 1}), big)
    assert [(each.old, each.new, each.why) for each in fix.edits] == [
        ("cpu: 64", "cpu: 47", "no node has more than 47 cpu"),
        ("memory: 1Ti", "memory: 360Gi", "no node has more than 360Gi memory"),
    ]
    busy = Node(name="a", allocatable={"cpu": 48_000}, requested={"cpu": 47_500})
    wait, less = find(SchedulingSpec(requests={"cpu": 8_000}), busy)
    assert (wait.awaited, less.edits[0].new) == (("has 8 cpu free",), "cpu: 500m")


def test_a_node_with_too_many_pods() -> None:
    full = Node(name="a", allocatable={"pods": 110}, requested={"pods": 110})
    assert list_fixes(SchedulingSpec(), full) == [([], ["has room for another pod"], ["a"])]


def test_nothing_helps_without_the_resource() -> None:
    assert find(SchedulingSpec(requests={"amd.com/gpu": 1}), gpus("a", H100)) == []


def test_taints_that_no_toleration_should_cover() -> None:
    leaving = gpus("a", H100, taints=(Taint(key="karpenter.sh/disrupted", effect="NoSchedule"),))
    assert find(SchedulingSpec(requests=ONE), leaving) == []
    starting = gpus("a", H100, taints=(Taint(key="node.cilium.io/agent-not-ready", effect="NoSchedule"),))
    assert list_fixes(SchedulingSpec(requests=ONE), starting) == [
        ([], ["loses the taint node.cilium.io/agent-not-ready:NoSchedule"], ["a"])
    ]
    control_plane = Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")
    assert find(SchedulingSpec(requests=ONE), gpus("a", H100, taints=(control_plane,)))[0].edits


def test_an_image_for_another_architecture() -> None:
    arm = gpus("a", H100, labels={"kubernetes.io/arch": "arm64"})
    assert (
        change(select("amd64", "kubernetes.io/arch", requests=ONE), arm)[1]
        == "the image must be built for arm64"
    )


def test_a_fix_that_leaves_something_unjudged() -> None:
    uncounted = gpus("a", H100, is_counted=False)
    (fix,) = find(select("H100", requests=ONE), uncounted)
    assert not fix.is_certain


def test_repairs_are_equal_by_their_texts() -> None:
    assert Repair(problem="a", remedy="b") == Repair(problem="a", remedy="b")
