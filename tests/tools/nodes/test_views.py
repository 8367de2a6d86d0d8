from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import yaml

from gfd.clusterview.nodes import read_node
from gfd.clusterview.pods import PodRequest
from gfd.tools.nodes import query, views
from gfd.tools.nodes.formats import FIELDS
from gfd.tools.nodes.index import NodeIndex
from gfd.tools.nodes.query import NodeQuery
from tests.tools import goldens
from tests.tools.make import gpu_labels, node

NOW = datetime(2026, 1, 2, 3, 9, 35, tzinfo=UTC)


class Clock:
    now = staticmethod(lambda zone: NOW)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "datetime", Clock)
    monkeypatch.setattr(query, "datetime", Clock)


def index(*names: str) -> NodeIndex:
    made = NodeIndex()
    items = {name: read_node(node(name, gpu_labels(), {"gpu": 8}, writer="gfd")) for name in names}
    made.replace_nodes(items)
    return made


def change(made: NodeIndex) -> None:
    made.change_node("a", None)
    made.change_node("b", read_node(node("b", gpu_labels("Tesla-T4", 4), {"gpu": 4}, writer="gfd")))
    made.change_pod("1", PodRequest(node="b", counts={"nvidia.com/gpu": 1}))


def test_rows_of_a_table(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> None:
    made = index("a", "b")
    view = views.choose_view(NodeQuery(sort_by=("-node",)))
    view.show(made, made.take_events(), "")
    change(made)
    view.show(made, made.take_events(), "")
    goldens.check(request, "nodes-watch", capsys.readouterr().out)


def test_a_later_row_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    made = index("a")
    view = views.choose_view(NodeQuery())
    view.show(made, made.take_events(), "")
    product = "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"
    made.change_node("a", read_node(node("a", gpu_labels(product), {"gpu": 8})))
    view.show(made, made.take_events(), "")
    assert f"MODIFIED  a     {product}  8 " in capsys.readouterr().out.splitlines()[-1]


def test_rows_of_other_formats(capsys: pytest.CaptureFixture[str]) -> None:
    printed = {}
    for form in ("json", "yaml", "csv"):
        made = index("b", "a")
        view = views.choose_view(NodeQuery(format=form))
        view.show(made, made.take_events(), "")
        change(made)
        view.show(made, made.take_events(), "")
        printed[form] = capsys.readouterr().out
    found = [json.loads(line) for line in printed["json"].splitlines()]
    assert [(each["event"], each["node"]) for each in found] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "a"),
        ("MODIFIED", "b"),
    ]
    assert list(found[3]) == ["event", *FIELDS]
    assert list(yaml.safe_load_all(printed["yaml"])) == found
    heading, *rows = csv.reader(io.StringIO(printed["csv"]))
    assert heading == ["event", *FIELDS]
    assert [row[:4] for row in rows] == [
        ["ADDED", "a", "NVIDIA-A100-SXM4-40GB", ""],
        ["ADDED", "b", "NVIDIA-A100-SXM4-40GB", ""],
        ["DELETED", "a", "NVIDIA-A100-SXM4-40GB", ""],
        ["MODIFIED", "b", "Tesla-T4", ""],
    ]


def test_a_problem_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    made = index()
    view = views.choose_view(NodeQuery())
    for problem in ("", "gone", "gone", "", "gone"):
        view.show(made, made.take_events(), problem)
    assert capsys.readouterr().err == "gfd: warning: gone\n" * 2


def test_a_terminal_is_redrawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    made = index("a", "b")
    view = views.choose_view(NodeQuery())
    view.show(made, made.take_events(), "")
    first = capsys.readouterr().out
    goldens.check(request, "nodes-screen", first)
    assert first.count("\n") == 7
    change(made)
    view.show(made, made.take_events(), "the watch broke\x1b")
    second = capsys.readouterr().out
    assert second.startswith("\x1b[7A\x1b[JNODE  PRODUCT   GPUS")
    assert second.endswith("\ngfd: the watch broke\\x1b\n")
    view.show(made, made.take_events(), "")
    assert capsys.readouterr().out.startswith("\x1b[7A\x1b[JNODE")


def test_a_terminal_with_too_few_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    made = index(*(f"n{number:03}" for number in range(100)))
    view = views.choose_view(NodeQuery())
    view.show(made, made.take_events(), "")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < views.LINES
    assert "and 86 more" in lines
    assert "100 nodes with GPUs, 800 GPUs" in lines


@pytest.mark.parametrize(("term", "form"), [("dumb", "table"), ("xterm", "json")])
def test_rows_are_printed_if_redrawing_is_impossible(
    monkeypatch: pytest.MonkeyPatch, term: str, form: str
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    assert isinstance(views.choose_view(NodeQuery(format=form)), views.LineView)
