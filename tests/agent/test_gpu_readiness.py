"""What a read says about the GPUs, and when a change counts."""

from __future__ import annotations

import pytest

from gfd.agent.gpu_readiness import (
    MAX_MESSAGE,
    Readiness,
    assess,
    make_events,
    restore,
    update_problems,
)
from gfd.agent.readiness_debouncer import CALM_S, MAX_SETTLE_S, SETTLE_S, ReadinessDebouncer
from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.worker.result import CycleResult

CARD = {"pci_address": "0000:3b:00.0", "uuid": "GPU-1"}
GPU = "GPU 0 (0000:3b:00.0, GPU-1)"
READY = assess(CycleResult(labels={}, gpus=8))
FAILED = assess(CycleResult(labels={}, gpus=7, failed_gpus={"3": "GPU is lost"}, failed_cards={"3": CARD}))
NO_DRIVER = assess(DriverUnavailable("libnvidia-ml.so.1 was not found"))
STALE = assess(ProbeError("the driver did not answer within 30 s"))


@pytest.mark.parametrize(
    ("read", "reason", "message"),
    [
        (CycleResult(labels={}, gpus=1), "AllGPUsRead", "1 GPU can be read"),
        (CycleResult(labels={}, gpus=8), "AllGPUsRead", "8 GPUs can be read"),
        (
            CycleResult(
                labels={},
                gpus=1,
                failed_gpus={"0": "GPU is lost", "2": "no name"},
                failed_cards={"0": CARD, "2": {"pci_address": None, "uuid": None}},
            ),
            "GPUFailed",
            f"2 of 3 GPUs cannot be read: {GPU} cannot be read: GPU is lost; GPU 2 cannot be read: no name",
        ),
        (
            CycleResult(labels={}, missing_driver="no library"),
            "DriverNotFound",
            "the node has a GPU, but its driver cannot be used: no library",
        ),
        (
            DriverUnavailable("no library"),
            "DriverNotFound",
            "the node has a GPU, but its driver cannot be used: no library",
        ),
        (
            CycleResult(labels={}, missing_driver="no library", has_hardware=False),
            "NoGPU",
            "this node has no NVIDIA GPU and no driver",
        ),
        (CycleResult(labels={}), "NoGPU", "the driver is loaded, but finds no GPU"),
        (
            ProbeError("GPU is lost"),
            "LabelsStale",
            "the GPUs cannot be read, and their labels are stale: GPU is lost",
        ),
    ],
)
def test_a_read_is_assessed(read: CycleResult | GfdError, reason: str, message: str) -> None:
    found = assess(read)
    assert (found.reason, found.message) == (reason, message)
    assert found.is_ready == (reason == "AllGPUsRead")


def test_messages_are_short() -> None:
    lost = {str(index): "x" * 300 for index in range(8)}
    found = assess(CycleResult(labels={}, failed_gpus=lost, failed_cards=dict.fromkeys(lost, CARD)))
    assert len(found.message) == MAX_MESSAGE + 1
    assert len(assess(ProbeError("x" * 9999)).message) == MAX_MESSAGE + 1


def names(before: Readiness, after: Readiness) -> list[str]:
    return [f"{each.type} {each.reason}: {each.message}" for each in make_events(before.problems, after)]


def test_events_name_what_began_and_what_ended() -> None:
    gpu = "GPU 3 (0000:3b:00.0, GPU-1)"
    assert names(READY, FAILED) == [f"Warning GPUFailed: {gpu} cannot be read: GPU is lost"]
    assert names(FAILED, READY) == [f"Normal GPURecovered: {gpu} can be read again"]
    assert names(FAILED, FAILED) == []
    assert names(READY, NO_DRIVER) == [f"Warning DriverNotFound: {NO_DRIVER.message}"]
    assert names(NO_DRIVER, READY) == ["Normal DriverFound: the NVIDIA driver can be used"]
    assert names(READY, STALE) == [f"Warning LabelsStale: {STALE.message}"]
    assert names(STALE, READY) == ["Normal GPUsReadable: the GPUs can be read again"]
    empty = assess(CycleResult(labels={}))
    assert names(READY, empty) == ["Warning NoGPU: the driver is loaded, but finds no GPU"]
    assert names(empty, READY) == ["Normal GPUFound: the driver finds GPUs again"]


def test_only_a_read_ends_a_problem() -> None:
    assert names(FAILED, STALE) == [f"Warning LabelsStale: {STALE.message}"]
    known = update_problems(FAILED.problems, STALE)
    assert [each.reason for each in make_events(known, READY)] == ["GPURecovered", "GPUsReadable"]
    assert update_problems(known, READY) == {}


def test_what_an_earlier_process_published_is_restored() -> None:
    for before in (NO_DRIVER, STALE):
        assert names(restore(before.reason, before.message), before) == []
        assert restore(before.reason, before.message).is_like(before)
    assert names(restore("GPUFailed", "x"), READY) == [
        "Normal GPURecovered: each GPU that had failed can be read again"
    ]
    assert names(restore("AllGPUsRead", "x"), READY) == []
    assert names(restore("ByHand", "x"), READY) == []


def test_the_first_read_counts_at_once() -> None:
    debouncer = ReadinessDebouncer()
    assert debouncer.due_s is None
    assert debouncer.observe(READY, 100.0)
    assert debouncer.take(100.0) is READY
    assert not debouncer.observe(READY, 160.0)
    assert debouncer.due_s is None


def test_a_change_counts_when_it_lasts() -> None:
    debouncer = ReadinessDebouncer()
    debouncer.begin(READY)
    assert debouncer.observe(FAILED, 100.0)
    assert not debouncer.observe(FAILED, 105.0)
    assert debouncer.take(100.0 + SETTLE_S - 0.1) is None
    assert debouncer.take(100.0 + SETTLE_S) is FAILED
    assert debouncer.settled is FAILED


def test_one_bad_read_changes_nothing() -> None:
    debouncer = ReadinessDebouncer()
    debouncer.begin(READY)
    debouncer.observe(FAILED, 100.0)
    assert not debouncer.observe(READY, 105.0)
    assert debouncer.due_s is None
    # Another problem starts to count from when it was seen.
    debouncer.observe(FAILED, 200.0)
    assert debouncer.observe(STALE, 205.0)
    assert debouncer.due_s == 205.0 + SETTLE_S


def test_an_earlier_condition_with_the_same_words_is_no_change() -> None:
    debouncer = ReadinessDebouncer()
    debouncer.observe(FAILED, 100.0)
    debouncer.begin(restore(FAILED.reason, FAILED.message))
    assert debouncer.settled is FAILED
    assert debouncer.take(1000.0) is None


def count_changes(debouncer: ReadinessDebouncer, period_s: float, until_s: float) -> list[float]:
    """Alternate between bad and good every ``period_s``; return when something counted."""
    changes, at_s, now_s = [], 0.0, 0.0
    reads = [FAILED, READY]
    while now_s < until_s:
        if now_s >= at_s:
            debouncer.observe(reads[int(now_s / period_s) % 2], now_s)
            at_s += period_s
        if debouncer.take(now_s) is not None:
            changes.append(now_s)
        now_s += 1.0
    return changes


def test_gpus_that_fail_again_and_again_stay_not_ready() -> None:
    debouncer = ReadinessDebouncer()
    debouncer.begin(READY)
    # Each recovery has to last twice as long: 10, 20, 40, and 80 s, which 60 s never reach.
    assert count_changes(debouncer, 60.0, 7200.0) == [10.0, 70.0, 130.0, 200.0, 250.0, 340.0, 370.0]
    assert debouncer.settled is FAILED
    debouncer.observe(FAILED, 7200.0)
    debouncer.observe(READY, 7300.0)
    assert debouncer.take(7300.0 + 79.0) is None
    assert debouncer.take(7300.0 + 80.0) is READY
    # After a calm time a recovery is quick again.
    later_s = 7400.0 + CALM_S
    debouncer.observe(FAILED, later_s)
    debouncer.take(later_s + SETTLE_S)
    debouncer.observe(READY, later_s + 60)
    assert debouncer.due_s == later_s + 60 + SETTLE_S


def test_the_wait_before_a_recovery_has_a_limit() -> None:
    debouncer = ReadinessDebouncer()
    debouncer.begin(READY)
    now_s = 0.0
    for _ in range(12):
        for seen in (FAILED, READY):
            debouncer.observe(seen, now_s)
            due_s = debouncer.due_s
            assert due_s is not None
            assert due_s - now_s <= MAX_SETTLE_S
            now_s = due_s
            assert debouncer.take(now_s) is seen
    debouncer.observe(FAILED, now_s)
    debouncer.take(now_s + SETTLE_S)
    debouncer.observe(READY, now_s)
    assert debouncer.due_s == now_s + MAX_SETTLE_S
