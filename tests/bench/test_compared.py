"""Which of gfd's is put beside which of the original's, and by what time is compressed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import requests, service
from bench.figure import GFD, ORIGINAL, Figure
from bench.hardware import Hardware
from gfd.kube import list_watch

GETS = {(GFD, "nodefeature"): {"get": 1.0, "watch": 1.5}, (GFD, "node"): {"get": 2.0, "patch": 1.0}}
THEIRS = {(ORIGINAL, "nodefeature"): {"get": 60.0, "update": 20.0}}


def of(sink: str, name: str, **samples: list[float]) -> Figure:
    return Figure(benchmark=f"requests, {sink}", node="a day", name=name, unit="", samples=samples)


def test_requests_by_verb_beside_the_original() -> None:
    assert list(requests.compare("a day", [{**GETS, **THEIRS}, {**GETS, **THEIRS}])) == [
        of("nodefeature", "get", gfd=[1.0, 1.0], original=[60.0, 60.0]),
        of("nodefeature", "update", gfd=[0.0, 0.0], original=[20.0, 20.0]),
        of("nodefeature", "watch", gfd=[1.5, 1.5], original=[0.0, 0.0]),
        of("nodefeature", "all", gfd=[2.5, 2.5], original=[80.0, 80.0]),
        of("nodefeature", "writes", gfd=[0.0, 0.0], original=[20.0, 20.0]),
        of("node", "get", gfd=[2.0, 2.0], original=[60.0, 60.0]),
        of("node", "patch", gfd=[1.0, 1.0], original=[0.0, 0.0]),
        of("node", "update", gfd=[0.0, 0.0], original=[20.0, 20.0]),
        of("node", "all", gfd=[3.0, 3.0], original=[80.0, 80.0]),
        of("node", "writes", gfd=[1.0, 1.0], original=[20.0, 20.0]),
    ]


def test_without_the_original_its_column_is_empty() -> None:
    assert list(requests.compare("a day", [GETS])) == [
        of("nodefeature", "get", gfd=[1.0]),
        of("nodefeature", "watch", gfd=[1.5]),
        of("nodefeature", "all", gfd=[2.5]),
        of("nodefeature", "writes", gfd=[0.0]),
        of("node", "get", gfd=[2.0]),
        of("node", "patch", gfd=[1.0]),
        of("node", "all", gfd=[3.0]),
        of("node", "writes", gfd=[1.0]),
    ]


def test_a_sink_stands_beside_the_one_that_comes_next_to_it() -> None:
    found: service.Found = {
        (GFD, "file"): [{("wall a cycle", "ms"): 1.0}],
        (ORIGINAL, "file"): [{("wall a cycle", "ms"): 2.0}],
        (GFD, "node"): [{("wall a cycle", "ms"): 3.0}],
        (ORIGINAL, "nodefeature"): [{("wall a cycle", "ms"): 4.0}],
    }
    assert [(each.benchmark, each.samples) for each in service.compare("1 GPU", found)] == [
        ("service, file", {GFD: [1.0], ORIGINAL: [2.0]}),
        ("service, node", {GFD: [3.0], ORIGINAL: [4.0]}),
    ]
    assert [each.samples for each in service.compare("1 GPU", {(GFD, "file"): found[GFD, "file"]})] == [
        {GFD: [1.0]}
    ]


@pytest.mark.parametrize(
    ("speed", "watch_s", "resync"),
    [(1, (3000, 3600), "3600000ms"), (60, (50, 60), "60000ms"), (1650, (2, 2), "2181ms")],
)
def test_all_that_gfd_waits_for_is_compressed_alike(
    tmp_path: Path, speed: int, watch_s: tuple[int, int], resync: str
) -> None:
    """The constants are set before gfd's own main, which is looked at here instead of run."""
    python, *_, flag, code, watching, looking = requests.hasten(speed, Hardware(tmp_path))
    assert (python, flag) == (sys.executable, "-c")
    shown = code.replace(
        "main()", "print(list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S, list_watch.BRIEF_S)"
    )
    run = subprocess.run([python, "-c", shown], capture_output=True, text=True, check=True)
    assert run.stdout == f"{watch_s[0]} {watch_s[1]} {list_watch.BRIEF_S / speed}\n"
    assert watching == f"--proc-driver-dir={tmp_path / 'driver'}"
    assert looking == f"--resync={resync}"


def test_a_compressed_day_has_as_many_watches_as_a_real_one() -> None:
    mean_s = (list_watch.MIN_WATCH_S + list_watch.MAX_WATCH_S) / 2
    assert mean_s == 2 * requests.IDLE_SPEED
    assert requests.CHANGES * requests.EVERY_S * requests.BUSY_SPEED == 3600
