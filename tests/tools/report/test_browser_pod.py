"""The lines for a pod: resources, tolerations, and what is said about nodes that match; and the totals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.make import gpu_labels, node, pod, unready, write
from tests.tools.report.pages import PRODUCT, Open, card, gfd, names, offer, text
from tests.tools.report.pages import pod as spec

pytestmark = pytest.mark.slow

T4, A100 = "Tesla-T4", "NVIDIA-A100-SXM4-40GB"
TEAM = {"key": "team", "value": "a", "effect": "NoSchedule"}
SPOT = {"key": "spot", "effect": "NoExecute"}
SOFT = {"key": "soft", "effect": "PreferNoSchedule"}
TOLERATED = [{"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    mixed = gpu_labels() | {"nvidia.com/mig.strategy": "mixed", "nvidia.com/mig-1g.5gb.count": "2"}
    nodes = write(
        tmp_path / "nodes.json",
        node("a1", mixed, {"gpu": 7, "mig-1g.5gb": 2}),
        node("a2", gpu_labels(), {"gpu": 8}, taints=[SPOT, SOFT]),
        node("a3", gpu_labels(), {"gpu": 8}),
        node("cordoned", gpu_labels(), {"gpu": 8}, unschedulable=True),
        node("t1", gpu_labels(T4, 1), {"gpu": 1}, taints=[TEAM]),
        unready(node("t2", gpu_labels(T4, 1), {"gpu": 1}, taints=[TEAM])),
        node("plain"),
    )
    pods = write(tmp_path / "pods.json", pod("p", "a3", {"gpu": 8}), pod("q", "a1", {"gpu": 1}))
    page = tmp_path / "page.html"
    gfd("--html", page, "--nodes", nodes, "--pods", pods)
    return page


def test_totals(show: Open, path: Path) -> None:
    page = show(path)
    rows = page.locator(".totals tbody tr").all()
    assert [row.locator("th, td").all_inner_texts() for row in rows] == [
        [
            A100,
            "nvidia.com/gpu",
            "4",
            "31",
            "22 (8 on nodes that take no new pods)",
            "an 8-GPU pod fits on 1 node, with a toleration",
        ],
        [A100, "nvidia.com/mig-1g.5gb", "1", "2", "2", "a pod with 2 × mig-1g.5gb fits on 1 node"],  # noqa: RUF001
        [
            T4,
            "nvidia.com/gpu",
            "2",
            "2",
            "2 (1 on nodes that take no new pods)",
            "a 1-GPU pod fits on 1 node, with a toleration",
        ],
    ]
    assert "1 node without GPUs left out." in page.locator("header").inner_text()


def test_sort_by_free_devices(show: Open, path: Path) -> None:
    page = show(path)
    assert names(page) == ["a1", "a2", "a3", "cordoned", "t1", "t2"]
    page.get_by_label("Sort by").select_option("most free devices")
    assert names(page) == ["a1", "a2", "t1", "a3", "cordoned", "t2"]
    page.get_by_label("Sort by").select_option("fewest free devices")
    assert names(page) == ["a3", "cordoned", "t2", "t1", "a1", "a2"]


def test_states_and_taints_on_a_card(show: Open, path: Path) -> None:
    page = show(path)
    assert "cordoned" in card(page, "cordoned").locator(".note").all_inner_texts()
    said = card(page, "t2").inner_text()
    assert "NotReady since 2026-01-02T03:04:05Z" in said
    assert "taints: team=a:NoSchedule" in said


def test_taints_that_all_nodes_have_are_tolerated(show: Open, path: Path) -> None:
    page = show(path)
    assert "tolerations" not in spec(page)
    offer(page, PRODUCT, T4).click()
    assert spec(page) == {
        "nodeSelector": {PRODUCT: T4},
        "tolerations": TOLERATED,
        "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 1}}}],
    }
    assert text(page, "matching") == "2 of 6 nodes match"
    assert text(page, "room") == (
        "Of these, 1 has a free nvidia.com/gpu and no taint that keeps the pod away; "
        "1 takes no new pods: cordoned, NotReady or short of memory or disk."
    )
    page.get_by_label("team=a:NoSchedule").uncheck()
    assert "tolerations" not in spec(page)
    assert text(page, "room") == (
        "Of these, 0 have a free nvidia.com/gpu and no taint that keeps the pod away; "
        "1 has a taint that the pod does not tolerate; "
        "1 takes no new pods: cordoned, NotReady or short of memory or disk."
    )
    page.get_by_role("button", name="Clear").click()
    assert "nodeSelector" not in spec(page)


def test_a_taint_of_some_nodes_can_be_tolerated(show: Open, path: Path) -> None:
    page = show(path)
    offer(page, PRODUCT, A100).click()
    assert page.locator(".toleration").all_inner_texts() == [" spot:NoExecute 1 node"]
    page.get_by_label("spot:NoExecute").focus()
    page.keyboard.press("Space")
    assert spec(page)["tolerations"] == [{"key": "spot", "operator": "Exists", "effect": "NoExecute"}]
    assert page.evaluate("document.activeElement.dataset.taint") == "0"


def test_the_resource_can_be_chosen(show: Open, path: Path) -> None:
    page = show(path)
    device = page.get_by_label("Device")
    assert device.locator("option").all_inner_texts() == [
        "nvidia.com/gpu (6 nodes)",
        "nvidia.com/mig-1g.5gb (1 node)",
    ]
    device.select_option("nvidia.com/mig-1g.5gb")
    assert spec(page)["containers"][0]["resources"] == {"limits": {"nvidia.com/mig-1g.5gb": 1}}
    offer(page, PRODUCT, T4).click()  # these nodes offer no such device
    assert spec(page)["containers"][0]["resources"] == {"limits": {"nvidia.com/gpu": 1}}
    assert not device.is_visible()


def test_a_label_of_a_mig_profile_implies_its_resource(show: Open, path: Path) -> None:
    page = show(path)
    page.get_by_label("Labels to choose from").fill("mig-1g.5gb.count")
    offer(page, "nvidia.com/mig-1g.5gb.count", "2").click()
    assert spec(page)["containers"][0]["resources"] == {"limits": {"nvidia.com/mig-1g.5gb": 1}}
