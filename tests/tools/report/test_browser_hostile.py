"""The page with hostile, odd and missing names and labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gfd.tools.report.diagrams import Diagram, Segment
from gfd.tools.report.node_cards import NodeCard
from tests.tools.report.pages import (
    GPUS,
    Open,
    card,
    clipboard,
    names,
    selector,
    text,
    unfold,
    violations,
    write,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

HOSTILE = (
    "<img src=x onerror=\"document.title='run'\">",
    "</script><script>document.title='run'</script>",
    "<!--<script>document.title='run'",
    "<style>body{display:none}</style>",
    "</style><svg onload=document.title='run'>",
    "javascript:document.title='run'",
    "&lt;b&gt; &amp;",
    "{{ 7 * 7 }} ${7*7} %s",
    "quote \" back \\ slash ' tick ` end",
    "yes: no # - [a] {b} *c &d !e |",
    "א שלום",
    "界 😀 ü",
    "y" * 5000,
    "y " * 500,
)
INVISIBLE = {
    "abc\u202edef\u2066": "abc\\u{202e}def\\u{2066}",
    "a\nb\tc\r\x00\x1b[31m": "a\\u{a}b\\u{9}c\\u{d}\\u{0}\\u{1b}[31m",
    "\u2028\u2029\ufeff\u0085": "\\u{2028}\\u{2029}\\u{feff}\\u{85}",
}


def hostile(path: Path, *texts: str) -> Path:
    cards = []
    for each in texts:
        segments = (
            Segment(state="taken", text=each, slices=1, start=0),
            Segment(state="unusable", row=1, start=0),
        )
        drawn = Diagram(caption=each, words=each, rows=("one", "other"), columns=1, segments=segments)
        named = {each: "v", f"key of {each}": each}
        cards.append(NodeCard(name=each, labels=named, facts=(each, each), notes=(each,), diagrams=(drawn,)))
    return write(path, *cards, title=texts[0])


def test_hostile_text_is_shown_and_never_run(show: Open, tmp_path: Path) -> None:
    page = show(hostile(tmp_path / "page.html", *HOSTILE, *INVISIBLE))
    assert page.title() == HOSTILE[0]
    expected = [*HOSTILE, *INVISIBLE.values()]
    assert names(page) == expected
    for place in (".product", ".facts span", ".note", "figcaption"):
        assert page.locator(f"#cards {place}").all_text_contents() == expected
    unfold(*page.locator(".card").all())
    shown = [row.locator("th").text_content() for row in page.locator("tbody tr").all()]
    assert sorted(shown) == sorted([*expected, *(f"key of {each}" for each in expected)])
    page.get_by_label("Search names, labels and values").fill("<img")
    assert names(page) == [HOSTILE[0]]
    assert (
        page.evaluate("document.querySelectorAll('img, svg, iframe, object, embed, main script').length") == 0
    )
    assert page.title() == HOSTILE[0]


@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_text_stays_in_its_place(show: Open, tmp_path: Path, width: int) -> None:
    page = show(hostile(tmp_path / "page.html", *HOSTILE), viewport={"width": width, "height": 900})
    unfold(*page.locator(".card").all())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".card").all():
        card_box = box.bounding_box()
        assert card_box is not None
        for inner in box.locator("h3, p, figure, .segment, table, .choice").all():
            inner_box = inner.bounding_box()
            assert inner_box is not None
            assert inner_box["x"] >= card_box["x"]
            assert inner_box["x"] + inner_box["width"] <= card_box["x"] + card_box["width"]


@pytest.mark.parametrize("value", [*HOSTILE, *INVISIBLE, "", "yes", "1e3", "null", "~", "01"])
def test_the_yaml_is_correct_for_any_value(show: Open, tmp_path: Path, value: str) -> None:
    labels = {"a/b": value, f"k{value}"[:300]: "v", "true": "t"}
    page = show(write(tmp_path / "page.html", NodeCard(name="n", labels=labels, gpus=GPUS)))
    unfold(page.locator(".card"))
    for button in page.locator("#cards .choice").all():
        button.click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    assert yaml.safe_load(clipboard(page)) == {"spec": {"nodeSelector": labels}}
    assert text(page, "matching") == "1 of 1 node matches"


ATTACK = """() => {
    window.blocked = [];
    document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
    const box = document.body.appendChild(document.createElement("div"));
    box.innerHTML = `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onerror="document.title = 'run'">
        <style>h1 { color: red; }</style><b style="color: red">b</b>
        <a href="javascript:document.title='run'">a</a><iframe src="about:srcdoc"></iframe>`;
    const script = document.createElement("script");
    script.textContent = "document.title = 'run'";
    box.append(script);
    box.querySelector("a").click();
    fetch("http://127.0.0.1:9/").catch(() => {});
}"""


def test_the_policy_forbids_other_scripts_and_requests(browser: Browser, small: Path) -> None:
    page = browser.new_page()
    page.goto(small.as_uri())
    page.evaluate(ATTACK)
    page.wait_for_function("blocked.includes('connect-src') && blocked.includes('img-src')")
    blocked = set(page.evaluate("blocked"))
    assert blocked >= {"img-src", "style-src-elem", "style-src-attr", "script-src-elem", "connect-src"}
    assert page.title() == "GPUs of this cluster"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") != "rgb(255, 0, 0)"
    page.close()


def test_an_empty_cluster(show: Open, tmp_path: Path) -> None:
    page = show(write(tmp_path / "page.html"))
    assert text(page, "found") == "There are no nodes with GPUs."
    assert (text(page, "matching"), selector(page)) == ("0 of 0 nodes match", {})
    assert text(page, "choices") == "There are no labels."
    assert violations(page) == []


def test_nodes_without_a_label_about_gpus(show: Open, tmp_path: Path) -> None:
    page = show(write(tmp_path / "page.html", NodeCard(name="a", labels={"zone": "b"}, gpus=GPUS)))
    assert (text(page, "matching"), selector(page)) == ("1 of 1 node matches", {})
    assert text(page, "choices") == "No GPU labels. Search to find other labels."


def test_nodes_with_little_data(show: Open, tmp_path: Path) -> None:
    odd = Diagram(
        caption="odd", columns=3, segments=(Segment(state="taken", span=2, slices=9, text="9x.1tb"),)
    )
    cards = (
        NodeCard(name=""),
        NodeCard(name="n", notes=("No GPU.",), diagrams=(Diagram(caption="alone"), odd)),
    )
    page = show(write(tmp_path / "page.html", *cards))
    assert names(page) == ["(no name)", "n"]
    assert "alone" in card(page, "n").inner_text()
    assert page.locator("summary").count() == 0
    assert violations(page) == []
