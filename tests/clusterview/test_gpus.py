from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gfd.clusterview.gpus import describe, has_gpus
from gfd.clusterview.nodes import read_node
from tests.tools.make import gpu_labels, node, unready

A100 = "NVIDIA-A100-SXM4-40GB"


def describe_node(labels: Mapping[str, str], offers: Mapping[str, int] | None = None, **more: Any) -> Any:
    return describe(read_node(node("n", labels, offers, **more)))


def test_full_gpus() -> None:
    gpus = describe_node(gpu_labels(), {"gpu": 8}, writer="gfd")
    assert (gpus.node, gpus.product, gpus.gpus, gpus.mig_strategy, gpus.mig) == ("n", A100, 8, "none", {})
    assert (gpus.memory_mib, gpus.driver, gpus.cuda, gpus.compute) == (40960, "535.129.03", "12.2", "8.0")
    assert (gpus.family, gpus.machine) == ("ampere", "DGXA100-920-23687-2530-000")
    assert (gpus.sharing_strategy, gpus.replicas) == ("", {})
    assert gpus.loaded_at == datetime(2026, 1, 1, 20, 40, tzinfo=UTC)
    assert gpus.written_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (gpus.writers, gpus.stale) == (("gfd",), ())
    assert gpus.allocatable == gpus.free == {"nvidia.com/gpu": 8}
    assert gpus.allocated == {"nvidia.com/gpu": 0}


def test_labels_of_the_original_before_v0_15() -> None:
    labels = {key: value for key, value in gpu_labels().items() if "-version" not in key}
    gpus = describe_node(labels)
    assert (gpus.driver, gpus.cuda) == ("535.129.03", "12.2")


def test_mig_under_single() -> None:
    gpus = describe_node(gpu_labels(f"{A100}-MIG-1g.5gb", 56, mig_strategy="single"), {"gpu": 56})
    assert (gpus.gpus, gpus.mig_strategy, gpus.mig, gpus.stale) == (None, "single", {"1g.5gb": 56}, ())


def test_single_without_mig() -> None:
    gpus = describe_node(gpu_labels(mig_strategy="single"), {"gpu": 8})
    assert (gpus.gpus, gpus.mig, gpus.stale) == (8, {}, ())


def test_single_with_an_invalid_layout() -> None:
    gpus = describe_node(
        gpu_labels(f"{A100}-MIG-INVALID", 0, mig_strategy="single", gpu_replicas="0"), {"gpu": 0}
    )
    assert (gpus.gpus, gpus.mig, gpus.is_mig_invalid, gpus.stale) == (None, {}, True, ())


MIXED = {
    "nvidia.com/mig.strategy": "mixed",
    "nvidia.com/mig-1g.5gb.count": "2",
    "nvidia.com/mig-1g.5gb.replicas": "4",
    "nvidia.com/mig-1g.5gb.sharing-strategy": "time-slicing",
    "nvidia.com/mig-3g.20gb.count": "1",
    "nvidia.com/mig-2g.10gb.count": "0",
}


def test_mig_under_mixed() -> None:
    gpus = describe_node(gpu_labels() | MIXED, {"gpu": 7, "mig-1g.5gb": 8, "mig-3g.20gb": 1})
    assert (gpus.gpus, gpus.mig) == (8, {"1g.5gb": 2, "3g.20gb": 1})
    assert (gpus.sharing_strategy, gpus.replicas) == ("time-slicing", {"nvidia.com/mig-1g.5gb": 4})
    assert gpus.stale == ()


def test_several_models() -> None:
    labels = gpu_labels(A100, 4) | {
        f"nvidia.com/gpu.count.{A100}": "4",
        "nvidia.com/gpu.count.NVIDIA-A30": "2",
    }
    gpus = describe_node(labels | {"nvidia.com/gpu.count.failed": "1"}, {"gpu": 6})
    assert (gpus.gpus, gpus.models, gpus.stale) == (6, {A100: 4, "NVIDIA-A30": 2}, ())


def test_a_label_with_the_physical_count() -> None:
    labels = gpu_labels(f"{A100}-MIG-1g.5gb", 7, gpu_count_physical="1", mig_strategy="single")
    assert describe_node(labels).gpus == 1


@pytest.mark.parametrize(("shared", "suffix"), [("gpu", "-SHARED"), ("gpu.shared", "")])
def test_shared_gpus(shared: str, suffix: str) -> None:
    labels = gpu_labels(A100 + suffix, gpu_replicas="4", gpu_sharing__strategy="mps")
    gpus = describe_node(labels, {shared: 32})
    assert (gpus.gpus, gpus.sharing_strategy, gpus.replicas) == (8, "mps", {"nvidia.com/gpu": 4})
    assert gpus.stale == ()


NO_PLUGIN = "the device plugin does not run, or DRA offers them"
NOT_MIXED = "the device plugin offers gpu instead, so its MIG strategy is not mixed"
OLD_LAYOUT = "the MIG layout has changed, or the device plugin has not read it again"


@pytest.mark.parametrize(
    ("labels", "offers", "stale"),
    [
        (gpu_labels(), {"gpu": 7}, ("8 gpu labelled, 7 offered",)),
        (gpu_labels(), {"gpu": 0}, (f"8 gpu labelled, 0 offered: {NO_PLUGIN}",)),
        (gpu_labels(), {}, (f"8 gpu labelled, 0 offered: {NO_PLUGIN}",)),
        (
            gpu_labels(gpu_deploy_device__plugin="paused-for-mig-change"),
            {},
            (
                (
                    "8 gpu labelled, 0 offered: the label nvidia.com/gpu.deploy.device-plugin="
                    "paused-for-mig-change keeps the device plugin away"
                ),
            ),
        ),
        (
            gpu_labels(gpu_deploy_device__plugin="true"),
            {"hostdev": 4},
            (f"8 gpu labelled, 0 offered: {NO_PLUGIN}",),
        ),
        (
            gpu_labels(gpu_workload_config="vm-passthrough"),
            {},
            (
                (
                    "8 gpu labelled, 0 offered: the label nvidia.com/gpu.workload.config=vm-passthrough "
                    "reserves them for virtual machines"
                ),
            ),
        ),
        (
            gpu_labels(),
            {"gpu": 0, "mig-1g.5gb": 56},
            (
                (
                    "8 gpu labelled, 0 offered: the device plugin offers mig-1g.5gb instead, "
                    "so its MIG strategy is mixed"
                ),
                "0 mig-1g.5gb labelled, 56 offered",
            ),
        ),
        (
            gpu_labels() | MIXED,
            {"gpu": 8},
            (
                f"8 mig-1g.5gb labelled, 0 offered: {NOT_MIXED}",
                f"1 mig-3g.20gb labelled, 0 offered: {NOT_MIXED}",
            ),
        ),
        (gpu_labels(mig_strategy="mixed"), {}, (f"8 gpu labelled, 0 offered: {NO_PLUGIN}",)),
        (gpu_labels() | MIXED, {"gpu": 0, "mig-1g.5gb": 8, "mig-3g.20gb": 1}, ()),
        (gpu_labels(), {"gpu": 8, "hostdev": 4}, ()),
        ({}, {"gpu": 8, "mig-1g.5gb": 0}, ("no labels, but 8 gpu offered",)),
        ({"nvidia.com/gpu.present": "true"}, {}, ("no labels",)),
        (
            gpu_labels() | MIXED,
            {"gpu": 9, "mig-1g.5gb": 8},
            ("8 gpu labelled, 9 offered", f"1 mig-3g.20gb labelled, 0 offered: {OLD_LAYOUT}"),
        ),
        (
            gpu_labels() | MIXED,
            {"gpu": 7, "mig-1g.5gb": 4, "mig-7g.40gb": 1},
            (
                "8 mig-1g.5gb labelled, 4 offered",
                f"1 mig-3g.20gb labelled, 0 offered: {OLD_LAYOUT}",
                "0 mig-7g.40gb labelled, 1 offered",
            ),
        ),
    ],
)
def test_what_contradicts_the_labels(
    labels: Mapping[str, str], offers: Mapping[str, int], stale: tuple[str, ...]
) -> None:
    assert describe_node(labels, offers).stale == stale


def test_an_unhealthy_device_does_not_make_labels_stale() -> None:
    gpus = describe_node(gpu_labels(), {"gpu": 8}, allocatable={"gpu": 7})
    assert (gpus.stale, gpus.free) == ((), {"nvidia.com/gpu": 7})


def test_devices_that_no_pod_can_get() -> None:
    gpus = describe_node(gpu_labels(), {"gpu": 8}, allocatable={"gpu": 0})
    assert gpus.stale == (
        "8 gpu labelled, 0 of 8 allocatable: they are unhealthy, or the device plugin has stopped",
    )


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}, "nvidia-h100-80gb"),
        ({"karpenter.k8s.aws/instance-gpu-name": "h100"}, "h100"),
        ({"node.kubernetes.io/instance-type": "p5.48xlarge"}, "p5.48xlarge"),
        ({"node.kubernetes.io/instance-type": "m5.large"}, ""),
    ],
)
def test_the_name_that_a_cloud_gives(labels: dict[str, str], name: str) -> None:
    assert describe_node(labels).cloud_name == name
    assert has_gpus(read_node(node("n", labels))) is bool(name)


def test_nodes_that_take_no_new_pods() -> None:
    assert describe_node(gpu_labels(), {"gpu": 8}).takes_pods
    assert not describe_node(gpu_labels(), {"gpu": 8}, unschedulable=True).takes_pods
    assert not describe(read_node(unready(node("n", gpu_labels(), {"gpu": 8})))).takes_pods
    for reason in ("disk-pressure", "not-ready"):
        taint = {"key": f"node.kubernetes.io/{reason}", "effect": "NoSchedule"}
        assert not describe_node(gpu_labels(), {"gpu": 8}, taints=[taint]).takes_pods
    unreachable = {"key": "node.kubernetes.io/unreachable", "effect": "PreferNoSchedule"}
    assert describe_node(gpu_labels(), {"gpu": 8}, taints=[unreachable]).takes_pods


def test_a_kubelet_that_does_not_report() -> None:
    gpus = describe(read_node(unready(node("n", gpu_labels(), {"gpu": 8}))))
    assert gpus.stale == ("not ready since 2026-01-02T03:04:05Z",)


def test_malformed_labels_count_as_missing() -> None:
    labels = gpu_labels(gpu_memory="big", gpu_count="-1", gfd_timestamp="9" * 18, gpu_replicas="1.5")
    gpus = describe_node(labels)
    assert (gpus.memory_mib, gpus.gpus, gpus.loaded_at, gpus.replicas) == (None, None, None, {})


@pytest.mark.parametrize(
    ("labels", "offers", "is_one"),
    [
        ({}, {}, False),
        ({"nvidia.com/vgpu.present": "false", "nvidia.com/gfd.timestamp": "1"}, {}, False),
        ({"nvidia.com/gpu.present": "false"}, {"hostdev": 4}, False),
        ({"nvidia.com/gpu.present": "true"}, {}, True),
        ({"nvidia.com/gpu.count": "0"}, {}, True),
        ({}, {"gpu": 0}, True),
        ({}, {"mig-1g.5gb.shared": 4}, True),
    ],
)
def test_which_nodes_have_gpus(labels: dict[str, str], offers: dict[str, int], is_one: bool) -> None:
    assert has_gpus(read_node(node("n", labels, offers))) is is_one
