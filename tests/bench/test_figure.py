"""What may be said of a figure, and how it is shown."""

from __future__ import annotations

import json

import pytest

from bench.figure import GFD, ORIGINAL, Figure, quarters
from bench.report import draw, to_plain, write_table


def figure(**samples: list[float]) -> Figure:
    return Figure(benchmark="one-shot", node="no GPU", name="wall", unit="ms", samples=samples)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], "win"),
        ([6, 7, 8, 9, 10], [1, 2, 3, 4, 5], "loss"),
        # One slow run of each does not count, but middle halves that touch do.
        ([1, 2, 3, 4, 99], [5, 6, 7, 8, 9], "win"),
        ([1, 2, 3, 4, 5], [4, 4, 4, 4, 4], "even"),
        ([3, 3], [3, 3], "even"),
        # There is no spread to tell by.
        ([1], [100, 101], ""),
        ([1, 2], [100], ""),
    ],
)
def test_a_win_is_called_only_where_the_spread_allows(
    ours: list[float], theirs: list[float], verdict: str
) -> None:
    assert figure(gfd=ours, original=theirs).verdict == verdict


def test_without_the_original_nothing_is_compared() -> None:
    alone = figure(gfd=[1.0, 2.0])
    assert (alone.verdict, alone.ratio) == ("", None)
    assert figure(gfd=[1.0], original=[]).ratio is None
    assert figure(gfd=[1.0, 1.0], original=[0.0, 0.0]).ratio is None
    assert figure(gfd=[1.0, 3.0], original=[4.0, 4.0]).ratio == 0.5


def test_quarters() -> None:
    assert quarters([7.0]) == (7.0, 7.0, 7.0)
    assert quarters([4.0, 1.0, 3.0, 2.0, 5.0]) == (2.0, 3.0, 4.0)


def test_the_table() -> None:
    both = figure(gfd=[10.0, 20.0, 30.0], original=[100.0, 100.0, 100.0])
    count = Figure(benchmark="requests", node="rollout", name="get", unit="", samples={GFD: [2.0]})
    assert write_table([both, count]) == (
        "one-shot · no GPU · wall [ms]\n"
        "    gfd                             20   15 to 25 of 3\n"
        "    original                       100   100 to 100 of 3\n"
        "    gfd to the original           0.20   win\n"
        "requests · rollout · get\n"
        "    gfd                              2   2 to 2 of 1\n"
    )


def test_what_is_kept_can_be_read_again() -> None:
    both = figure(gfd=[1.0, 1.0], original=[2.0, 2.0])
    kept = json.loads(json.dumps(to_plain([both])))
    assert kept["figures"] == [
        {
            "benchmark": "one-shot", "node": "no GPU", "name": "wall", "unit": "ms",
            "samples": {GFD: [1.0, 1.0], ORIGINAL: [2.0, 2.0]}, "ratio": 0.5, "verdict": "win",
        }
    ]  # fmt: skip
    assert set(kept["about"]) >= {"processor", "kernel", "python", "packages", "command", "load"}


def test_the_chart_shows_what_both_have() -> None:
    text = draw([figure(gfd=[1.0], original=[2.0]), figure(gfd=[1.0])])
    assert text.count("<rect ") == 2
    assert "one-shot, no GPU: wall" in text
