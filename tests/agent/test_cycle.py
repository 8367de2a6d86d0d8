"""What the labeler does with each read, without processes and without waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import structlog

from gfd.agent.active_config import ActiveConfig
from gfd.agent.conditions import Conditions
from gfd.agent.cycle import FIRST_RETRY_S, LONGEST_RETRY_S, Labeler
from gfd.agent.debouncer import QUIET_S
from gfd.agent.reporter import Reporter
from gfd.agent.status import Status
from gfd.agent.watcher import Watcher
from gfd.config.loader import load
from gfd.errors import ConfigError, GfdError, ProbeError, PublishError, TemplateError
from gfd.labels.syntax import Labels
from gfd.publishing.drift import Drift
from gfd.publishing.preview import PlannedChange
from gfd.publishing.publisher import Publisher
from gfd.worker.fork_server import ForkServer
from gfd.worker.request import Request
from gfd.worker.result import CycleResult

GOOD = CycleResult(labels={"nvidia.com/gpu.count": "8"}, gpus=8)
NO_DRIVER = CycleResult(labels={"nvidia.com/vgpu.present": "false"}, missing_driver="no library")
LOST = ProbeError("GPU is lost")


class FakeSink:
    """Keeps labels in memory."""

    name = "fake"
    target = "memory"

    def __init__(self) -> None:
        self.labels: Labels | None = None
        self.error: PublishError | None = None
        self.is_closed = False
        self.on_drift: Callable[[Drift], None] | None = None

    def publish(self, labels: Labels) -> bool:
        if self.error:
            raise self.error
        has_changed = self.labels != labels
        self.labels = labels
        return has_changed

    def withdraw(self) -> bool:
        had_labels, self.labels = self.labels is not None, None
        return had_labels

    def preview(self, labels: Labels) -> list[PlannedChange]:
        raise NotImplementedError

    def has_labels(self) -> bool:
        return self.labels is not None

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        self.on_drift = on_drift

    def inspect(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed = True


class FakeServer:
    """Answers what a test says."""

    def __init__(self) -> None:
        self.answer: CycleResult | GfdError = GOOD
        self.during_read: Callable[[], None] = lambda: None
        self.requests: list[Request] = []
        self.check_error: GfdError | None = None
        self.failures = 0
        self.stuck = 0

    def label(self, request: Request) -> CycleResult:
        self.requests.append(request)
        self.during_read()
        if isinstance(self.answer, GfdError):
            raise self.answer
        return self.answer

    def check(self, request: Request) -> None:
        if self.check_error:
            raise self.check_error

    def take_library_output(self) -> None:
        return None

    def close(self) -> None:
        raise NotImplementedError


@dataclass
class World:
    """A labeler among fakes, and a clock that a test moves."""

    options: dict[str, str] = field(default_factory=dict)
    now_s: float = 1000.0
    hardware: int = 0

    def __post_init__(self) -> None:
        self.options = {"proc_driver_dir": "", **self.options}
        self.server = FakeServer()
        self.sinks: list[FakeSink] = []
        self.load_error: GfdError | None = None
        self.status = Status()
        logger = structlog.get_logger()
        self.watcher = Watcher(lambda: {"gpu": self.hardware}, dict)
        self.labeler = Labeler(
            self.load,
            cast(ForkServer, self.server),
            watcher=self.watcher,
            reporter=Reporter(self.status, Conditions(logger), logger),
            clock=lambda: self.now_s,
        )

    def load(self) -> ActiveConfig:
        if self.load_error:
            raise self.load_error
        self.sinks.append(FakeSink())
        loaded = load(self.options, {})
        publisher = Publisher([self.sinks[-1]], clock=lambda: self.now_s)
        return ActiveConfig(
            request=Request(config=loaded.config, timestamp_s=int(self.now_s)), publisher=publisher
        )

    @property
    def sink(self) -> FakeSink:
        return self.sinks[-1]

    def published(self) -> Labels | None:
        return self.sink.labels

    def run_cycle(self, answer: CycleResult | GfdError = GOOD) -> None:
        self.server.answer = answer
        self.labeler.run_cycle()

    def wait(self) -> float:
        """Do what is due next; return after how many seconds that was."""
        wait_s = self.labeler.due_in_s
        assert wait_s is not None
        self.now_s += wait_s
        self.labeler.run_due()
        return wait_s


@pytest.fixture(autouse=True)
def log() -> Any:
    with structlog.testing.capture_logs() as entries:
        yield entries


def events(log: list[dict[str, Any]]) -> list[str]:
    return [entry["event"] for entry in log if entry["log_level"] != "debug"]


def test_labels_are_published_and_nothing_else_is_due() -> None:
    world = World()
    world.run_cycle()
    assert world.published() == GOOD.labels
    assert world.labeler.due_in_s is None
    assert world.status.check_readiness() == (True, "ok")


def test_a_first_read_that_fails_ends_the_service() -> None:
    with pytest.raises(ProbeError, match="GPU is lost"):
        World().run_cycle(LOST)


def test_a_first_read_that_fails_may_be_repeated(log: list[dict[str, Any]]) -> None:
    world = World({"fail_on_init_error": "false"})
    world.run_cycle(LOST)
    assert world.published() is None
    world.server.answer = GOOD
    assert FIRST_RETRY_S / 2 <= world.wait() <= FIRST_RETRY_S * 1.5
    assert world.published() == GOOD.labels
    assert events(log) == ["cycle.failed", "cycle.recovered", "cycle.published"]


def test_a_template_that_fails_at_the_start_always_ends_the_service() -> None:
    with pytest.raises(TemplateError):
        World({"fail_on_init_error": "false"}).run_cycle(TemplateError("mine.j2", 1, "no"))


def test_labels_stay_while_reads_fail_and_retries_come_less_often() -> None:
    world = World()
    world.run_cycle()
    world.run_cycle(LOST)
    waits = [world.wait() for _ in range(8)]
    assert world.published() == GOOD.labels
    assert waits[0] <= FIRST_RETRY_S * 1.5
    assert LONGEST_RETRY_S / 2 <= waits[-1] <= LONGEST_RETRY_S * 1.5
    assert world.status.check_readiness().text.endswith(": GPU is lost")
    world.run_cycle(GOOD)
    assert world.labeler.due_in_s is None
    assert world.status.check_readiness() == (True, "ok")


def test_labels_that_are_stale_for_too_long_are_withdrawn_once(log: list[dict[str, Any]]) -> None:
    world = World({"stale_after_s": "30s"})
    world.run_cycle()
    world.run_cycle(LOST)
    for _ in range(30):
        world.wait()
    assert world.published() is None
    assert events(log).count("labels.withdrawn") == 1
    assert world.status.check_readiness().text.startswith("the labels were withdrawn at ")
    world.run_cycle(GOOD)
    assert world.published() == GOOD.labels
    assert world.status.check_readiness() == (True, "ok")


def test_a_node_without_a_driver_is_labelled_so_and_read_again(log: list[dict[str, Any]]) -> None:
    world = World()
    world.run_cycle(NO_DRIVER)
    assert world.published() == NO_DRIVER.labels
    waits = [world.wait() for _ in range(8)]
    assert waits[0] <= FIRST_RETRY_S * 1.5
    assert waits[-1] >= LONGEST_RETRY_S / 2
    world.run_cycle(GOOD)
    assert world.published() == GOOD.labels
    assert world.labeler.due_in_s is None
    assert [event for event in events(log) if event.startswith("driver")] == [
        "driver.not_found",
        "driver.recovered",
    ]


def test_a_driver_that_goes_away_does_not_take_the_labels_along() -> None:
    world = World()
    world.run_cycle()
    world.run_cycle(NO_DRIVER)
    assert world.published() == GOOD.labels
    assert world.status.check_readiness().text.endswith(": no library")


@pytest.mark.parametrize("has_hardware", [True, False])
def test_labels_of_an_earlier_run_stay_only_where_there_is_a_gpu(has_hardware: bool) -> None:
    world = World({"fail_on_init_error": "false"})
    world.sink.labels = GOOD.labels
    world.run_cycle(NO_DRIVER._replace(has_hardware=has_hardware))
    assert world.published() == (GOOD.labels if has_hardware else NO_DRIVER.labels)


@pytest.mark.parametrize("answer", [GOOD, LOST])
def test_a_read_during_which_the_hardware_changes_is_discarded(answer: CycleResult | GfdError) -> None:
    world = World()

    def change() -> None:
        world.hardware += 1

    world.server.during_read = change
    world.run_cycle(answer)
    assert world.published() is None
    assert not world.watcher.is_stable
    assert world.watcher.poll(world.now_s + QUIET_S)


def test_restarts_and_stuck_processes_are_counted() -> None:
    world = World()

    def fail() -> None:
        world.server.failures += 2
        world.server.stuck = 1

    world.server.during_read = fail
    world.run_cycle()
    assert (world.status.state.reader_restarts, world.status.state.stuck_readers) == (2, 1)


def test_a_sink_that_fails_is_tried_again_without_a_read(log: list[dict[str, Any]]) -> None:
    world = World()
    world.run_cycle()
    world.sink.error = PublishError("fake", "memory", "full")
    world.run_cycle(GOOD._replace(labels={"nvidia.com/gpu.count": "7"}))
    assert world.status.check_readiness() == (False, "no sink has taken the labels: sink fake: memory: full")
    world.sink.error = None
    world.wait()
    assert world.published() == {"nvidia.com/gpu.count": "7"}
    assert len(world.server.requests) == 2
    assert world.status.check_readiness() == (True, "ok")
    assert events(log)[-2:] == ["publish.failed", "publish.recovered"]


@pytest.mark.parametrize("is_retryable", [True, False])
def test_a_sink_that_cannot_work_ends_the_service_at_the_start(is_retryable: bool) -> None:
    world = World()
    world.sink.error = PublishError("fake", "memory", "forbidden", retryable=is_retryable)
    if is_retryable:
        world.run_cycle()
        assert world.labeler.due_in_s is not None
    else:
        with pytest.raises(PublishError, match="forbidden"):
            world.run_cycle()


def test_what_somebody_else_changed_is_put_back_without_a_read(log: list[dict[str, Any]]) -> None:
    world = World()
    drifts: list[Drift] = []
    world.labeler.watch_sinks(drifts.append)
    world.run_cycle()
    assert world.sink.on_drift is not None
    world.sink.labels = {}
    world.sink.on_drift(Drift(sink="fake", what="labels", writer="kubectl"))
    world.labeler.repair(drifts[0])
    world.wait()
    assert world.published() == GOOD.labels
    assert len(world.server.requests) == 1
    assert [entry["writer"] for entry in log if entry["event"] == "drift.detected"] == ["kubectl"]


def test_a_configuration_that_is_the_same_is_loaded_only_on_request(log: list[dict[str, Any]]) -> None:
    world = World()
    assert not world.labeler.reload(is_requested=False)
    assert [sink.is_closed for sink in world.sinks] == [False, False]
    assert world.labeler.reload(is_requested=True)
    assert [sink.is_closed for sink in world.sinks] == [True, False, False]
    assert events(log) == ["config.reloaded"]


def test_a_new_configuration_is_used_by_the_next_cycle() -> None:
    world = World()
    drifts: list[Drift] = []
    world.labeler.watch_sinks(drifts.append)
    world.options["mig_strategy"] = "mixed"
    assert world.labeler.reload(is_requested=False)
    world.run_cycle()
    assert world.server.requests[-1].config.mig_strategy == "mixed"
    assert world.published() == GOOD.labels
    assert world.sink.on_drift == drifts.append


@pytest.mark.parametrize("fails_in", ["load", "check"])
def test_a_configuration_that_cannot_be_used_changes_nothing(fails_in: str) -> None:
    world = World()
    world.run_cycle()
    error = ConfigError("--mig-strategy", "config.yaml:1", "no")
    world.options["mig_strategy"] = "mixed"
    if fails_in == "load":
        world.load_error = error
    else:
        world.server.check_error = error
    assert not world.labeler.reload(is_requested=True)
    assert not world.sinks[0].is_closed
    assert world.labeler.active.config.mig_strategy == "none"
    assert world.status.state.config_error == str(error)
    assert world.status.check_readiness().is_ok
    world.load_error = world.server.check_error = None
    world.options["mig_strategy"] = "none"
    world.labeler.reload(is_requested=False)
    assert world.status.state.config_error == ""


def test_an_address_that_changes_is_a_warning() -> None:
    world = World()
    world.options["metrics_addr"] = "127.0.0.1:9400"
    assert world.labeler.reload(is_requested=False)
    assert world.status.state.config_warnings == (
        "--metrics-addr changes only when the service is restarted",
    )
