"""What the reporter logs, counts and shows in /readyz."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from gfd.agent.conditions import Conditions
from gfd.agent.conflicts import explain_conflict
from gfd.agent.reporter import Reporter
from gfd.agent.status import Status
from gfd.errors import ProbeError, PublishError
from gfd.publishing.drift import Drift
from gfd.publishing.publisher import Publisher, PublishResult
from gfd.publishing.sinks.stdout import StdoutSink
from gfd.worker.result import CycleResult

DELETED = Drift(sink="stdout", what="deleted", is_rival=True, is_urgent=True)
LABELS = {"nvidia.com/gpu.count": "8"}


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
def status() -> Status:
    return Status()


@pytest.fixture
def reporter(log: list[MutableMapping[str, Any]], status: Status) -> Reporter:
    logger = structlog.get_logger()
    return Reporter(status, Conditions(logger), logger)


def levels(log: list[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["event"], entry["log_level"]) for entry in log]


def test_a_conflict_is_logged_once(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    now_s = 1000.0
    publisher = Publisher([StdoutSink()], clock=lambda: now_s)
    for _ in range(10):
        reporter.report_drift(DELETED, publisher)
        publisher.repair(DELETED)
        reporter.report_conflicts(publisher)
        now_s += 5
    # After 15 s of changes it is a conflict.
    assert levels(log)[:5] == [("drift.detected", "info")] * 4 + [("conflict.detected", "warning")]
    assert {level for _, level in levels(log)[5:]} == {"debug"}
    assert status.state.conflicts.keys() == {"stdout"}
    assert not status.check_readiness().is_ok
    now_s += 1000
    reporter.report_conflicts(publisher)
    assert levels(log)[-1] == ("conflict.recovered", "info")
    assert status.state.conflicts == {}


def test_another_writer_of_the_feature_file_is_explained() -> None:
    assert explain_conflict(Drift(sink="file", what="deleted", is_rival=True)) == (
        "another program keeps changing or deleting this file; only one may write it: stop the other, "
        "such as NVIDIA's gpu-feature-discovery, or give gfd another --output-file"
    )


def test_a_cycle_without_a_change_is_logged_at_level_debug(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    result = CycleResult(labels=LABELS, gpus=8, mig_devices={"1g.5gb": 7})
    for changed in (("file",), ()):
        published = PublishResult(changed=changed, succeeded=("file",))
        reporter.report_cycle(result, published, read_s=0.1, took_s=0.25, interval_s=60.0)
    first, second = log
    assert first == {
        "event": "cycle.published",
        "log_level": "info",
        "gpus": 8,
        "mig_devices": 7,
        "labels": 1,
        "changed": ["file"],
        "duration_ms": 250,
    }
    assert second == {**first, "log_level": "debug", "changed": []}
    assert status.state.cycles == {"published": 1, "unchanged": 1, "failed": 0}
    assert status.state.reads_took_s == 0.2


def test_an_interval_shorter_than_the_cycle_is_reported(
    reporter: Reporter, log: list[MutableMapping[str, Any]]
) -> None:
    for took_s in (2.0, 3.0, 0.5):
        reporter.report_cycle(
            CycleResult(labels=LABELS), PublishResult(), read_s=0.1, took_s=took_s, interval_s=1.0
        )
    assert [each for each in levels(log) if each[0].startswith("interval")] == [
        ("interval.exceeded", "warning"),
        ("interval.exceeded", "debug"),
        ("interval.recovered", "info"),
    ]


def test_failed_gpus_and_unknown_memory_recover_one_by_one(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    cards: dict[str, dict[str, str | None]] = {
        "3": {"pci_address": "0000:4e:00.0", "uuid": "GPU-3"},
        "5": {"pci_address": None, "uuid": None},
    }
    bad = CycleResult(
        labels=LABELS, gpus=6, failed_gpus={"3": "lost", "5": "lost"}, failed_cards=cards, unknown_memory="no"
    )
    reporter.report_read(bad)
    reporter.report_read(bad._replace(failed_gpus={"5": "lost"}, failed_cards={"5": cards["5"]}, gpus=7))
    assert status.state.gpus == {"ok": 7, "failed": 1}
    reporter.report_read(CycleResult(labels=LABELS, gpus=8))
    assert [(entry["event"], entry.get("gpu")) for entry in log if entry["log_level"] != "debug"] == [
        ("gpu.failed", 3),
        ("gpu.failed", 5),
        ("memory.unknown", None),
        ("gpu.recovered", 3),
        ("gpu.recovered", 5),
        ("memory.recovered", None),
    ]


def test_a_read_failure_makes_the_labels_stale_until_a_read_succeeds(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    reporter.report_sinks(PublishResult(succeeded=("file",)))
    reporter.report_read_failure(ProbeError("GPU is lost"), 0.5)
    assert status.check_readiness().text.endswith(": GPU is lost")
    assert status.state.cycles["failed"] == 1
    reporter.report_read(CycleResult(labels=LABELS))
    assert status.state.stale_since_s is None
    assert levels(log) == [("cycle.failed", "warning"), ("cycle.recovered", "info")]


def test_a_sink_that_fails_and_recovers(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    error = PublishError("file", "/x/gfd", "disk full", kind="ENOSPC")
    reporter.report_sinks(PublishResult(errors=(error,)))
    assert status.state.sink_errors == {("file", "ENOSPC"): 1}
    assert status.state.good_sinks == frozenset()
    reporter.report_sinks(PublishResult(changed=("file",), succeeded=("file",)))
    assert status.state.good_sinks == {"file"}
    assert status.state.published_changes == {"file": 1}
    assert levels(log) == [("publish.failed", "warning"), ("publish.recovered", "info")]


def test_a_watch_that_fails_and_recovers(
    reporter: Reporter, status: Status, log: list[MutableMapping[str, Any]]
) -> None:
    reporter.report_watch("nodes/n1", "Forbidden")
    assert status.state.failed_watches == {"nodes/n1": "Forbidden"}
    reporter.report_watch("nodes/n1", "")
    assert status.state.failed_watches == {}
    assert levels(log) == [("watch.failed", "warning"), ("watch.recovered", "info")]
