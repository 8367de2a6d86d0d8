"""The service: a cycle at once and then each interval, until a signal.

All work happens in the scheduler's one worker thread, so cycles and reloads never overlap. The main
thread only waits on a queue; signal handlers do nothing but put into it, which is all that is safe there.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from gfd.errors import GfdError

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from gfd.cycle import Cycle, Outcome

GRACE_S = 0.5
"""How long a cycle may take to end after a signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a configuration made: the cycle to run, and how often."""

    cycle: Cycle
    interval_s: float | None
    """None: once, and again only on reload."""


class Service:
    """Runs cycles until SIGTERM, SIGINT or SIGQUIT; SIGHUP loads the configuration again."""

    def __init__(self, load: Callable[[], Setup], log: FilteringBoundLogger) -> None:
        """``load`` reads configuration and templates; it raises GfdError where they cannot be used."""
        self._load = load
        self._log = log
        self._events: SimpleQueue[signal.Signals | GfdError | BaseException] = SimpleQueue()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._setup: Setup | None = None
        self._has_started = False
        self._told: set[str] = set()
        self._is_busy = False

    def run(self) -> bool:
        """Serve until a signal; return False if a cycle is still stuck then.

        Raises GfdError where the first cycle cannot succeed.
        """
        self._setup = self._load()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: self._events.put(signal.Signals(received)))
        self._scheduler.start()
        self._schedule()
        try:
            while True:
                event = self._events.get()
                if isinstance(event, BaseException):
                    raise event
                if event != signal.SIGHUP:
                    break
                self._scheduler.add_job(self._guard, args=[self._reload])
        finally:
            self._scheduler.shutdown(wait=False)
        is_idle = self._is_idle_soon()
        self._log.info("service.stopped", signal=event.name, is_idle=is_idle)
        return is_idle

    def _schedule(self) -> None:
        assert self._setup is not None
        with suppress(JobLookupError):
            self._scheduler.remove_job("cycle")
        every: dict[str, Any] = (
            {"trigger": "date", "run_date": datetime.now(UTC)}
            if self._setup.interval_s is None
            else {
                "trigger": "interval",
                "seconds": self._setup.interval_s,
                "next_run_time": datetime.now(UTC),
            }
        )
        self._scheduler.add_job(self._guard, args=[self._cycle], id="cycle", **every)

    def _guard(self, work: Callable[[], None]) -> None:
        """Run ``work`` in the worker thread; what it raises ends the service instead of only the job."""
        self._is_busy = True
        try:
            work()
        except BaseException as error:  # the scheduler would swallow it
            self._events.put(error)
        finally:
            self._is_busy = False

    def _cycle(self) -> None:
        assert self._setup is not None
        started_s = time.monotonic()
        try:
            outcome = self._setup.cycle.run()
        except GfdError as error:
            if not self._has_started:
                raise
            self._tell_once("cycle.failed", reason=str(error))
            return
        self._report(outcome, time.monotonic() - started_s)
        for refused in outcome.errors:
            if not self._has_started and not refused.retryable:
                raise refused
        self._has_started = True

    def _report(self, outcome: Outcome, duration_s: float) -> None:
        problems = set()
        for failed in outcome.inventory.failed_gpus:
            problems.add(
                self._tell_once("gpu.failed", gpu=failed.index, reason=str(failed.failure.as_error()))
            )
        for error in outcome.errors:
            problems.add(self._tell_once("publish.failed", sink=error.sink, reason=str(error)))
        self._told = problems
        say = self._log.info if outcome.changed else self._log.debug
        say(
            "cycle.published",
            gpus=len(outcome.inventory.gpus),
            mig_devices=sum(len(gpu.mig_devices or ()) for gpu in outcome.inventory.gpus),
            labels=len(outcome.labels),
            changed=list(outcome.changed),
            duration_ms=round(duration_s * 1000),
        )

    def _tell_once(self, event: str, **facts: Any) -> str:
        """Log a problem the first time it shows; return what identifies it."""
        problem = f"{event} {facts}"
        say = self._log.debug if problem in self._told else self._log.warning
        say(event, **facts)
        self._told.add(problem)
        return problem

    def _reload(self) -> None:
        try:
            setup = self._load()
        except GfdError as error:
            self._log.error("config.rejected", reason=str(error), kept="the configuration loaded before")
            return
        assert self._setup is not None
        self._setup.cycle.close()
        self._setup = setup
        self._log.info("config.reloaded")
        self._schedule()

    def _is_idle_soon(self) -> bool:
        deadline_s = time.monotonic() + GRACE_S
        while self._is_busy and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return not self._is_busy
