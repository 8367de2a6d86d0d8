"""The metrics, as Prometheus reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from prometheus_client import generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import gfd
from gfd.agent.metrics import make_registry
from gfd.agent.status import Status
from tests.agent.statuses import busy_status


def samples(text: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_every_metric() -> None:
    status = busy_status()
    status.record_config(["config.yaml:1: unknown key flgas is ignored", "config.yaml:5: and another"])
    status.record_config_error("config.yaml:1: no")
    status.record_watch_failure("nodes/n", "no")
    known = samples(generate_latest(make_registry(status)).decode())
    ours = {name: value for name, value in known.items() if name.startswith("gfd_")}
    assert ours == {
        'gfd_cycles_total{result="published"}': 1,
        'gfd_cycles_total{result="unchanged"}': 0,
        'gfd_cycles_total{result="failed"}': 0,
        "gfd_cycle_duration_seconds_count": 1,
        "gfd_cycle_duration_seconds_sum": 0.5,
        "gfd_probe_duration_seconds_count": 1,
        "gfd_probe_duration_seconds_sum": 0.25,
        "gfd_last_success_timestamp_seconds": 1_785_412_800,
        'gfd_gpus{state="ok"}': 7,
        'gfd_gpus{state="failed"}': 1,
        'gfd_mig_devices{profile="1g.5gb"}': 7,
        'gfd_mig_devices{profile="1c.3g.20gb"}': 2,
        "gfd_labels": 31,
        'gfd_published_changes_total{sink="file"}': 1,
        'gfd_published_changes_total{sink="stdout"}': 0,
        'gfd_sink_errors_total{reason="io",sink="file"}': 0,
        'gfd_sink_errors_total{reason="io",sink="stdout"}': 1,
        "gfd_probe_restarts_total": 1,
        "gfd_probes_stuck": 2,
        "gfd_stale": 0,
        "gfd_gpu_ready": 0,
        "gfd_node_condition_errors_total": 1,
        "gfd_config_rejected": 1,
        "gfd_config_warnings": 2,
        "gfd_watches_failed": 1,
        f'gfd_build_info{{version="{gfd.__version__}"}}': 1,
    }
    assert known["process_resident_memory_bytes"] > 1e6


def test_what_is_unknown_is_left_out() -> None:
    known = samples(generate_latest(make_registry(Status())).decode())
    assert {name for name in known if name.startswith("gfd_")} == {
        'gfd_cycles_total{result="published"}',
        'gfd_cycles_total{result="unchanged"}',
        'gfd_cycles_total{result="failed"}',
        "gfd_cycle_duration_seconds_count",
        "gfd_cycle_duration_seconds_sum",
        "gfd_probe_duration_seconds_count",
        "gfd_probe_duration_seconds_sum",
        "gfd_probe_restarts_total",
        "gfd_probes_stuck",
        "gfd_stale",
        "gfd_node_condition_errors_total",
        "gfd_config_rejected",
        "gfd_config_warnings",
        "gfd_watches_failed",
        f'gfd_build_info{{version="{gfd.__version__}"}}',
    }


def test_stale_labels_show() -> None:
    status = busy_status()
    status.record_read_failure("GPU is lost")
    known = samples(generate_latest(make_registry(status)).decode())
    assert known["gfd_stale"] == 1
    assert known["gfd_stale_since_timestamp_seconds"] == 1_785_412_800


@pytest.mark.parametrize("make", [Status, busy_status])
def test_openmetrics_is_strict(make: Callable[[], Status]) -> None:
    encode, _ = choose_encoder("application/openmetrics-text")
    text = encode(make_registry(make())).decode()
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {"gfd_cycles", "gfd_build", "gfd_stale"}
    for family in families:
        if family.name.startswith("gfd_"):
            assert family.documentation.endswith(".")
            is_time = family.name.endswith("_seconds")
            assert is_time == ("econds" in family.documentation)


@pytest.mark.parametrize("make", [Status, busy_status])
def test_promtool_has_no_complaint(make: Callable[[], Status]) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not on PATH (Debian's package prometheus has it)")
    ours = [
        line
        for line in generate_latest(make_registry(make())).decode().splitlines(keepends=True)
        if re.match(r"(# \w+ )?gfd_", line)
    ]
    done = subprocess.run(
        [promtool, "check", "metrics"], input="".join(ours), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
