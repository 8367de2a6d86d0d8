"""The parts of the measurement that decide what its figures say."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from pathlib import Path

import pytest

from bench.scale.__main__ import parse as parse_options
from bench.scale.chart import draw
from bench.scale.histogram import Reading, bound, parse, quantile
from bench.scale.result import Measurement, load, save
from bench.scale.table import render
from tests.pages import ROOT, blocks

PAGE = """\
# HELP apiserver_request_total Counter
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="nodes",scope="resource",subresource="",verb="APPLY"} 7
apiserver_request_total{code="200",resource="nodes",scope="resource",subresource="",verb="PATCH"} 1
apiserver_request_total{code="200",resource="nodes",scope="resource",subresource="status",verb="PATCH"} 90
apiserver_request_total{code="429",resource="nodefeatures",scope="resource",subresource="",verb="GET"} 2
apiserver_request_total{code="503",resource="leases",scope="resource",subresource="",verb="GET"} 3
apiserver_request_total{code="0",resource="nodes",scope="cluster",subresource="",verb="WATCH"} 5
apiserver_request_duration_seconds_bucket{resource="nodes",subresource="",verb="APPLY",le="0.005"} 4
apiserver_request_duration_seconds_bucket{resource="nodes",subresource="",verb="APPLY",le="0.025"} 6
apiserver_request_duration_seconds_bucket{resource="nodes",subresource="",verb="APPLY",le="+Inf"} 8
apiserver_request_duration_seconds_bucket{resource="nodefeatures",subresource="",verb="GET",le="0.005"} 2
apiserver_request_duration_seconds_bucket{resource="nodefeatures",subresource="",verb="GET",le="0.025"} 2
apiserver_request_duration_seconds_bucket{resource="nodefeatures",subresource="",verb="GET",le="+Inf"} 2
apiserver_request_duration_seconds_bucket{resource="nodes",subresource="",verb="WATCH",le="+Inf"} 5
apiserver_request_duration_seconds_bucket{resource="nodes",subresource="status",verb="PATCH",le="+Inf"} 90
apiserver_request_duration_seconds_bucket{resource="leases",subresource="",verb="GET",le="+Inf"} 3
apiserver_flowcontrol_rejected_requests_total{flow_schema="service-accounts",reason="queue-full"} 2
apiserver_flowcontrol_request_wait_duration_seconds_bucket{execute="true",le="0.05"} 9
apiserver_longrunning_requests{resource="nodes",scope="cluster",subresource="",verb="WATCH"} 4
apiserver_longrunning_requests{resource="pods",scope="cluster",subresource="",verb="WATCH"} 1
apiserver_other_total{resource="nodes"} 1
"""


def test_a_page_is_read_for_what_agents_ask_and_for_all_errors() -> None:
    reading = parse(PAGE)
    assert reading.by_verb() == {"PATCH": 8, "GET": 2}
    assert reading.errors() == {"429": 2, "503": 3}
    assert reading.durations == {0.005: 6, 0.025: 8, math.inf: 10}
    assert (reading.waits, reading.rejected, reading.watches) == ({0.05: 9}, 2, 4)


def test_only_what_came_since_counts_also_after_a_restart() -> None:
    before = Reading(requests=Counter({("GET", "nodes", "200"): 4}), durations=Counter({1.0: 4}), rejected=1)
    again = Reading(requests=Counter({("GET", "nodes", "200"): 3}), durations=Counter({1.0: 3}), watches=2)
    since = before.plus(again).since(before)
    assert since == again
    assert before.plus(again).rejected == 1


@pytest.mark.parametrize(("share", "edge_s"), [(0.5, 0.005), (0.6, 0.005), (0.61, 0.025), (0.99, math.inf)])
def test_a_quantile_is_at_most_the_bound_of_its_bucket(share: float, edge_s: float) -> None:
    assert bound(parse(PAGE).durations, share) == edge_s


def test_of_nothing_there_is_no_quantile() -> None:
    assert bound({}, 0.5) is None
    assert bound({0.1: 0, math.inf: 0}, 0.5) is None
    assert quantile([], 0.5) is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_quantile_of_values_is_one_of_them(share: float, value: float) -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], share) == value


def measurement(
    system: str = "node", nodes: int = 100, scenario: str = "start", **more: object
) -> Measurement:
    plain: dict[str, object] = {
        "wall_s": 4.2, "life_s": 4.2, "requests": {"GET": 1000, "PATCH": 0}, "p50_s": 0.005, "p99_s": 1.0,
        "queued_p99_s": None, "server_cpu_s": 1.5, "etcd_cpu_s": 0.2, "driver_cpu_s": 2.0,
        "foreign_cpu_s": 0.0, "server_mib": 1300, "driver_mib": 99, "watches": 100, "right_s": 3.5,
        "watching_s": 4.0, "delays_s": {"p50": 1.0, "p99": 3.0, "worst": 3.5}, "changes": 100,
        "writes": 100, "most_writes": 1,
    }  # fmt: skip
    return Measurement(system=system, nodes=nodes, scenario=scenario, **plain | more)  # type: ignore[arg-type]


def test_the_table() -> None:
    rest = measurement(
        system="original", scenario="rest", wall_s=30.0, life_s=7200, right_s=None, wrong=2, delays_s={},
        errors={"429": 3}, lost=1, watching_s=None, most_writes=2, p50_s=None,
    )  # fmt: skip
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in render([rest, measurement()]).split("\n")
    ]
    assert lines[2] == [
        "100", "gfd, node", "start", "4", "GET 1,000", "≤ 5", "≤ 1,000", "1.5", "0.2", "2.0", "0.0", "1,300",
        "3.5", "4.0", "1.00, 3.00, 3.50", "100", "100", "0", "0",
    ]  # fmt: skip
    assert lines[3] == [
        "100", "original", "rest", "30 for 2.0 h", "GET 1,000", "-", "≤ 1,000", "1.5", "0.2", "2.0", "0.0",
        "1,300", "never: 2", "-", "-", "100", "100 (most 2)", "429 3", "1",
    ]  # fmt: skip


def test_runs_are_kept_and_put_together(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    save(first, {"machine": {}}, [measurement(), measurement(nodes=500)])
    newer = measurement(server_cpu_s=9.0)
    save(second, {}, [newer])
    assert load([first, second]) == [newer, measurement(nodes=500)]


def test_the_chart_has_a_line_for_each_system() -> None:
    measured = [
        measurement(system, nodes, scenario)
        for system in ("node", "original")
        for nodes in (100, 500)
        for scenario in ("start", "rest")
    ]
    text = draw(measured)
    assert text.startswith("<svg ")
    assert text.endswith("</svg>\n")
    assert text.count("<polyline ") == 8
    assert text.count("gfd, node") == text.count(">original<") == 1


def test_what_the_page_types_is_taken() -> None:
    # Carried out they would take an hour; that the options are as the page says is seen without.
    page = ROOT / "docs" / "scale.md"
    typed = [line for block in blocks(page) if block.kind == "sh" for line in block.text.splitlines()]
    assert len(typed) == 4
    for line in typed:
        words = shlex.split(line, comments=True)
        assert words[:3] == ["tox", "-e", "scale"]
        parse_options(words[4:])
    assert parse_options([]).sizes == [500]
    assert parse_options(shlex.split(typed[1], comments=True)[4:]).scenarios == ("start", "layouts", "rest")
