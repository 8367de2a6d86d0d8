"""The service: a cycle at once, then each interval and whenever something changes, until a signal.

All work happens in the scheduler's one worker thread, so cycles and reloads never overlap. The main thread
only waits on a queue and looks whether something changed; signal handlers do nothing but put into the
queue, which is all that is safe there.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from gfd.agent.watcher import Change
from gfd.publishing.drift import Drift
from gfd.worker.fork_server import MARGIN_S
from gfd.worker.signals import ENDING, RELOADING

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from gfd.agent.cycle import Agent
    from gfd.agent.status import Status
    from gfd.agent.systemd import Notifier
    from gfd.agent.watcher import Watch

GRACE_S = 0.5
"""How long a cycle may take to end after a signal."""

PUBLISH_S = 60.0
"""What a job may take beyond reading the hardware before the service counts as hung."""

CLOCK_STEP_S = 5.0


class Service:
    """Runs cycles until one of the signals that end it; another loads the configuration again."""

    def __init__(
        self,
        agent: Agent,
        watch: Watch,
        *,
        status: Status,
        notifier: Notifier,
        log: FilteringBoundLogger,
    ) -> None:
        self._agent = agent
        self._watch = watch
        self._status = status
        self._notifier = notifier
        self._log = log
        self._events: SimpleQueue[signal.Signals | BaseException | Drift | Change] = SimpleQueue()
        self._drifts: list[Drift] = []
        """What somebody else changed, and nobody has seen to yet."""
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._waiting: set[Callable[[], None]] = set()
        self._is_busy = False
        self._is_wake_set = False
        self._clock_offset_s = _clock_offset_s()

    def run(self) -> None:
        """Serve until a signal. Raises GfdError where the first cycle cannot succeed."""
        for number in (*ENDING, RELOADING):
            signal.signal(number, lambda received, _frame: self._events.put(signal.Signals(received)))
        self._agent.follow(self._events.put)
        self._scheduler.start()
        self._schedule()
        try:
            ended_by = self._loop()
        finally:
            self._notifier.stopping()
            self._scheduler.shutdown(wait=False)
            is_idle = self._is_idle_soon()
            self._agent.close()
        self._log.info("service.stopped", signal=ended_by.name, is_idle=is_idle)

    def _loop(self) -> signal.Signals:
        """Return the signal that ends the service; raise what a job raised."""
        pulse_s = self._notifier.watchdog_interval_s
        pulse_due_s = 0.0
        while True:
            try:
                event = self._events.get(timeout=min(self._watch.wait_s, pulse_s or self._watch.wait_s))
            except Empty:
                event = None
            self._status.record_loop()
            if isinstance(event, signal.Signals) and event != RELOADING:
                return event
            self._take(event)
            now_s = time.monotonic()
            if pulse_s and now_s >= pulse_due_s and self._status.check_health()[0]:
                self._notifier.watchdog()
                pulse_due_s = now_s + pulse_s
            if abs(_clock_offset_s() - self._clock_offset_s) > CLOCK_STEP_S:
                # The scheduler lives by the wall clock, and would wait for it.
                self._clock_offset_s = _clock_offset_s()
                self._schedule()
            due = self._watch.poll(now_s)
            if Change.CONFIGURATION in due:
                self._do(self._reload_if_changed)
            if Change.FILE in due:
                self._do(self._inspect)
            if Change.HARDWARE in due:
                self._do(self._cycle_now)

    def configuration_changed(self) -> None:
        """Load the configuration again, soon; from any thread."""
        self._events.put(Change.CONFIGURATION)

    def _take(self, event: signal.Signals | BaseException | Drift | Change | None) -> None:
        """See to what came in, unless it ends the service."""
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, Drift):
            self._drifts.append(event)
            self._do(self._repair)
        elif event == RELOADING:
            self._do(self._reload)
        elif event is Change.CONFIGURATION:
            self._do(self._reload_if_changed)

    def _schedule(self) -> None:
        """Let cycles begin now, and come back at the interval that is in force."""
        with suppress(JobLookupError):
            self._scheduler.remove_job("cycle")
        interval_s = self._agent.setup.config.sleep_interval_s
        every: dict[str, Any] = (
            {"trigger": "date", "run_date": datetime.now(UTC)}
            if interval_s is None
            else {"trigger": "interval", "seconds": interval_s, "next_run_time": datetime.now(UTC)}
        )
        self._scheduler.add_job(self._guard, args=[self._cycle], id="cycle", **every)

    def _do(self, work: Callable[[], None]) -> None:
        """Let the worker do ``work`` as soon as it can; once, if it waits for that already."""
        if work not in self._waiting:
            self._waiting.add(work)
            self._scheduler.add_job(self._guard, args=[work])

    def _guard(self, work: Callable[[], None]) -> None:
        """Run ``work`` in the worker thread; what it raises ends the service instead of only the job."""
        self._waiting.discard(work)
        self._is_busy = True
        self._status.start_job(self._agent.setup.config.probe_timeout_s + MARGIN_S + PUBLISH_S)
        try:
            work()
            self._wake_when_due()
        except BaseException as error:  # the scheduler would swallow it
            self._events.put(error)
        finally:
            self._status.end_job()
            self._is_busy = False

    def _cycle(self) -> None:
        # Whoever changes the hardware is not done yet; the watch tells when.
        if self._watch.is_settled:
            self._cycle_now()

    def _cycle_now(self) -> None:
        self._agent.cycle()
        self._notifier.ready(self._status.check_readiness()[1])

    def _inspect(self) -> None:
        self._agent.setup.publisher.inspect()

    def _repair(self) -> None:
        while self._drifts:
            self._agent.repair(self._drifts.pop(0))

    def _reload(self) -> None:
        self._load(is_asked_for=True)

    def _reload_if_changed(self) -> None:
        self._load(is_asked_for=False)

    def _load(self, *, is_asked_for: bool) -> None:
        self._notifier.reloading()
        if self._agent.reload(is_asked_for=is_asked_for):
            self._schedule()
        self._notifier.ready(self._status.check_readiness()[1])

    def _wake_when_due(self) -> None:
        wait_s = self._agent.wake_in_s
        if wait_s is None:
            if self._is_wake_set:
                with suppress(JobLookupError):
                    self._scheduler.remove_job("wake")
                self._is_wake_set = False
            return
        self._is_wake_set = True
        when = datetime.now(UTC) + timedelta(seconds=wait_s)
        self._scheduler.add_job(
            self._guard, "date", run_date=when, args=[self._agent.wake], id="wake", replace_existing=True
        )

    def _is_idle_soon(self) -> bool:
        deadline_s = time.monotonic() + GRACE_S
        while self._is_busy and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return not self._is_busy


def _clock_offset_s() -> float:
    return time.time() - time.monotonic()
