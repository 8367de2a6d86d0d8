"""When the Node condition is written, and which events are recorded, without a server and without waiting."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
import structlog

from gfd.agent.condition_publisher import HEARTBEAT_S, MESSAGE_S, ConditionPublisher
from gfd.agent.conditions import Conditions
from gfd.agent.readiness_debouncer import SETTLE_S
from gfd.agent.status import Status
from gfd.errors import ApiError, GfdError, ProbeError
from gfd.publishing.node_condition import NodeCondition, NodeConditionClient
from gfd.publishing.node_events import NodeEvent, NodeEventRecorder
from gfd.worker.result import CycleResult

GOOD = CycleResult(labels={}, gpus=8)
LATE = CycleResult(labels={}, missing_driver="no library")
BARE = CycleResult(labels={}, missing_driver="no library", has_hardware=False)
LOST = ProbeError("GPU is lost")
REFUSED = ApiError("forbidden", kind="Forbidden", status=403)


class FakeNode:
    """Stands for the API server: a condition, events, and the requests to them."""

    def __init__(self, condition: NodeCondition | None = None) -> None:
        self.condition = condition
        self.events: list[NodeEvent] = []
        self.writes = 0
        self.error: ApiError | None = None
        self.event_error: ApiError | None = None
        self.is_full = False

    def _request(self) -> None:
        if self.error:
            raise self.error

    def read(self) -> NodeCondition | None:
        self._request()
        return self.condition

    def apply(self, condition: NodeCondition) -> str:
        self._request()
        self.condition, self.writes = condition, self.writes + 1
        return "uid"

    def withdraw(self) -> bool:
        self._request()
        self.condition = None
        return True

    def record(self, event: NodeEvent, uid: str) -> bool:
        assert uid == "uid"
        if self.event_error:
            raise self.event_error
        if not self.is_full:
            self.events.append(event)
        return not self.is_full


class World:
    """A publisher with a clock that a test moves; the Unix time is 5000 s ahead of it."""

    def __init__(self, node: FakeNode | None = None) -> None:
        self.node = node or FakeNode()
        self.now_s = 1000.0
        self.status = Status()
        log = structlog.get_logger()
        self.publisher = ConditionPublisher(
            cast(NodeConditionClient, self.node),
            cast(NodeEventRecorder, self.node),
            status=self.status,
            conditions=Conditions(log),
            log=log,
            clock=lambda: self.now_s,
            wall_clock=lambda: self.now_s + 5000,
        )

    def observe(self, read: CycleResult | GfdError) -> None:
        self.publisher.observe(read)

    def advance(self, duration_s: float) -> None:
        """Let time pass; do what is due meanwhile."""
        end_s = self.now_s + duration_s
        while (due_in_s := self.publisher.due_in_s) is not None and self.now_s + due_in_s <= end_s:
            self.now_s += due_in_s
            self.publisher.run_due()
        self.now_s = end_s

    @property
    def condition(self) -> NodeCondition:
        assert self.node.condition is not None
        return self.node.condition

    @property
    def event_reasons(self) -> list[str]:
        return [each.reason for each in self.node.events]


@pytest.fixture(autouse=True)
def log() -> Any:
    with structlog.testing.capture_logs() as entries:
        yield entries


def test_nothing_is_written_before_the_first_read() -> None:
    world = World()
    world.advance(10_000)
    assert world.publisher.due_in_s is None
    assert world.node.writes == 0


def test_the_first_read_is_published_at_once() -> None:
    world = World()
    world.observe(GOOD)
    world.advance(0)
    assert world.condition == NodeCondition(
        is_true=True,
        reason="AllGPUsRead",
        message="8 GPUs can be read",
        heartbeat_at_s=6000.0,
        transition_at_s=6000.0,
    )
    assert world.node.events == []
    assert world.status.state.is_gpu_ready is True


def test_without_a_change_only_the_heartbeat_is_written() -> None:
    world = World()
    for _ in range(60):
        world.observe(GOOD)
        world.advance(60)
    assert 3600 / HEARTBEAT_S / 1.1 <= world.node.writes <= 1 + 3600 / HEARTBEAT_S / 0.9
    assert world.condition.transition_at_s == 6000.0
    assert world.condition.heartbeat_at_s > 6000 + 3600 - 1.2 * HEARTBEAT_S


def test_a_driver_that_goes_and_comes_is_published_with_events() -> None:
    world = World()
    world.observe(GOOD)
    world.advance(60)
    world.observe(LATE)
    world.advance(SETTLE_S - 1)
    assert world.condition.is_true
    world.advance(1)
    assert (world.condition.is_true, world.condition.reason) == (False, "DriverNotFound")
    assert world.condition.transition_at_s == 5000 + 1000 + 60 + SETTLE_S
    assert world.status.state.is_gpu_ready is False
    world.observe(GOOD)
    world.advance(SETTLE_S)
    assert world.condition.is_true
    assert world.event_reasons == ["DriverNotFound", "DriverFound"]


def test_another_reason_with_the_same_status_is_no_transition() -> None:
    world = World()
    world.observe(LATE)
    world.advance(0)
    world.observe(LOST)
    world.advance(SETTLE_S)
    assert (world.condition.reason, world.condition.transition_at_s) == ("LabelsStale", 6000.0)
    assert world.event_reasons == ["DriverNotFound", "LabelsStale"]


def test_other_words_are_written_at_most_once_a_minute() -> None:
    world = World()
    world.observe(GOOD)
    world.advance(1)
    for gpus in (7, 6, 5):
        world.observe(GOOD._replace(gpus=gpus))
        world.advance(1)
    assert world.node.writes == 1
    world.advance(MESSAGE_S)
    assert (world.node.writes, world.condition.message) == (2, "5 GPUs can be read")


def test_a_restart_continues_the_condition() -> None:
    earlier = World()
    earlier.observe(LATE)
    earlier.advance(0)
    world = World(earlier.node)
    world.now_s += 100
    world.observe(LATE)
    world.advance(0)
    assert world.node.writes == 2
    assert (world.condition.transition_at_s, world.condition.heartbeat_at_s) == (6000.0, 6100.0)
    assert world.event_reasons == ["DriverNotFound"]
    world.observe(GOOD)
    world.advance(SETTLE_S)
    assert world.event_reasons == ["DriverNotFound", "DriverFound"]


def test_a_restart_during_a_short_failure_changes_nothing() -> None:
    earlier = World()
    earlier.observe(GOOD)
    earlier.advance(0)
    world = World(earlier.node)
    world.observe(LOST)
    world.advance(SETTLE_S - 1)
    world.observe(GOOD)
    world.advance(60)
    assert world.condition.is_true
    assert world.node.events == []


def test_a_node_without_gpu_and_driver_gets_no_condition() -> None:
    world = World()
    world.observe(BARE)
    world.advance(10_000)
    assert (world.node.condition, world.node.writes, world.node.events) == (None, 0, [])
    world.observe(LATE)
    world.advance(SETTLE_S)
    assert world.condition.reason == "DriverNotFound"


def test_gpus_that_are_gone_make_the_condition_false() -> None:
    world = World()
    world.observe(GOOD)
    world.advance(0)
    world.observe(BARE)
    world.advance(SETTLE_S)
    assert (world.condition.is_true, world.condition.reason) == (False, "NoGPU")


def test_errors_of_the_server_are_reported_and_the_write_repeated(log: list[dict[str, Any]]) -> None:
    world = World()
    world.node.error = REFUSED
    world.observe(LATE)
    world.advance(300)
    assert world.node.writes == 0
    # The delays grow, up to two minutes.
    assert 5 < world.status.state.node_condition_errors < 12
    world.node.error = None
    world.advance(120)
    assert world.condition.reason == "DriverNotFound"
    assert world.event_reasons == ["DriverNotFound"]
    logged = [each["event"] for each in log if each["log_level"] != "debug"]
    assert logged == ["condition.failed", "condition.changed", "condition.recovered"]


def test_events_that_fail_or_are_too_many_do_not_stop_the_condition(log: list[dict[str, Any]]) -> None:
    world = World()
    world.node.event_error = REFUSED
    world.observe(LATE)
    world.advance(0)
    assert world.condition.reason == "DriverNotFound"
    world.node.event_error, world.node.is_full = None, True
    world.observe(GOOD)
    world.advance(SETTLE_S)
    assert world.condition.is_true
    assert world.node.events == []
    assert [each["event"] for each in log if each["event"].startswith("event.")] == [
        "event.failed",
        "event.dropped",
        "event.recovered",
    ]


def test_the_condition_is_withdrawn_even_after_errors() -> None:
    world = World()
    world.observe(GOOD)
    world.advance(0)
    world.node.error = REFUSED
    world.publisher.withdraw()
    world.publisher.run_due()
    assert world.node.condition is not None
    world.node.error = None
    world.now_s += 200
    world.publisher.run_due()
    assert vars(world.node)["condition"] is None
    assert world.status.state.is_gpu_ready is None


def test_the_thread_publishes_and_ends() -> None:
    node = FakeNode()
    log = structlog.get_logger()
    publisher = ConditionPublisher(
        cast(NodeConditionClient, node),
        cast(NodeEventRecorder, node),
        status=Status(),
        conditions=Conditions(log),
        log=log,
    )
    applied, withdrawn = threading.Event(), threading.Event()

    def apply(condition: NodeCondition) -> str:
        applied.set()
        return "uid"

    def withdraw() -> bool:
        withdrawn.set()
        return True

    node.apply, node.withdraw = apply, withdraw  # type: ignore[method-assign]
    publisher.start()
    publisher.observe(GOOD)
    assert applied.wait(10)
    publisher.withdraw()
    assert withdrawn.wait(10)
    for thread in threading.enumerate():
        if thread.name == "node-condition":
            thread.join(10)
            assert not thread.is_alive()
