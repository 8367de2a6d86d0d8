"""Each panel of the dashboard shows the right values, made from metrics that a service has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gfd.agent.metrics import make_registry
from tests.agent.statuses import busy_status
from tests.pages import ROOT

DASHBOARD = json.loads((ROOT / "manifests/prometheus/dashboard.json").read_text())
TARGET_LABELS = {"job", "instance", "node"}
"""The labels that Prometheus and the relabeling of the monitors add."""

QUERIES: dict[str, str] = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
LEGENDS: dict[str, str] = {
    f"{panel['title']} {target['refId']}": target["legendFormat"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}


def series(values: dict[str, str]) -> list[dict[str, str]]:
    """Return the series of two agents, n1 and n2: metric and labels -> the values on both, split at a bar."""
    return [
        {
            "series": f'{name}{{job="gfd", instance="{node}:8080", node="{node}"{labels}}}',
            "values": text.strip(),
        }
        for key, both in values.items()
        for name, _, labels in [key.partition("|")]
        for node, text in zip(("n1", "n2"), both.split("|"), strict=True)
        if text.strip()
    ]


SERIES = [
    *series(
        {
            'gfd_build_info|, version="1"': "1x30 | 1x30",
            'gfd_gpus|, state="ok"': "7x30 | 8x30",
            'gfd_gpus|, state="failed"': "1x30 | 0x30",
            'gfd_mig_devices|, profile="1g.5gb"': "7x30 | 3x30",
            'gfd_mig_devices|, profile="3g.20gb"': "| 2x30",
            "gfd_stale": "0x30 | 1x30",
            "gfd_config_rejected": "1x30 | 0x30",
            "gfd_config_warnings": "2x30 | 0x30",
            "gfd_watches_failed": "0x30 | 3x30",
            "gfd_probes_stuck": "2x30 | 0x30",
            "gfd_gpu_ready": "0x30 | 1x30",
            "gfd_node_condition_errors_total": "0x30 | 0+1x30",
            "gfd_last_success_timestamp_seconds": "0+60x30 | 300x30",
            'gfd_cycles_total|, result="unchanged"': "0+60x30 | 0+60x30",
            'gfd_cycles_total|, result="failed"': "0x30 | 0+120x30",
            'gfd_sink_errors_total|, sink="node", reason="server"': "0+1x30 | 0+2x30",
            'gfd_published_changes_total|, sink="node"': "0+1x30 | 0x30",
            "gfd_probe_duration_seconds_sum": "0+15x30 | 0+30x30",
            "gfd_probe_duration_seconds_count": "0+60x30 | 0+60x30",
            "gfd_cycle_duration_seconds_sum": "0+30x30 | 0+60x30",
            "gfd_cycle_duration_seconds_count": "0+60x30 | 0+60x30",
            "process_resident_memory_bytes": "100x30 | 200x30",
            "process_cpu_seconds_total": "0+30x30 | 0+60x30",
        }
    ),
    # Another program under the same node: its process is none of gfd's.
    {"series": 'process_resident_memory_bytes{job="other", instance="n1:1", node="n1"}', "values": "999x30"},
    {"series": 'process_cpu_seconds_total{job="other", instance="n1:1", node="n1"}', "values": "0+60x30"},
]
N1, N2 = ('instance="n1:8080", job="gfd", node="n1"', 'instance="n2:8080", job="gfd", node="n2"')
EXPECTED: dict[str, dict[str, float]] = {
    "Agents A": {"{}": 2},
    "GPUs A": {"{}": 15},
    "MIG devices A": {"{}": 12},
    "Failed GPUs A": {"{}": 1},
    "Nodes with old labels A": {"{}": 1},
    "Nodes that are not ready A": {"{}": 1},
    "Configuration problems A": {"{}": 1},
    "GPUs by state A": {'{state="failed"}': 1, '{state="ok"}': 15},
    "MIG devices by profile A": {'{profile="1g.5gb"}': 10, '{profile="3g.20gb"}': 2},
    "Nodes with a problem A": {f'gfd_gpus{{{N1}, state="failed"}}': 1},
    "Nodes with a problem B": {f"gfd_stale{{{N2}}}": 1},
    "Nodes with a problem C": {f"gfd_probes_stuck{{{N1}}}": 2},
    "Nodes with a problem D": {f"gfd_config_rejected{{{N1}}}": 1},
    "Nodes with a problem E": {f"gfd_watches_failed{{{N2}}}": 3},
    "Nodes with a problem F": {f"{{{N1}}}": 1},
    "Nodes with a problem G": {f"{{{N2}}}": 5},
    "Time since the labels were up to date A": {f"{{{N1}}}": 0, f"{{{N2}}}": 900},
    "Cycles by result A": {'{result="failed"}': 2, '{result="unchanged"}': 2},
    "Failed attempts to publish A": {'{reason="server", sink="node"}': 15},
    "Changes of labels A": {'{sink="node"}': 5},
    "Seconds for one read or cycle A": {'{node="n1"}': 0.25, '{node="n2"}': 0.5},
    "Seconds for one read or cycle B": {'{node="n1"}': 0.5, '{node="n2"}': 1},
    "Memory of the service A": {
        f"process_resident_memory_bytes{{{N1}}}": 100,
        f"process_resident_memory_bytes{{{N2}}}": 200,
    },
    "CPU of the service A": {f"{{{N1}}}": 0.5, f"{{{N2}}}": 1},
}
"""Query -> what it shows of these series after 20 minutes."""


def as_grafana_sends(query: str) -> str:
    return query.replace("$node", ".*").replace("$__rate_interval", "5m")


def run_promtool(folder: Path, expected: dict[str, dict[str, float]]) -> subprocess.CompletedProcess[str]:
    tests = [
        {
            "expr": as_grafana_sends(QUERIES[name]),
            "eval_time": "20m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for name, samples in expected.items()
    ]
    scene = {"interval": "1m", "input_series": SERIES, "promql_expr_test": tests}
    (folder / "scenes.yaml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [scene]}))
    return subprocess.run(
        ("promtool", "test", "rules", folder / "scenes.yaml"), capture_output=True, text=True, check=False
    )


needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not on PATH (Debian's package prometheus has it)"
)


@needs_promtool
def test_each_query_shows_the_right_values(tmp_path: Path) -> None:
    assert set(EXPECTED) == set(QUERIES)
    done = run_promtool(tmp_path, EXPECTED)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_wrong_value_would_be_found(tmp_path: Path) -> None:
    done = run_promtool(tmp_path, {"GPUs A": {"{}": 14}})
    assert done.returncode == 1
    assert "got" in done.stdout + done.stderr


def labels_of_metrics() -> dict[str, set[str]]:
    """Return the labels of each metric that a service shows."""
    found = dict[str, set[str]]()
    for family in text_string_to_metric_families(generate_latest(make_registry(busy_status())).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_queries_use_metrics_and_labels_of_a_service(name: str) -> None:
    known, query = labels_of_metrics(), QUERIES[name]
    selectors = re.findall(r"(\w+)\{([^}]*)\}", query)
    assert selectors
    assert {metric for metric, _ in selectors} <= set(known)
    allowed = TARGET_LABELS.union(*(known[metric] for metric, _ in selectors))
    for metric, matchers in selectors:
        assert set(re.findall(r"(\w+)\s*=", matchers)) <= known[metric] | TARGET_LABELS
        assert 'node=~"$node"' in matchers
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", query)
    assert {label.strip() for labels in grouped for label in labels.split(",")} <= allowed
    assert set(re.findall(r"\{\{(\w+)\}\}", LEGENDS[name])) <= set(
        re.findall(r"\w+(?==)", " ".join(EXPECTED[name]))
    )
    # Each bare metric would miss the choice of nodes.
    assert re.findall(r"\b(?:gfd|process)_\w+\b(?!\{)", query) == []


def test_the_series_of_the_scene_are_those_of_a_service() -> None:
    known = labels_of_metrics()
    for each in SERIES:
        metric, labels = each["series"].split("{")
        assert set(re.findall(r"(\w+)=", labels)) == TARGET_LABELS | known[metric]


def test_panels_neither_overlap_nor_repeat() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert all(panel["description"] for panel in panels)


def test_alerts_that_panels_name_exist() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    names = re.findall(r"\bGfd\w+", json.dumps(DASHBOARD))
    assert [name for name in names if f"### {name}\n" not in page] == []
