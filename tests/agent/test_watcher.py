"""When the watcher says that a cycle, a reload or an inspection is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.agent.debouncer import LIMIT_S, QUIET_S
from gfd.agent.watcher import BUSY_S, IDLE_S, MAX_INCONSISTENT, Task, Watcher

NOTHING = Task(0)
TICK_S = 1 / 64
"""Exact in binary, so that sums of it are, too."""


class World:
    """Hardware and configuration that change when a test says so, and a clock that goes on when it does."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.hardware = 0
        self.configuration = 0
        self.feature_file = 0
        self.watcher = Watcher(
            lambda: {"gpu": self.hardware},
            lambda: {"file": self.configuration},
            lambda: {"features.d/gfd": self.feature_file},
        )

    def poll(self, after_s: float) -> Task:
        self.now_s += after_s
        return self.watcher.poll(self.now_s)

    def wait(self) -> Task:
        """Poll when the watch asks for it."""
        return self.poll(self.watcher.wait_s)

    def due_after(self, limit_s: float = 30) -> tuple[Task, float]:
        """Return what comes due first, and how much later."""
        started_s = self.now_s
        while self.now_s < started_s + limit_s:
            if due := self.wait():
                return due, self.now_s - started_s
        return NOTHING, self.now_s - started_s

    def read(self, *, changes: bool = False, takes_s: float = 0.3) -> bool:
        self.watcher.begin_read(self.now_s)
        self.now_s += takes_s
        self.hardware += changes
        return self.watcher.end_read(self.now_s)


def test_nothing_is_due_at_the_start() -> None:
    assert World().due_after()[0] == NOTHING


def test_an_inspection_is_due_at_once_also_during_a_read() -> None:
    world = World()
    world.feature_file += 1
    assert world.due_after() == (Task.INSPECT, IDLE_S)
    assert world.due_after()[0] == NOTHING
    world.watcher.begin_read(world.now_s)
    world.feature_file += 1
    assert world.wait() == Task.INSPECT
    assert world.wait() == NOTHING


@pytest.mark.parametrize("kind", [Task.CYCLE, Task.RELOAD])
def test_a_change_is_answered_once_and_in_time(kind: Task) -> None:
    world = World()
    world.hardware += kind is Task.CYCLE
    world.configuration += kind is Task.RELOAD
    assert world.due_after() == (kind, IDLE_S + QUIET_S)
    assert IDLE_S + QUIET_S + 0.3 < 2
    assert world.due_after()[0] == NOTHING


def test_a_cycle_and_a_reload_may_be_due_together() -> None:
    world = World()
    world.hardware += 1
    world.configuration += 1
    assert world.due_after()[0] == Task.CYCLE | Task.RELOAD


def test_while_the_hardware_changes_it_is_polled_faster_and_not_stable() -> None:
    world = World()
    assert (world.watcher.wait_s, world.watcher.is_stable) == (IDLE_S, True)
    world.hardware += 1
    assert world.wait() == NOTHING
    assert (world.watcher.wait_s, world.watcher.is_stable) == (BUSY_S, False)
    world.due_after()
    assert (world.watcher.wait_s, world.watcher.is_stable) == (IDLE_S, True)


def test_while_the_configuration_changes_the_hardware_is_stable() -> None:
    world = World()
    world.configuration += 1
    world.wait()
    assert (world.watcher.wait_s, world.watcher.is_stable) == (BUSY_S, True)


def test_the_last_poll_is_when_the_answer_is_due() -> None:
    world = World()
    world.hardware += 1
    world.wait()
    world.poll(0.375)
    assert world.watcher.wait_s == QUIET_S - 0.375


def test_a_late_poll_loses_no_change() -> None:
    world = World()
    world.hardware += 1
    world.poll(100)
    assert world.poll(100) == Task.CYCLE


def test_after_a_consistent_read_nothing_is_due() -> None:
    world = World()
    world.hardware += 1
    world.due_after()
    assert world.read()
    assert world.due_after()[0] == NOTHING


def test_an_inconsistent_read_is_discarded_and_repeated() -> None:
    world = World()
    assert not world.read(changes=True)
    assert not world.watcher.is_stable
    assert world.due_after() == (Task.CYCLE, QUIET_S)
    assert world.read()


def test_reads_that_change_the_hardware_themselves_are_used_in_the_end() -> None:
    world = World()
    published = []
    for _ in range(3):
        published.append(world.read(changes=True))
        due = world.due_after()[0]
    assert published == [False, False, True]
    assert due == NOTHING


def test_a_change_that_is_undone_during_a_read_does_not_count() -> None:
    world = World()
    world.watcher.begin_read(0)
    world.hardware += 1
    assert world.poll(0.2) == NOTHING
    assert world.watcher.wait_s == IDLE_S
    world.hardware -= 1
    assert world.watcher.end_read(0.3)


def test_a_reload_may_be_due_during_a_read() -> None:
    world = World()
    world.hardware += 1
    world.wait()
    world.watcher.begin_read(world.now_s)
    world.configuration += 1
    due, after_s = world.due_after()
    assert due == Task.RELOAD
    assert after_s <= IDLE_S + QUIET_S
    assert world.watcher.end_read(world.now_s)
    assert world.due_after() == (Task.CYCLE, 0)


def test_a_change_just_before_a_read_is_read_again_when_stable() -> None:
    world = World()
    world.hardware += 1
    assert world.read()
    assert not world.watcher.is_stable
    assert world.due_after()[0] == Task.CYCLE


def test_a_late_inconsistent_read_is_used_and_followed_by_another() -> None:
    world = World()
    due = NOTHING
    while not due:
        world.hardware += 1
        due = world.wait()
    assert world.now_s == IDLE_S + LIMIT_S
    assert world.read(changes=True)
    assert world.due_after() == (Task.CYCLE, QUIET_S)
    assert world.read()
    assert world.due_after()[0] == NOTHING


def test_a_discarded_read_does_not_restart_the_time_limit() -> None:
    world = World()
    while world.now_s < 8:
        world.hardware += 1
        assert world.wait() == NOTHING
    assert world.due_after()[0] == Task.CYCLE
    answered_s = world.now_s
    assert not world.read(changes=True)
    while not world.watcher.poll(world.now_s):
        world.hardware += 1
        world.now_s += BUSY_S
    assert world.now_s <= IDLE_S + LIMIT_S + BUSY_S < answered_s + LIMIT_S
    assert world.read(changes=True)


def test_a_change_while_the_configuration_is_loaded_is_seen() -> None:
    world = World()
    world.configuration += 1
    world.watcher.replace_sources(lambda: {"gpu": 0}, lambda: {"file": world.configuration, "folder": 1})
    assert world.due_after()[0] == Task.RELOAD
    assert world.due_after()[0] == NOTHING


@st.composite
def bursts(draw: st.DrawFn) -> list[float]:
    """Times of changes: close together, with pauses like mig-parted's, and with rests."""
    ticks = st.one_of(st.integers(0, 4), st.integers(4, 26), st.integers(20, 40), st.integers(100, 1000))
    now, times = 0, []
    for gap in draw(st.lists(ticks, max_size=80)):
        now += gap
        times.append(now * TICK_S)
    return times


@given(times=bursts(), delays=st.lists(st.integers(0, 12), min_size=1, max_size=20))
def test_changes_are_answered_when_stable_or_overdue(times: list[float], delays: list[int]) -> None:
    world = World()
    late = max(delays) * TICK_S
    unanswered: list[float] = []
    pending, polls = list(times), 0
    while pending or unanswered or world.now_s < 30:
        world.now_s += world.watcher.wait_s + delays[polls % len(delays)] * TICK_S
        polls += 1
        while pending and pending[0] <= world.now_s:
            unanswered.append(pending.pop(0))
        world.hardware = len(times) - len(pending)
        if world.watcher.poll(world.now_s):
            assert unanswered, "due twice, or for nothing"
            quiet_s = world.now_s - unanswered[-1]
            assert quiet_s >= QUIET_S or world.now_s - unanswered[0] >= LIMIT_S
            assert world.now_s - unanswered[0] <= LIMIT_S + IDLE_S + 2 * late
            if len(unanswered) == 1:
                assert quiet_s <= IDLE_S + QUIET_S + 2 * late + BUSY_S * (late > 0)
            unanswered.clear()
        assert world.watcher.is_stable == (not unanswered)
    assert LIMIT_S + IDLE_S <= 10


@given(times=bursts(), readings=st.lists(st.integers(0, 64), min_size=1, max_size=20))
def test_the_last_published_layout_is_the_real_one(times: list[float], readings: list[int]) -> None:
    """A service reads when told to, publishes when allowed; in the end the labels are of the last layout."""
    world = World()
    published, pending, count = 0, list(times), 0

    def go_on(seconds: float) -> None:
        world.now_s += seconds
        while pending and pending[0] <= world.now_s:
            pending.pop(0)
        world.hardware = len(times) - len(pending)

    inconsistent = 0
    while pending or world.now_s < (times or [0])[-1] + 40:
        go_on(world.watcher.wait_s)
        if Task.CYCLE in world.watcher.poll(world.now_s):
            layout = world.hardware
            world.watcher.begin_read(world.now_s)
            go_on(readings[count % len(readings)] * TICK_S)
            count += 1
            inconsistent = inconsistent + 1 if world.hardware != layout else 0
            if world.watcher.end_read(world.now_s):
                published = layout
            if inconsistent > MAX_INCONSISTENT:
                return  # the watcher takes it for a change by the read itself
    assert published == len(times)
