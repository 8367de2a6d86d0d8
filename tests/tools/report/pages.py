"""Pages for the browser tests, and functions that read them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gfd.clusterview.gpus import describe
from gfd.clusterview.nodes import UNSCHEDULABLE, Node, Taint
from gfd.simulation import machines
from gfd.tools.report import page as report_page
from gfd.tools.report.node_cards import NodeCard, make_inventory_card, make_node_card
from tests.tools.report import samples

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

GPUS = describe(Node(name="n"))
"""Counts a card as one of a node with GPUs."""
PRODUCT, STRATEGY = "nvidia.com/gpu.product", "nvidia.com/mig.strategy"
MIG_PRODUCT = "A100-PCIE-40GB-MIG-1g.5gb"
Open = Callable[..., "Page"]


def write(
    path: Path,
    *cards: NodeCard,
    title: str = "GPUs of this cluster",
    source: str = "From snapshots.",
    **more: Any,
) -> Path:
    text = report_page.render(cards, title=title, source=source, written_s=1619479472, **more)
    path.write_text(text, encoding="ascii")
    return path


def gfd(*arguments: str | Path) -> None:
    subprocess.run((sys.executable, "-m", "gfd", "report", *arguments), check=True)


def cluster(folder: Path, count: int) -> Path:
    """Write the page of a cluster with ``count`` nodes; the first half has pods."""
    for name, content in (("nodes", samples.nodes(count)), ("pods", samples.pods(count // 2))):
        (folder / f"{name}.json").write_text(json.dumps(content))
    path = folder / "page.html"
    gfd("--html", path, "--nodes", folder / "nodes.json", "--pods", folder / "pods.json")
    return path


def demonstration() -> tuple[NodeCard, ...]:
    """Return machines with all kinds of MIG layouts."""
    kinds = (
        ("gpu-1", "mig-doc", "all-balanced", "mixed"),
        ("gpu-2", "h100", "all-3g.40gb", "mixed"),
        ("gpu-3", "h200", "all-1g.18gb", "mixed"),
        ("gpu-4", "a30", "all-1g.6gb.me", "mixed"),
        ("gpu-5", "dgx-h100", "all-disabled", "none"),
        ("gpu-6", "t4", "all-disabled", "none"),
    )
    cards = []
    for name, *kind in kinds:
        labels, devices = samples.facts(*kind)
        node = Node(
            name=name,
            labels={**labels, "kubernetes.io/hostname": name},
            allocatable={resource: int(count) for resource, count in devices.items() if count != "0"},
        )
        cards.append(make_inventory_card(node, machines.read(kind[0], kind[1])))
    return tuple(cards)


def pictured_cluster() -> tuple[NodeCard, ...]:
    """Return the nodes of the picture in the README, with the devices that pods hold."""
    whole, divided = ("dgx-h100", "all-disabled", "none"), ("mig-doc", "all-1g.5gb", "single")
    taint = Taint(key="team", value="research", effect="NoSchedule")
    kinds = (
        ("h100-1", whole, 6, ()),
        ("h200-1", ("h200", "all-1g.18gb", "mixed"), 3, ()),
        ("h100-2", whole, 0, (taint,)),
        ("h100-3", whole, 0, (taint,)),
        ("a100-1", divided, 2, ()),
        ("a100-2", divided, 7, (Taint(key=UNSCHEDULABLE, effect="NoSchedule"),)),
        ("t4-1", ("t4", "all-disabled", "none"), 0, ()),
    )
    cards = []
    for name, kind, held, taints in kinds:
        labels, devices = samples.facts(*kind)
        counts = {resource: int(count) for resource, count in devices.items() if count != "0"}
        requested = dict.fromkeys(counts, held)
        node = Node(
            name=name,
            labels={**labels, "kubernetes.io/hostname": name},
            taints=taints,
            allocatable=counts,
            capacity=counts,
            requested=requested,
        )
        cards.append(make_node_card(node))
    return tuple(cards)


def names(page: Page) -> list[str]:
    return list(page.locator("#cards h3").all_text_contents())


def text(page: Page, name: str) -> str:
    return str(page.locator(f"#{name}").inner_text()).strip()


def selector(page: Page) -> Any:
    return pod(page).get("nodeSelector", {})


def pod(page: Page) -> Any:
    """Return the spec of a pod in the builder."""
    return yaml.safe_load(page.locator("#yaml").inner_text())["spec"]


def offer(page: Page, key: str, value: str) -> Locator:
    """Return the button in the list of labels to choose from."""
    return page.locator("#choices").get_by_role("button", name=f"{key} {value}, ")


def card(page: Page, name: str) -> Locator:
    return page.locator(".card").filter(has=page.get_by_role("heading", name=name, exact=True))


def unfold(*cards: Locator) -> None:
    """Show the labels of cards."""
    for each in cards:
        each.locator("summary").click()
        each.locator("table").wait_for()


def violations(page: Page) -> list[str]:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def clipboard(page: Page) -> Any:
    return page.evaluate("navigator.clipboard.readText()")
