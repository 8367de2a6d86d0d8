"""The service: a cycle now, at each interval and whenever something changes, until a signal.

All work happens in the worker thread of the schedule, so cycles and reloads never overlap. The main thread
waits for events and looks for changes. A signal handler only puts an event into the main thread's queue:
nothing else is safe there.
"""

from __future__ import annotations

import signal
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from gfd.agent.schedule import Schedule
from gfd.agent.watcher import Task
from gfd.publishing.drift import Drift
from gfd.worker.fork_server import MARGIN_S
from gfd.worker.signals import END_SIGNALS, RELOAD_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from gfd.agent.cycle import Labeler
    from gfd.agent.status import Status
    from gfd.agent.systemd import Notifier
    from gfd.agent.watcher import Watcher

PUBLISH_S = 60.0
"""How long a job may take, besides reading the hardware, before the service counts as hung."""


class Service:
    """Runs cycles until a signal ends it; SIGHUP loads the configuration again."""

    def __init__(
        self,
        labeler: Labeler,
        watcher: Watcher,
        *,
        status: Status,
        notifier: Notifier,
        log: FilteringBoundLogger,
    ) -> None:
        self._labeler = labeler
        self._watcher = watcher
        self._status = status
        self._notifier = notifier
        self._log = log
        self._events: SimpleQueue[signal.Signals | BaseException | Drift | Task] = SimpleQueue()
        self._drifts: list[Drift] = []
        """Changes by others that have not been repaired yet."""
        self._schedule = Schedule(self._run_job)
        self._watchdog_due_s = 0.0

    def handle_signals(self) -> None:
        """From now on, keep signals for :meth:`run`."""
        for number in (*END_SIGNALS, RELOAD_SIGNAL):
            signal.signal(number, lambda received, _frame: self._events.put(signal.Signals(received)))

    def run(self) -> None:
        """Serve until a signal. Raises GfdError if the first cycle cannot succeed."""
        self._labeler.watch_sinks(self._events.put)
        self._schedule.start()
        self._start_interval()
        try:
            ended_by = self._loop()
        finally:
            self._notifier.stopping()
            is_idle = self._schedule.stop()
            self._labeler.close()
        self._log.info("service.stopped", signal=ended_by.name, is_idle=is_idle)

    def reload_soon(self) -> None:
        """Load the configuration again if it has changed; call it from any thread."""
        self._events.put(Task.RELOAD)

    def _loop(self) -> signal.Signals:
        """Handle events until a signal ends the service; return the signal. Raises the error of a job."""
        watchdog_s = self._notifier.watchdog_interval_s
        while True:
            try:
                event = self._events.get(
                    timeout=min(self._watcher.wait_s, watchdog_s or self._watcher.wait_s)
                )
            except Empty:
                event = None
            self._status.record_loop()
            if isinstance(event, signal.Signals) and event != RELOAD_SIGNAL:
                return event
            self._handle(event)
            if watchdog_s:
                self._feed_watchdog(watchdog_s)
            if self._schedule.has_clock_jumped():
                self._start_interval()
            self._start(self._watcher.poll(time.monotonic()))

    def _handle(self, event: signal.Signals | BaseException | Drift | Task | None) -> None:
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, Drift):
            self._drifts.append(event)
            self._schedule.run_soon(self._repair)
        elif event == RELOAD_SIGNAL:
            self._schedule.run_soon(self._reload)
        elif isinstance(event, Task):
            self._start(event)

    def _start(self, due: Task) -> None:
        if Task.RELOAD in due:
            self._schedule.run_soon(self._reload_if_changed)
        if Task.INSPECT in due:
            self._schedule.run_soon(self._inspect)
        if Task.CYCLE in due:
            self._schedule.run_soon(self._cycle)

    def _feed_watchdog(self, interval_s: float) -> None:
        now_s = time.monotonic()
        if now_s >= self._watchdog_due_s and self._status.check_health().is_ok:
            self._notifier.watchdog()
            self._watchdog_due_s = now_s + interval_s

    def _start_interval(self) -> None:
        self._schedule.run_at_interval(
            self._cycle_unless_changing, self._labeler.active.config.sleep_interval_s
        )

    def _run_job(self, job: Callable[[], None]) -> None:
        """Run ``job`` in the worker thread; an error ends the service, not only the job."""
        self._status.start_job(self._labeler.active.config.probe_timeout_s + MARGIN_S + PUBLISH_S)
        try:
            job()
            self._schedule.run_after(self._labeler.run_due, self._labeler.due_in_s)
        except BaseException as error:  # APScheduler would only log it
            self._events.put(error)
        finally:
            self._status.end_job()

    def _cycle_unless_changing(self) -> None:
        # While the hardware changes, wait: when it is stable, the watcher makes a cycle due.
        if self._watcher.is_stable:
            self._cycle()

    def _cycle(self) -> None:
        self._labeler.run_cycle()
        self._notify_ready()

    def _inspect(self) -> None:
        self._labeler.inspect_sinks()

    def _repair(self) -> None:
        while self._drifts:
            self._labeler.repair(self._drifts.pop(0))

    def _reload(self) -> None:
        self._load(is_requested=True)

    def _reload_if_changed(self) -> None:
        self._load(is_requested=False)

    def _load(self, *, is_requested: bool) -> None:
        self._notifier.reloading()
        if self._labeler.reload(is_requested=is_requested):
            self._start_interval()
        self._notify_ready()

    def _notify_ready(self) -> None:
        self._notifier.ready(self._status.check_readiness().text)
