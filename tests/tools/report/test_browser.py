"""The page as people use it: in headless Chromium, driven by Playwright.

A page that asks for anything, logs anything, or throws, fails its test.
"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.report import samples
from tests.tools.report.pages import (
    MIG_PRODUCT,
    PRODUCT,
    STRATEGY,
    Open,
    card,
    clipboard,
    names,
    offer,
    selector,
    text,
    unfold,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


CONTAINERS = """\
  containers:
  - name: main
    resources:
      limits:
        nvidia.com/gpu: 1
"""
SELECTED = f'spec:\n  nodeSelector:\n    {PRODUCT}: "{MIG_PRODUCT}"\n{CONTAINERS}'

# Searching


def test_search(show: Open, small: Path) -> None:
    page = show(small)
    assert (text(page, "found"), len(names(page))) == ("14 nodes found", 14)
    for words, found in (
        ("MIG-1g.5gb", ["node-0001", "node-0002", "node-0009", "node-0010"]),
        ("  single mig-1G.5gb ", ["node-0002", "node-0010"]),
        ("single zone=zone-1", ["node-0004", "node-0010"]),
        ("gpu.count=7", ["node-0002", "node-0010"]),
        ("node-0003", ["node-0003"]),
        ("nothing", []),
    ):
        page.get_by_label("Search names, labels and values").fill(words)
        assert names(page) == found
        assert text(page, "found") == f"{len(found)} node{'' if len(found) == 1 else 's'} found"


def test_the_contents_of_a_card(show: Open, small: Path) -> None:
    page = show(small)
    said = card(page, "node-0002").inner_text().split("\n")
    assert [line for line in said if line] == [
        "node-0002",
        f"7 × {MIG_PRODUCT}",  # noqa: RUF001
        "4864 MiB · ampere · MIG strategy single · driver 460.73.01 · CUDA 11.2",
        "6 of 7 nvidia.com/gpu free",
        *["1g.\u200b5gb"] * 7,
        "40 labels",
    ]
    unfold(card(page, "node-0002"))
    rows = card(page, "node-0002").locator("tbody tr").all()
    shown = [(row.locator("th").inner_text(), row.locator("td").inner_text()) for row in rows]
    labels = samples.make_node(2, *samples.KINDS[2])["metadata"]["labels"]
    assert shown == sorted(labels.items())


# Choosing


def test_choose(show: Open, small: Path) -> None:
    page = show(small)
    assert (selector(page), text(page, "matching")) == ({}, "14 of 14 nodes match")
    offer(page, PRODUCT, MIG_PRODUCT).click()
    assert (selector(page), text(page, "matching")) == ({PRODUCT: MIG_PRODUCT}, "2 of 14 nodes match")
    assert names(page) == ["node-0002", "node-0010"]
    assert page.locator("#yaml").inner_text() == SELECTED

    # Each other choice shows how many nodes would fit.
    assert offer(page, STRATEGY, "mixed").text_content() == "mixed0"
    assert offer(page, STRATEGY, "single").text_content() == "single2"
    assert offer(page, PRODUCT, "Tesla-T4").text_content() == "Tesla-T42"

    # A label on a card can be chosen, too; a second click removes it.
    unfold(card(page, "node-0010"))
    zone = card(page, "node-0010").get_by_role("button", name="topology.kubernetes.io/zone zone-1")
    zone.click()
    assert zone.get_attribute("aria-pressed") == "true"
    assert selector(page) == {PRODUCT: MIG_PRODUCT, "topology.kubernetes.io/zone": "zone-1"}
    assert (names(page), text(page, "matching")) == (["node-0010"], "1 of 14 nodes matches")
    assert offer(page, "topology.kubernetes.io/zone", "zone-1").get_attribute("aria-pressed") == "true"
    zone.click()
    assert zone.get_attribute("aria-pressed") == "false"
    assert text(page, "matching") == "2 of 14 nodes match"

    # The search covers only nodes that fit; a second value of a key replaces the first.
    page.get_by_label("Search names, labels and values").fill("node-0002")
    assert (names(page), text(page, "matching")) == (["node-0002"], "2 of 14 nodes match")
    offer(page, PRODUCT, "Tesla-T4").click()
    assert (names(page), selector(page)) == ([], {PRODUCT: "Tesla-T4"})
    page.get_by_role("button", name="Clear").click()
    assert (names(page), selector(page)) == (["node-0002"], {})
    assert page.get_by_role("button", name="Clear").is_disabled()


def test_labels_to_choose_from_are_searched(show: Open, large: Path) -> None:
    page = show(large)
    search = page.get_by_label("Labels to choose from")
    search.fill("hostname")
    assert page.locator("#choices h3").all_text_contents() == ["kubernetes.io/hostname"]
    assert page.locator("#choices .choice").count() == 20
    assert page.locator("#choices .hint").all_text_contents() == ["and 4355 more values"]
    search.fill("hostname 4321")
    page.locator("#choices .choice").click()
    assert selector(page) == {"kubernetes.io/hostname": "node-4321"}
    assert names(page) == ["node-4321"]
    search.fill("")
    assert offer(page, "kubernetes.io/hostname", "node-4321").get_attribute("aria-pressed") == "true"
    search.fill("nvidia")
    assert page.locator("#choices h3").count() == 30
    assert page.locator("#choices > .hint").inner_text().endswith(" more labels")
    search.fill("nothing")
    assert text(page, "choices") == "No label matches."


# Copying


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder on loopback, and keeps the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_request(self, *_arguments: object) -> None:
                server.paths.append(self.path)

        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))


@pytest.fixture
def served(small: Path) -> Iterator[Server]:
    with Server(small.parent) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


def test_copy(show: Open, small: Path) -> None:
    page = show(small)
    offer(page, PRODUCT, MIG_PRODUCT).click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    assert clipboard(page) == SELECTED
    offer(page, STRATEGY, "single").click()
    assert text(page, "copied") == ""


def test_only_the_page_is_requested(show: Open, served: Server) -> None:
    page = show(f"http://127.0.0.1:{served.server_port}/page.html")
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    assert clipboard(page) == f"spec:\n{CONTAINERS}"
    assert served.paths == ["/page.html"]


def test_copy_without_the_clipboard(show: Open, small: Path) -> None:
    page = show(small)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    offer(page, STRATEGY, "single").click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    other = show(small)
    assert (
        clipboard(other).strip()
        == SELECTED.replace(f'{PRODUCT}: "{MIG_PRODUCT}"', f'{STRATEGY}: "single"').strip()
    )
    page.evaluate("document.execCommand = () => false")
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Selected. Press Ctrl+C to copy.").wait_for()
    assert STRATEGY in page.evaluate("getSelection().toString()")


# The keyboard


def focused(page: Page) -> Any:
    return page.evaluate(
        "document.activeElement.ariaLabel || document.activeElement.innerText || document.activeElement.id"
    )


def press(page: Page, *keys: str) -> Any:
    for key in keys:
        page.keyboard.press(key)
    return focused(page)


def test_keyboard_only(show: Open, small: Path) -> None:
    page = show(small)
    assert press(page, "Tab") == "Skip to the nodes"
    assert press(page, "Enter") == "search"
    page.keyboard.type("node-0010")
    assert names(page) == ["node-0010"]
    press(page, "Tab")
    assert page.evaluate("document.activeElement.id") == "sort"
    assert press(page, "Tab") == "40 labels"
    page.keyboard.press("Enter")
    page.locator(".card table").wait_for()
    assert press(page, "Tab") == "example.com/rack r0"
    assert press(page, "Space") == "example.com/rack r0"
    assert selector(page) == {"example.com/rack": "r0"}
    assert press(page, "Tab", "Enter") == "kubernetes.io/arch amd64"
    assert press(page, "Shift+Tab", "Space") == "example.com/rack r0"
    assert selector(page) == {"kubernetes.io/arch": "amd64"}

    # Back to the builder: the last label choice comes before the search.
    page.locator("#search").focus()
    assert press(page, "Shift+Tab") == "kubernetes.io/arch amd64, 14 nodes"
    assert press(page, "Space") == "Lines for a pod, as YAML"  # the focused choice is gone
    assert press(page, "Tab", "Enter") == "Copy"
    page.get_by_text("Copied.").wait_for()
    assert clipboard(page) == f"spec:\n{CONTAINERS}"
    assert press(page, "Tab") == "label-search"  # Clear is disabled
    assert press(page, "Tab", "Enter") == f"{PRODUCT} {MIG_PRODUCT}, 2 nodes"


def test_more_cards_on_request(show: Open, large: Path) -> None:
    page = show(large)
    assert text(page, "found") == "4375 nodes found, showing the first 30"
    more = page.get_by_role("button", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    assert len(names(page)) == 60
    assert text(page, "found") == "4375 nodes found, showing the first 60"
    assert focused(page) == "Show more"
    page.get_by_label("Search names, labels and values").fill("t4 node-00")
    assert (len(names(page)), more.is_visible()) == (12, False)
    page.get_by_label("Search names, labels and values").fill("mixed node-00")
    assert (len(names(page)), text(page, "found")) == (30, "38 nodes found, showing the first 30")
    more.focus()
    page.keyboard.press("Enter")
    assert (len(names(page)), more.is_visible()) == (38, False)
    assert focused(page) == names(page)[30]


# Thousands of nodes


FILTER = """([id, words]) => {
    const field = document.getElementById(id);
    field.value = words;
    const start = performance.now();
    field.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - start;
}"""

CLICK = """(button) => {
    const start = performance.now();
    button.click();
    document.body.getBoundingClientRect();
    return performance.now() - start;
}"""


def test_five_thousand_nodes(show: Open, large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = show(large)
    times_ms = {}
    for words in ("a", "a100", "zone-1", "mig-1g.5gb.count", "node-4999", "a100 zone-1 node-1", "none", ""):
        runs = sorted(page.evaluate(FILTER, ["search", words]) for _ in range(5))
        times_ms[words] = runs[2]
        assert runs[0] < 100
        assert len(names(page)) <= 30
    times_ms["a choice"] = offer(page, PRODUCT, MIG_PRODUCT).evaluate(CLICK)
    assert text(page, "matching") == "625 of 4375 nodes match"
    with capsys.disabled():
        size = large.stat().st_size
        print(f"\n5000 nodes, {size} bytes; milliseconds to filter: {times_ms}")
    assert size < 2_000_000
