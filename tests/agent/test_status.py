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
    return Status(loop_limit_s=30.0, monotonic_s=steady, epoch_s=epoch)


def good_cycle(status: Status) -> None:
    status.record_read(gpus_ok=2, gpus_failed=0, mig_devices={}, labels=20)
    status.record_change("file")
    status.record_sink_success("file")
    status.record_cycle("published", duration_s=0.5, read_s=0.4)


def test_cycles_and_their_time_add_up(status: Status) -> None:
    good_cycle(status)
    status.record_cycle("unchanged", duration_s=0.25, read_s=0.1)
    status.record_cycle("failed", duration_s=1.0)
    assert status.state.cycles == {"published": 1, "unchanged": 1, "failed": 1}
    assert status.state.cycles_took_s == 1.75
    assert (status.state.reads, status.state.reads_took_s) == (2, 0.5)
    assert status.state.succeeded_at_s == NOON_S


def test_a_state_does_not_change_after_it_was_read(status: Status) -> None:
    before = status.state
    good_cycle(status)
    status.record_sink_failure("file", "io", "no")
    assert before.cycles["published"] == 0
    assert not before.published_changes
    assert not before.sink_errors


def test_no_count_is_lost_between_threads(status: Status) -> None:
    def write() -> None:
        for _ in range(500):
            status.record_reader_restart()
            status.record_loop()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(write)
    assert status.state.reader_restarts == 4000


def test_expected_counters_begin_at_0_and_keep_their_counts(status: Status) -> None:
    status.expect_sinks(["file"], ["io", "conflict"])
    assert status.state.published_changes == {"file": 0}
    assert status.state.sink_errors == {("file", "io"): 0, ("file", "conflict"): 0}
    status.record_change("file")
    status.record_sink_failure("file", "io", "no")
    status.expect_sinks(["file", "stdout"], iter(["io"]))
    assert status.state.published_changes == {"file": 1, "stdout": 0}
    assert status.state.sink_errors == {("file", "io"): 1, ("file", "conflict"): 0, ("stdout", "io"): 0}


def test_a_loop_that_hangs_is_unhealthy(status: Status, steady: Clock) -> None:
    assert status.check_health() == (True, "ok")
    steady.now_s += 30
    assert status.check_health() == (True, "ok")
    steady.now_s += 1
    assert status.check_health() == (False, "the main loop has not run for 31 s")
    status.record_loop()
    assert status.check_health() == (True, "ok")


def test_a_worker_that_hangs_is_unhealthy(status: Status, steady: Clock) -> None:
    status.start_job(limit_s=40.0)
    for late_s, expected in (
        (40.0, (True, "ok")),
        (12.0, (False, "the worker thread is 12 s past its deadline")),
    ):
        steady.now_s += late_s
        status.record_loop()
        is_ok, text = status.check_health()
        assert is_ok == expected[0]
        assert text.startswith(expected[1])
    status.end_job()
    assert status.check_health() == (True, "ok")


def test_readiness_from_the_start_to_the_end_of_the_labels(status: Status, epoch: Clock) -> None:
    assert status.check_readiness() == (False, "no labels have been published yet")
    status.record_read_failure("no driver")
    status.record_cycle("failed", duration_s=1)
    assert status.check_readiness() == (False, "no labels have been published yet: no driver")
    good_cycle(status)
    assert status.check_readiness() == (True, "ok")
    epoch.now_s += 60
    status.record_read_failure("GPU is lost")
    status.record_cycle("failed", duration_s=1)
    epoch.now_s += 60
    status.record_read_failure("the probe\ndid not end")
    status.record_cycle("failed", duration_s=1)
    assert status.state.stale_since_s == NOON_S + 60
    assert status.check_readiness() == (
        False,
        "the labels are stale since 2026-07-30T12:01:00Z: the probe did not end",
    )
    epoch.now_s += 60
    status.record_withdrawal()
    assert status.state.labels == 0
    assert status.check_readiness() == (
        False,
        "the labels were withdrawn at 2026-07-30T12:03:00Z: the probe did not end",
    )
    good_cycle(status)
    assert status.check_readiness() == (True, "ok")
    assert status.state.stale_since_s is None


def test_labels_that_no_sink_took_are_not_ready(status: Status) -> None:
    good_cycle(status)
    status.record_sink_failure("file", "EISDIR", "this is a directory")
    status.record_cycle("failed", duration_s=1)
    assert status.check_readiness() == (False, "no sink has taken the labels: this is a directory")
    good_cycle(status)
    assert status.check_readiness() == (True, "ok")


def test_one_sink_that_holds_the_labels_is_enough(status: Status) -> None:
    status.expect_sinks(["file", "stdout"])
    status.record_sink_success("file")
    status.record_sink_failure("stdout", "EPIPE", "Broken pipe")
    status.record_cycle("failed", duration_s=1)
    assert status.check_readiness() == (True, "ok, but the last cycle failed: Broken pipe")
    # A configuration without the sink that has them.
    status.expect_sinks(["stdout"])
    assert not status.check_readiness()[0]


def test_a_rejected_configuration_is_shown_until_another_is_loaded(status: Status) -> None:
    good_cycle(status)
    status.record_config_error("config.yaml:2: no\nreally")
    assert status.state.config_error
    assert status.check_readiness() == (
        True,
        "ok\nconfiguration rejected, the one loaded before is in force: config.yaml:2: no really",
    )
    status.record_config(())
    assert status.check_readiness() == (True, "ok")


def test_a_failed_watch_is_shown_until_it_works(status: Status) -> None:
    good_cycle(status)
    status.record_watch_failure("nodes/n", "no")
    status.record_watch_failure("nodes/n", "not\nyet")
    status.record_watch_failure("nodefeatures/m", "no")
    lines = [
        "the watch on nodes/n does not work, changes by others are seen late: not yet",
        "the watch on nodefeatures/m does not work, changes by others are seen late: no",
    ]
    assert status.check_readiness() == (True, "\n".join(["ok", *lines]))
    status.record_watch_recovery("nodefeatures/m")
    status.record_watch_recovery("nodefeatures/m")
    assert status.check_readiness() == (True, f"ok\n{lines[0]}")
    status.record_watch_recovery("nodes/n")
    assert status.check_readiness() == (True, "ok")


def test_the_first_warnings_are_shown(status: Status) -> None:
    status.record_config([f"config.yaml:{line}: unknown key" for line in range(1, 9)])
    assert len(status.state.config_warnings) == 8
    first, *others = status.check_readiness()[1].splitlines()
    assert first == "no labels have been published yet"
    assert others == [
        *(f"configuration warning: config.yaml:{line}: unknown key" for line in range(1, 6)),
        "configuration warning: 3 more warnings in the log",
    ]


def test_a_long_reason_is_cut_to_one_line(status: Status) -> None:
    status.record_read_failure("word \r\n" * 1000)
    problem = status.state.problem
    assert "\n" not in problem
    assert len(problem) == MAX_REASON
    assert problem.endswith("…")


def test_it_starts_on_the_real_clocks() -> None:
    status = Status()
    status.record_loop()
    status.set_stuck_readers(2)
    assert status.check_health() == (True, "ok")
    assert status.state.stuck_readers == 2


def test_a_retry_that_succeeds_makes_the_service_ready() -> None:
    status = Status()
    status.record_sink_failure("file", "ENOSPC", "sink file: disk full")
    status.record_cycle("failed", duration_s=1.0)
    assert status.check_readiness() == (False, "no labels have been published yet: sink file: disk full")
    status.record_sink_success("file")
    status.record_retry_success()
    assert status.check_readiness() == (True, "ok")


def test_a_node_with_two_agents_is_not_ready(status: Status) -> None:
    good_cycle(status)
    status.set_conflicts({"node": "another gfd\nis here", "file": "x" * 600})
    assert status.check_readiness() == (False, f"sink node: another gfd is here; sink file: {'x' * 499}…")
    status.set_conflicts({})
    assert status.check_readiness() == (True, "ok")
