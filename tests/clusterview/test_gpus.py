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


@pytest.mark.parametrize(
    ("labels", "offers", "stale"),
    [
        (gpu_labels(), {"gpu": 7}, ("8 gpu labelled, 7 offered",)),
        (gpu_labels(), {"gpu": 0}, ("8 gpu labelled, 0 offered",)),
        (gpu_labels(), {}, ()),
        (gpu_labels(), {"gpu": 8, "hostdev": 4}, ()),
        ({}, {"gpu": 8, "mig-1g.5gb": 0}, ("no labels, but 8 gpu offered",)),
        ({"nvidia.com/gpu.present": "true"}, {}, ("no labels",)),
        (gpu_labels() | MIXED, {"gpu": 9, "mig-1g.5gb": 8}, ("8 gpu labelled, 9 offered",)),
        (
            gpu_labels() | MIXED,
            {"gpu": 7, "mig-1g.5gb": 4, "mig-7g.40gb": 1},
            ("8 mig-1g.5gb labelled, 4 offered", "0 mig-7g.40gb labelled, 1 offered"),
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
