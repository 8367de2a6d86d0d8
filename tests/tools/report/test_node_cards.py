from __future__ import annotations

from dataclasses import replace

import pytest

from gfd.clusterview.nodes import Node, read_node
from gfd.inventory.model import FailedGpu
from gfd.tools.report.diagrams import draw_devices
from gfd.tools.report.node_cards import NodeCard, make_inventory_card, make_node_card
from tests import make
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
    assert make_inventory_card("a", labels, make.inventory()).facts == facts


def test_notes() -> None:
    failed = FailedGpu(index=1, failure=make.failure("name", "GPU 1"))
    said = "GPU 1 is left out: nvmlSomething on GPU 1 failed: GPU is lost (NVML error 15)."
    invalid = {"nvidia.com/gpu.product": "NVIDIA-B200-MIG-INVALID"}
    bare, broken = make.inventory(), make.inventory(failed_gpus=(failed,))
    unlabelled = "This node has GPUs but no GPU labels: gfd does not run here, or could not read them."
    assert make_inventory_card("a", {}, bare).notes == ("No GPU.",)
    assert make_inventory_card("a", {}, make.inventory(make.gpu())).notes == (unlabelled,)
    assert make_inventory_card("a", {}, broken, notes=("No labels.",)).notes == ("No labels.", said)
    assert make_inventory_card("a", LABELS, broken).notes == (said,)
    assert make_inventory_card("a", invalid, broken).notes == (said, INVALID)
    assert of(0, "b200", "all-enabled", "single").notes == (INVALID,)
    assert of(0, "no-gpu", "all-disabled", "none").notes == ("No GPU.",)
    assert of(0, "t4", "all-disabled", "none").notes == ()


def test_a_node_without_labels() -> None:
    """gfd writes a label on every node where it runs, also without a GPU."""
    untold = "No labels of gfd: there is no GPU, or gfd does not run here."
    assert make_node_card(Node(name="a", labels={"zone": "b"})).notes == (untold,)
    assert make_node_card(Node(name="a", labels={"nvidia.com/vgpu.present": "false"})).notes == ("No GPU.",)
