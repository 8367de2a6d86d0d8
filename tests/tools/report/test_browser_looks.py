"""The page on screens, in screen readers and on paper."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import pytest

from tests.tools.report.pages import (
    STRATEGY,
    Open,
    demonstration,
    names,
    offer,
    pictured_cluster,
    unfold,
    violations,
    write,
)

pytestmark = pytest.mark.slow

PICTURE = Path(__file__).parents[3] / "docs" / "page.png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 700, 400])
def test_accessible(show: Open, small: Path, scheme: str, width: int) -> None:
    page = show(small, color_scheme=scheme, viewport={"width": width, "height": 900})
    assert violations(page) == []
    unfold(*page.locator(".card").all()[:3])
    offer(page, STRATEGY, "mixed").click()
    assert violations(page) == []
    page.get_by_label("Search names, labels and values").fill("nothing")
    page.get_by_label("Labels to choose from").fill("nothing")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_geometries_are_accessible(show: Open, tmp_path: Path, scheme: str) -> None:
    page = show(write(tmp_path / "page.html", *demonstration()), color_scheme=scheme)
    assert violations(page) == []
    drawings = page.get_by_role("img").all()
    assert drawings[0].get_attribute("aria-label") == (
        "2g.10gb in memory slices 0 to 1; 1g.5gb in memory slice 2; 1g.5gb in memory slice 3; "
        "3g.20gb in memory slices 4 to 7"
    )


def test_dark_and_light(show: Open, small: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    page = show(small, color_scheme="dark")
    assert page.evaluate(background) == "rgb(20, 23, 26)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(background) == "rgb(255, 255, 255)"


def test_positions_of_instances(show: Open, tmp_path: Path) -> None:
    page = show(write(tmp_path / "page.html", *demonstration()))
    boxes = [each.bounding_box() for each in page.locator(".grid.divided").first.locator(".segment").all()]
    left, width = boxes[0]["x"], boxes[0]["width"] / 2
    compute, memory = boxes[:4], boxes[4:]
    assert [round((box["x"] - left) / width) for box in compute] == [0, 2, 3, 4]
    assert [round((box["x"] - left) / width) for box in memory] == [0, 2, 3, 4]
    assert [round(box["width"] / width) for box in compute] == [2, 1, 1, 3]
    assert [round(box["width"] / width) for box in memory] == [2, 1, 1, 4]
    assert {box["y"] < memory[0]["y"] for box in compute} == {True}


@pytest.mark.parametrize("width", [1280, 400])
def test_no_name_of_a_profile_is_cut_off(show: Open, small: Path, tmp_path: Path, width: int) -> None:
    cut_off = """[...document.querySelectorAll('.segment')].filter(
        (each) => each.scrollHeight > each.clientHeight || each.scrollWidth > each.clientWidth
    ).map((each) => each.textContent)"""
    for path in (small, write(tmp_path / "page.html", *demonstration())):
        page = show(path, viewport={"width": width, "height": 900})
        assert page.locator(".segment").count() > 20
        assert page.evaluate(cut_off) == []


@pytest.mark.parametrize("width", [1280, 700])
def test_no_holes_between_cards(show: Open, small: Path, width: int) -> None:
    page = show(small, viewport={"width": width, "height": 900})
    page.wait_for_function("[...document.querySelectorAll('.card')].every((card) => card.style.gridRowEnd)")
    columns = dict[float, list[dict[str, float]]]()
    for each in page.locator(".card").all():
        each.scroll_into_view_if_needed()
    for each in page.locator(".card").all():
        box = each.bounding_box()
        assert box is not None
        columns.setdefault(box["x"], []).append(dict(box))
    assert len(columns) == 2
    for boxes in columns.values():
        for above, below in itertools.pairwise(boxes):
            assert 15 <= below["y"] - above["y"] - above["height"] <= 20


@pytest.mark.parametrize("width", [1280, 700, 400])
def test_nothing_is_wider_than_the_screen(show: Open, small: Path, width: int) -> None:
    page = show(small, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    totals = page.locator(".totals")
    assert totals.evaluate("(each) => each.scrollWidth <= each.clientWidth")


def test_print(show: Open, large: Path, small: Path) -> None:
    page = show(small)
    offer(page, STRATEGY, "mixed").click()
    page.emulate_media(media="print")
    assert page.locator("#yaml").is_visible()
    assert not page.locator("#choices").is_visible()
    page.get_by_role("button", name="Clear", include_hidden=True).dispatch_event("click")
    assert not page.locator("#yaml").is_visible()
    assert page.pdf().startswith(b"%PDF-")
    page = show(large)
    page.get_by_label("Search names, labels and values").fill("t4 node-0")
    assert len(names(page)) == 30
    page.evaluate(
        "addEventListener('beforeprint', () => { printed = document.querySelectorAll('.card').length; })"
    )
    page.pdf()
    assert (page.evaluate("printed"), len(names(page))) == (125, 30)


def test_the_picture_of_the_readme(show: Open, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """--update-golden takes it again; then run pngquant --ext .png --force docs/page.png."""
    size = {"width": 1240, "height": 1000}
    path = write(tmp_path / "page.html", *pictured_cluster(), source="Nodes of the cluster.", is_cluster=True)
    page = show(path, viewport=size)
    offer(page, "nvidia.com/gpu.family", "hopper").dispatch_event("click")  # without scrolling
    page.get_by_label("team=research:NoSchedule").dispatch_event("click")
    picture = page.screenshot()
    if request.config.getoption("--update-golden"):
        PICTURE.write_bytes(picture)
    for each in (picture, PICTURE.read_bytes()):
        assert struct.unpack(">II", each[16:24]) == tuple(size.values())
