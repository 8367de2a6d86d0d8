"""The extra groups power and topology, and gpu.memory.unified of the group identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gfd.config.options import EXTRA_LABELS
from gfd.inventory import snapshot
from gfd.labels.resources import resolve
from gfd.labels.strategies import STRATEGIES
from gfd.labels.templates import Templates
from gfd.simulation import machines
from tests.make import failure, gpu, inventory, mig_gpu

if TYPE_CHECKING:
    from gfd.inventory.model import Gpu

TEMPLATES = Templates()
WATTS_700 = {"power_limit_mw": 700_000, "power_default_limit_mw": 700_000}


def render(group: str, *gpus: Gpu, strategy: str = "none") -> dict[str, str]:
    """Return the labels that a group adds, without the prefix."""
    found = inventory(*gpus)
    node = resolve(found, mig_strategy=strategy)
    plain = TEMPLATES.render(node, found)
    labels = TEMPLATES.render(node, found, (group,))
    assert labels.items() >= plain.items()
    return {key.removeprefix("nvidia.com/"): labels[key] for key in labels.keys() - plain.keys()}


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ([WATTS_700], ("700", "700")),
        ([{"power_limit_mw": 450_500, "power_default_limit_mw": 700_000}], ("450", "700")),
        ([WATTS_700, WATTS_700 | {"power_limit_mw": 500_000}, WATTS_700], ("500", "700")),
        ([WATTS_700, {}], ("700", "700")),
        ([{"power_limit_mw": 300_000}], ("300", None)),
        ([{"power_default_limit_mw": 300_000}], (None, "300")),
        ([{}], (None, None)),
    ],
    ids=["one", "limited", "lowest", "one unknown", "no default", "no limit", "Not Supported"],
)
def test_power(gpus: list[dict[str, int]], expected: tuple[str | None, str | None]) -> None:
    found = render("power", *(gpu(index, **facts) for index, facts in enumerate(gpus)))
    assert (found.pop("gpu.power.limit", None), found.pop("gpu.power.limit.default", None)) == expected
    assert found == {}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_power_of_a_gpu_in_mig_mode(strategy: str) -> None:
    assert render("power", mig_gpu(**WATTS_700), strategy=strategy) == {
        "gpu.power.limit": "700",
        "gpu.power.limit.default": "700",
    }


def test_the_model_of_the_node_has_the_limit() -> None:
    others = (gpu(0, **WATTS_700), gpu(1, **WATTS_700), gpu(2, name="Tesla T4", power_limit_mw=70_000))
    assert render("power", *others)["gpu.power.limit"] == "700"


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([(1, 2), (0, 2), (0, 1)], "true"),
        ([(1,), (0,), ()], "false"),
        ([(), (), ()], "false"),
        ([(1, 2), None, (0, 1)], None),
        ([None, None, None], None),
        ([()], None),
        ([None], None),
    ],
)
def test_all_to_all(peers: list[tuple[int, ...] | None], expected: str | None) -> None:
    gpus = [gpu(index, nvlink_peers=reached) for index, reached in enumerate(peers)]
    assert render("topology", *gpus) == ({"gpu.nvlink.all-to-all": expected} if expected else {})


def test_all_to_all_is_about_the_gpus_that_labels_count() -> None:
    peers = ((1, 2), (0, 2), None)
    gpus = [gpu(index, nvlink_peers=reached) for index, reached in enumerate(peers)]
    gpus[2] = gpus[2]._replace(is_mig_enabled=True, mig_devices=None, failures=(failure("mig_devices"),))
    assert resolve(inventory(*gpus), mig_strategy="none").is_all_to_all is None
    assert resolve(inventory(*gpus), mig_strategy="mixed").is_all_to_all is True


@pytest.mark.parametrize(
    ("links", "expected"), [([18, 18], "18"), ([18, 17], "17"), ([0], "0"), ([None, 4], "4"), ([None], None)]
)
def test_links(links: list[int | None], expected: str | None) -> None:
    found = render("topology", *(gpu(index, nvlink_links=count) for index, count in enumerate(links)))
    assert found == ({"gpu.nvlink.links": expected} if expected else {})


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([(0, "pci0000:1a")], {"gpu.numa-node.0": "1", "gpu.pcie-roots": "1"}),
        (
            [(10, "pci0000:1a"), (2, "pci0000:1a"), (10, "pci0000:42"), (None, None)],
            {"gpu.numa-node.2": "1", "gpu.numa-node.10": "2", "gpu.pcie-roots": "2"},
        ),
        ([(None, None)], {}),
    ],
)
def test_numa_nodes_and_pcie_roots(
    places: list[tuple[int | None, str | None]], expected: dict[str, str]
) -> None:
    gpus = [gpu(index, numa_node=node, pcie_root=root) for index, (node, root) in enumerate(places)]
    assert render("topology", *gpus) == expected


def test_two_real_gpus() -> None:
    """What two H200 in a virtual machine told (driver 580.159.04): NVSwitch, one virtual PCIe root."""
    facts = {**WATTS_700, "name": "NVIDIA H200", "nvlink_links": 18, "pcie_root": "pci0000:00"}
    pair = (gpu(0, nvlink_peers=(1,), **facts), gpu(1, nvlink_peers=(0,), **facts))
    assert render("power", *pair) == {"gpu.power.limit": "700", "gpu.power.limit.default": "700"}
    assert render("topology", *pair) == {
        "gpu.nvlink.all-to-all": "true",
        "gpu.nvlink.links": "18",
        "gpu.pcie-roots": "1",
    }


def test_unified_memory() -> None:
    plain = render("identity", gpu(memory_bytes=None))
    assert render("identity", gpu(memory_bytes=None, is_memory_unified=True)) == {
        **plain,
        "gpu.memory.unified": "true",
    }
    assert "gpu.memory.unified" not in render("identity", gpu())


FACTS: dict[str, Any] = {
    **WATTS_700,
    "nvlink_links": 18,
    "nvlink_peers": (1,),
    "numa_node": 3,
    "pcie_root": "pci0000:1a",
    "is_memory_unified": True,
}


def test_a_snapshot_keeps_the_facts() -> None:
    found = inventory(gpu(0, **FACTS), gpu(1, **FACTS | {"nvlink_peers": (0,)}))
    for text in (snapshot.to_json(found), snapshot.to_yaml(found)):
        assert snapshot.parse_inventory(text, "x") == found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_the_groups_the_facts_add_no_label(strategy: str) -> None:
    without, with_facts = inventory(gpu(0), gpu(1)), inventory(gpu(0, **FACTS), gpu(1, **FACTS))
    groups = [group for group in EXTRA_LABELS if group not in ("identity", "pcie", "power", "topology")]
    rendered = [
        TEMPLATES.render(resolve(found, mig_strategy=strategy), found, groups)
        for found in (without, with_facts)
    ]
    assert rendered[0] == rendered[1]


def test_gpus_for_virtual_machines() -> None:
    found = machines.read("a10-vfio")
    node = resolve(found, mig_strategy="none")
    plain = TEMPLATES.render(node, found)
    labels = TEMPLATES.render(node, found, ("pcie", "topology"))
    assert {key.removeprefix("nvidia.com/"): labels[key] for key in labels.keys() - plain.keys()} == {
        "gpu.addressable-memory": "65536",
        "gpu.numa-nodes": "2",
        "gpu.numa-node.0": "1",
        "gpu.numa-node.1": "1",
        "gpu.pcie-roots": "2",
    }


def test_a_gpu_without_64_bit_memory_windows() -> None:
    assert render("pcie", gpu(0, addressable_bytes=None)) == render("pcie", gpu(0))
    assert "gpu.addressable-memory" not in render("pcie", gpu(0))
