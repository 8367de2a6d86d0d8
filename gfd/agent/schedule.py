"""Run the jobs of the service, one at a time, in a thread of their own."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    Job = Callable[[], None]

GRACE_S = 0.5
"""How long a job may take to end after :meth:`Schedule.stop`."""
CLOCK_STEP_S = 5.0
"""If the wall clock jumps by more than this, the interval starts again."""
_INTERVAL, _DELAY = "interval", "delay"


class Schedule:
    """Jobs at an interval, after a delay, and as soon as possible."""

    def __init__(self, run: Callable[[Job], None]) -> None:
        """``run`` is called with each job in the worker thread; it must not raise."""
        self._run = run
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._waiting: set[Job] = set()
        self._is_busy = False
        self._clock_offset_s = _measure_clock_offset_s()

    def start(self) -> None:
        """Start the worker thread."""
        self._scheduler.start()

    def stop(self) -> bool:
        """Start no more jobs; return whether the worker thread is idle, after GRACE_S at most."""
        self._scheduler.shutdown(wait=False)
        deadline_s = time.monotonic() + GRACE_S
        while self._is_busy and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return not self._is_busy

    def run_at_interval(self, job: Job, interval_s: float | None) -> None:
        """Run ``job`` now and at each interval, and no longer the job before it; None runs it only once."""
        self._cancel(_INTERVAL)
        now = datetime.now(UTC)
        when: dict[str, Any] = (
            {"trigger": "date", "run_date": now}
            if interval_s is None
            else {"trigger": "interval", "seconds": interval_s, "next_run_time": now}
        )
        self._scheduler.add_job(self._work, args=[job], id=_INTERVAL, **when)

    def run_soon(self, job: Job) -> None:
        """Run ``job`` as soon as the worker thread is free; do nothing if it already waits to run."""
        if job not in self._waiting:
            self._waiting.add(job)
            self._scheduler.add_job(self._work, args=[job])

    def run_after(self, job: Job, delay_s: float | None) -> None:
        """Run ``job`` after a delay, in place of the delayed job before it; None only cancels that one."""
        self._cancel(_DELAY)
        if delay_s is not None:
            when = datetime.now(UTC) + timedelta(seconds=delay_s)
            self._scheduler.add_job(self._work, "date", run_date=when, args=[job], id=_DELAY)

    def has_clock_jumped(self) -> bool:
        """Return whether the wall clock has jumped since the last call; the interval depends on it."""
        offset_s = _measure_clock_offset_s()
        has_jumped = abs(offset_s - self._clock_offset_s) > CLOCK_STEP_S
        if has_jumped:
            self._clock_offset_s = offset_s
        return has_jumped

    def _cancel(self, job_id: str) -> None:
        with suppress(JobLookupError):
            self._scheduler.remove_job(job_id)

    def _work(self, job: Job) -> None:
        self._waiting.discard(job)
        self._is_busy = True
        try:
            self._run(job)
        finally:
            self._is_busy = False


def _measure_clock_offset_s() -> float:
    return time.time() - time.monotonic()
