"""What the service knows, and how it judges itself, without waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gfd.agent.status import MAX_REASON, Status

NOON_S = 1_785_412_800.0
"""2026-07-30T12:00:00Z"""


class Clock:
    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def steady() -> Clock:
    return Clock(100.0)


@pytest.fixture
def epoch() -> Clock:
    return Clock(NOON_S)


@pytest.fixture
def status(steady: Clock, epoch: Clock) -> Status:
    return Status(loop_limit_s=30.0, steady_s=steady, epoch_s=epoch)


def good_cycle(status: Status) -> None:
    status.read_succeeded(gpus_ok=2, gpus_failed=0, mig_devices={}, labels=20)
    status.published("file")
    status.sink_took("file")
    status.cycle_ended("published", duration_s=0.5, probe_s=0.4)


def test_cycles_and_their_time_add_up(status: Status) -> None:
    good_cycle(status)
    status.cycle_ended("unchanged", duration_s=0.25, probe_s=0.1)
    status.cycle_ended("failed", duration_s=1.0)
    assert status.facts.cycles == {"published": 1, "unchanged": 1, "failed": 1}
    assert status.facts.cycles_took_s == 1.75
    assert (status.facts.probes, status.facts.probes_took_s) == (2, 0.5)
    assert status.facts.succeeded_at_s == NOON_S


def test_a_moment_does_not_change_under_its_reader(status: Status) -> None:
    before = status.facts
    good_cycle(status)
    status.sink_failed("file", "io", "no")
    assert before.cycles["published"] == 0
    assert not before.published_changes
    assert not before.sink_errors


def test_no_count_is_lost_between_threads(status: Status) -> None:
    def write() -> None:
        for _ in range(500):
            status.probe_restarted()
            status.ticked()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(write)
    assert status.facts.probe_restarts == 4000


def test_expected_counters_begin_at_0_and_keep_their_counts(status: Status) -> None:
    status.expect(["file"], ["io", "conflict"])
    assert status.facts.published_changes == {"file": 0}
    assert status.facts.sink_errors == {("file", "io"): 0, ("file", "conflict"): 0}
    status.published("file")
    status.sink_failed("file", "io", "no")
    status.expect(["file", "stdout"], iter(["io"]))
    assert status.facts.published_changes == {"file": 1, "stdout": 0}
    assert status.facts.sink_errors == {("file", "io"): 1, ("file", "conflict"): 0, ("stdout", "io"): 0}


def test_a_loop_that_hangs_is_unhealthy(status: Status, steady: Clock) -> None:
    assert status.health() == (True, "ok")
    steady.now_s += 30
    assert status.health() == (True, "ok")
    steady.now_s += 1
    assert status.health() == (False, "the main loop has not turned for 31 s")
    status.ticked()
    assert status.health() == (True, "ok")


def test_a_worker_that_hangs_is_unhealthy(status: Status, steady: Clock) -> None:
    status.job_started(limit_s=40.0)
    for late_s, expected in ((40.0, (True, "ok")), (12.0, (False, "the worker is 12 s over the time"))):
        steady.now_s += late_s
        status.ticked()
        is_ok, text = status.health()
        assert is_ok == expected[0]
        assert text.startswith(expected[1])
    status.job_ended()
    assert status.health() == (True, "ok")


def test_readiness_from_the_start_to_the_end_of_the_labels(status: Status, epoch: Clock) -> None:
    assert status.readiness() == (False, "no labels have been published yet")
    status.read_failed("no driver")
    status.cycle_ended("failed", duration_s=1)
    assert status.readiness() == (False, "no labels have been published yet: no driver")
    good_cycle(status)
    assert status.readiness() == (True, "ok")
    epoch.now_s += 60
    status.read_failed("GPU is lost")
    status.cycle_ended("failed", duration_s=1)
    epoch.now_s += 60
    status.read_failed("the probe\ndid not end")
    status.cycle_ended("failed", duration_s=1)
    assert status.facts.stale_since_s == NOON_S + 60
    assert status.readiness() == (
        False,
        "the labels are stale since 2026-07-30T12:01:00Z: the probe did not end",
    )
    epoch.now_s += 60
    status.withdrawn()
    assert status.facts.labels == 0
    assert status.readiness() == (
        False,
        "the labels were withdrawn at 2026-07-30T12:03:00Z: the probe did not end",
    )
    good_cycle(status)
    assert status.readiness() == (True, "ok")
    assert status.facts.stale_since_s is None


def test_the_service_may_know_better_since_when_labels_are_stale(status: Status) -> None:
    good_cycle(status)
    status.read_failed("no", stale_since_s=NOON_S - 3600)
    assert status.readiness()[1].startswith("the labels are stale since 2026-07-30T11:00:00Z")


def test_labels_that_no_sink_took_are_not_trusted(status: Status) -> None:
    good_cycle(status)
    status.sink_failed("file", "EISDIR", "this is a directory")
    status.cycle_ended("failed", duration_s=1)
    assert status.readiness() == (False, "no sink holds the labels: this is a directory")
    good_cycle(status)
    assert status.readiness() == (True, "ok")


def test_one_sink_that_holds_the_labels_is_enough(status: Status) -> None:
    status.expect(["file", "stdout"])
    status.sink_took("file")
    status.sink_failed("stdout", "EPIPE", "Broken pipe")
    status.cycle_ended("failed", duration_s=1)
    assert status.readiness() == (True, "ok, but the last cycle failed: Broken pipe")
    status.cycle_ended("failed", duration_s=1, problem="template mine.j2, line 1: no")
    assert status.readiness() == (True, "ok, but the last cycle failed: template mine.j2, line 1: no")
    # A configuration without the sink that has them.
    status.expect(["stdout"])
    assert not status.readiness()[0]


def test_a_rejected_configuration_is_told_until_another_is_loaded(status: Status) -> None:
    good_cycle(status)
    status.config_rejected("config.yaml:2: no\nreally")
    assert status.facts.rejection
    assert status.readiness() == (
        True,
        "ok\nconfiguration rejected, the one loaded before is in force: config.yaml:2: no really",
    )
    status.config_loaded(())
    assert status.readiness() == (True, "ok")


def test_a_watch_that_is_down_is_told_until_it_works(status: Status) -> None:
    good_cycle(status)
    status.watch_failed("nodes/n", "no")
    status.watch_failed("nodes/n", "not\nyet")
    status.watch_failed("nodefeatures/m", "no")
    lines = [
        "the watch on nodes/n is down, changes by others are not seen: not yet",
        "the watch on nodefeatures/m is down, changes by others are not seen: no",
    ]
    assert status.readiness() == (True, "\n".join(["ok", *lines]))
    status.watch_healed("nodefeatures/m")
    status.watch_healed("nodefeatures/m")
    assert status.readiness() == (True, f"ok\n{lines[0]}")
    status.watch_healed("nodes/n")
    assert status.readiness() == (True, "ok")


def test_the_first_doubts_are_told(status: Status) -> None:
    status.config_loaded([f"config.yaml:{line}: unknown key" for line in range(1, 9)])
    assert len(status.facts.doubts) == 8
    first, *others = status.readiness()[1].splitlines()
    assert first == "no labels have been published yet"
    assert others == [
        *(f"configuration warning: config.yaml:{line}: unknown key" for line in range(1, 6)),
        "configuration warning: 3 more warnings in the log",
    ]


def test_a_reason_is_one_line_that_ends(status: Status) -> None:
    status.read_failed("word \r\n" * 1000)
    problem = status.facts.problem
    assert "\n" not in problem
    assert len(problem) == MAX_REASON
    assert problem.endswith("…")


def test_it_starts_on_the_real_clocks() -> None:
    status = Status()
    status.ticked()
    status.probes_stuck(2)
    assert status.health() == (True, "ok")
    assert status.facts.stuck_probes == 2


def test_labels_that_arrived_after_all() -> None:
    status = Status()
    status.sink_failed("file", "ENOSPC", "sink file: disk full")
    status.cycle_ended("failed", duration_s=1.0)
    assert status.readiness() == (False, "no labels have been published yet: sink file: disk full")
    status.sink_took("file")
    status.caught_up()
    assert status.readiness() == (True, "ok")


def test_a_node_with_two_agents_is_not_ready(status: Status) -> None:
    good_cycle(status)
    status.contested({"node": "another gfd\nis here", "file": "x" * 600})
    assert status.readiness() == (False, f"sink node: another gfd is here; sink file: {'x' * 499}…")
    status.contested({})
    assert status.readiness() == (True, "ok")
