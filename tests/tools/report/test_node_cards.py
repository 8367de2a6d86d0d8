from __future__ import annotations

from dataclasses import replace

import pytest

from gfd.clusterview.nodes import Node, read_node
from gfd.inventory.model import FailedGpu
from gfd.tools.report.diagrams import draw_devices
from gfd.tools.report.node_cards import NodeCard, make_inventory_card, make_node_card
from tests import make
from tests.tools.make import node, unready
from tests.tools.report import samples

LABELS = {"nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.count": "8"}
INVALID = (
    "This node offers no GPU: with MIG strategy single, every GPU must be in MIG mode and have MIG devices,"
    " all of one profile."
)


def of(number: int, *kind: str, is_counted: bool = False) -> NodeCard:
    return make_node_card(replace(read_node(samples.make_node(number, *kind)), is_counted=is_counted))


def test_a_node_from_its_labels_and_devices() -> None:
    card = of(3, "h200", "all-1g.18gb", "mixed", is_counted=True)
    assert (card.name, card.notes) == ("node-0003", ())
    assert card.facts == (
        "1 × NVIDIA-H200",  # noqa: RUF001
        "143771 MiB",
        "hopper",
        "MIG strategy mixed",
        "driver 580.159.04",
        "CUDA 13.0",
    )
    assert card.diagrams == (draw_devices("nvidia.com/mig-1g.18gb", 7, 0, "1g.18gb"),)
    assert card.labels["topology.kubernetes.io/zone"] == "zone-0"


def test_a_node_with_one_mig_profile() -> None:
    card = of(0, "mig-doc", "all-1g.5gb", "single")
    assert card.facts[0] == "7 × A100-PCIE-40GB-MIG-1g.5gb"  # noqa: RUF001
    assert card.diagrams == (draw_devices("nvidia.com/gpu", 7, None, "1g.5gb"),)


@pytest.mark.parametrize(
    ("labels", "facts"),
    [
        (LABELS, ("8 × NVIDIA-H200",)),  # noqa: RUF001
        ({"nvidia.com/gpu.product": "P"}, ("? × P",)),  # noqa: RUF001
        (
            {"nvidia.com/gpu.sharing-strategy": "mps", "nvidia.com/gpu.replicas": "4"},
            ("mps, 4 pods each",),
        ),
        ({"nvidia.com/gpu.sharing-strategy": "none"}, ()),
        ({"nvidia.com/gpu.sharing-strategy": ""}, ()),
        ({"zone": "a"}, ()),
    ],
)
def test_facts(labels: dict[str, str], facts: tuple[str, ...]) -> None:
    assert make_inventory_card(Node(name="a", labels=labels), make.inventory()).facts == facts


def test_notes() -> None:
    failed = FailedGpu(index=1, failure=make.failure("name", "GPU 1"))
    said = "GPU 1 is left out: nvmlSomething on GPU 1 failed: GPU is lost (NVML error 15)."
    invalid = {"nvidia.com/gpu.product": "NVIDIA-B200-MIG-INVALID"}
    bare, broken = make.inventory(), make.inventory(failed_gpus=(failed,))
    unlabelled = "This node has GPUs but no GPU labels: gfd does not run here, or could not read them."
    bare_node = Node(name="a")
    assert make_inventory_card(bare_node, bare).notes == ("No GPU.",)
    assert make_inventory_card(bare_node, make.inventory(make.gpu())).notes == (unlabelled,)
    assert make_inventory_card(bare_node, broken, notes=("No labels.",)).notes == ("No labels.", said)
    assert make_inventory_card(replace(bare_node, labels=LABELS), broken).notes == (said,)
    assert make_inventory_card(replace(bare_node, labels=invalid), broken).notes == (said, INVALID)
    assert of(0, "b200", "all-enabled", "single").notes == (INVALID,)
    assert of(0, "no-gpu", "all-disabled", "none").notes == ("No GPU.",)
    assert of(0, "t4", "all-disabled", "none").notes == ()


def test_a_node_that_only_its_cloud_describes() -> None:
    card = make_node_card(Node(name="a", labels={"cloud.google.com/gke-accelerator": "nvidia-l4"}))
    assert (card.facts, card.gpus is None) == (("(nvidia-l4)",), False)
    assert card.notes == (
        "This node has GPUs but no GPU labels: gfd does not run here, or could not read them.",
    )
    assert make_node_card(Node(name="a", labels={"zone": "b"})).gpus is None


def test_several_models() -> None:
    labels = LABELS | {"nvidia.com/gpu.count.NVIDIA-H200": "8", "nvidia.com/gpu.count.NVIDIA-L4": "1"}
    card = make_node_card(Node(name="a", labels=labels, allocatable={"nvidia.com/gpu": 9}))
    assert card.facts == ("8 × NVIDIA-H200, 1 × NVIDIA-L4",)  # noqa: RUF001
    assert card.notes == ()


def test_states_and_taints() -> None:
    taints = [
        {"key": "team", "value": "a", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
    ]
    item = unready(node("a", LABELS, {"gpu": 8}, taints=taints, unschedulable=True))
    card = make_node_card(read_node(item))
    assert card.states == ("NotReady since 2026-01-02T03:04:05Z", "cordoned")
    assert [str(taint) for taint in card.taints] == ["team=a:NoSchedule"]
    assert card.notes == ()


def test_a_node_that_is_short_of_disk() -> None:
    full = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}
    card = make_node_card(read_node(node("a", LABELS, {"gpu": 8}, taints=[full])))
    assert card.states == ("has the taint node.kubernetes.io/disk-pressure",)
    assert card.taints == ()


def test_devices_that_are_not_offered() -> None:
    card = make_node_card(Node(name="a", labels=LABELS))
    assert card.notes == (
        (
            "The labels are stale: 8 gpu labelled, 0 offered: "
            "the device plugin does not run, or DRA offers them."
        ),
    )
    assert card.diagrams == ()


def test_devices_whose_pods_are_unknown() -> None:
    counted = read_node(node("a", LABELS, {"gpu": 1}))
    ((segment,),) = (each.segments for each in make_node_card(counted).diagrams)
    assert segment.state == "free"
    ((segment,),) = (each.segments for each in make_node_card(replace(counted, is_counted=False)).diagrams)
    assert segment.state == "present"
