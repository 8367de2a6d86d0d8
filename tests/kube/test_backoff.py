from __future__ import annotations

import random

import pytest

from gfd.kube.backoff import Backoff, Resync, spread_s


def test_delays_double_up_to_the_maximum() -> None:
    backoff = Backoff(1.0, 5.0, spread=lambda: 1.0)
    assert [backoff.next_delay_s() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    backoff.reset()
    assert backoff.next_delay_s() == 1.0


def test_delays_vary_by_half() -> None:
    assert Backoff(4.0, 5.0, spread=lambda: 0.0).next_delay_s() == 2.0


@pytest.mark.parametrize(("spread", "due_s"), [(0.0, 90.0), (0.5, 100.0), (1.0, 110.0)])
def test_resync_interval_varies_by_a_tenth(spread: float, due_s: float) -> None:
    times_s = iter([1000.0, 1000.0 + due_s - 0.1, 1000.0 + due_s, 2000.0, 2000.0])
    resync = Resync(100.0, lambda: next(times_s), lambda: spread)
    assert not resync.is_due
    resync.restart()
    assert [resync.is_due, resync.is_due] == [False, True]
    resync.restart()
    assert not resync.is_due


def test_resync_without_an_interval() -> None:
    resync = Resync(None, lambda: 1e9)
    resync.restart()
    assert not resync.is_due


def test_random_module_is_not_used() -> None:
    """Other code may have seeded it and rely on its numbers."""
    state = random.getstate()
    Backoff(1.0, 5.0).next_delay_s()
    Resync(1.0).restart()
    assert 3000 <= spread_s(3000, 3600) <= 3600
    assert random.getstate() == state
