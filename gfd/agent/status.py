"""Record what happens in the service, for its metrics and its health.

The service's threads write under one lock. Readers take :attr:`Status.state`, a frozen value that is
replaced as a whole, so that a scrape never sees half of a change.
"""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from gfd.agent.health import Health, check_health, check_readiness
from gfd.agent.state import Result, ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_REASON = 500
"""The maximum number of characters of a reason; the rest is cut off."""


class Status:
    """The state of the service. Safe to use from several threads."""

    def __init__(
        self,
        *,
        loop_limit_s: float = 30.0,
        monotonic_s: Callable[[], float] = time.monotonic,
        epoch_s: Callable[[], float] = time.time,
    ) -> None:
        """``loop_limit_s`` is how long the main loop may take before the service counts as hung."""
        self._loop_limit_s = loop_limit_s
        self._monotonic_s = monotonic_s
        self._epoch_s = epoch_s
        self._lock = Lock()
        self._state = ServiceState(looped_s=monotonic_s())

    @property
    def state(self) -> ServiceState:
        """The current state."""
        return self._state

    def expect_sinks(self, sinks: Iterable[str], error_kinds: Iterable[str] = ()) -> None:
        """Start the counters of these sinks, and of each kind of error there, at 0."""
        with self._lock:
            known, kinds = self._state, tuple(error_kinds)
            changes = dict.fromkeys(sinks, 0)
            errors = {(sink, kind): 0 for sink in changes for kind in kinds}
            self._set(
                good_sinks=known.good_sinks & set(changes),
                published_changes=changes | dict(known.published_changes),
                sink_errors=errors | dict(known.sink_errors),
            )

    def record_loop(self) -> None:
        """Record that the main loop runs."""
        with self._lock:
            self._set(looped_s=self._monotonic_s())

    def start_job(self, limit_s: float) -> None:
        """Record that the worker thread has begun a job that may take ``limit_s``."""
        with self._lock:
            self._set(job_deadline_s=self._monotonic_s() + limit_s)

    def end_job(self) -> None:
        """Record that the job has ended, with or without success."""
        with self._lock:
            self._set(job_deadline_s=None)

    def record_read(
        self, *, gpus_ok: int, gpus_failed: int, mig_devices: Mapping[str, int], labels: int
    ) -> None:
        """Record a successful read; ``mig_devices`` are counts by profile, ``labels`` is a count."""
        with self._lock:
            self._set(
                gpus={"ok": gpus_ok, "failed": gpus_failed},
                mig_devices=dict(mig_devices),
                labels=labels,
                stale_since_s=None,
            )

    def record_read_failure(self, reason: str) -> None:
        """Record that the hardware could not be read; the labels are stale since the first such failure."""
        with self._lock:
            since_s = self._state.stale_since_s or self._epoch_s()
            self._set(stale_since_s=since_s, problem=_shorten(reason))

    def record_change(self, sink: str) -> None:
        """Record that something changed in ``sink``."""
        with self._lock:
            counts = self._state.published_changes
            self._set(published_changes={**counts, sink: counts.get(sink, 0) + 1})

    def record_sink_success(self, sink: str) -> None:
        """Record that ``sink`` has the labels, whether or not anything changed there."""
        with self._lock:
            self._set(good_sinks=self._state.good_sinks | {sink})

    def record_sink_failure(self, sink: str, kind: str, reason: str) -> None:
        """Record that publishing to ``sink`` failed; ``kind`` is the word by which errors are counted."""
        with self._lock:
            counts, key = self._state.sink_errors, (sink, kind)
            self._set(
                good_sinks=self._state.good_sinks - {sink},
                sink_errors={**counts, key: counts.get(key, 0) + 1},
                problem=_shorten(reason),
            )

    def record_cycle(self, result: Result, *, duration_s: float, read_s: float | None = None) -> None:
        """Record the end of a cycle; the result ``failed`` means that a sink does not have the labels.

        ``read_s`` is how long the read took, None if there was none.
        """
        with self._lock:
            known = self._state
            self._set(
                cycles={**known.cycles, result: known.cycles[result] + 1},
                cycles_took_s=known.cycles_took_s + duration_s,
                reads=known.reads + (read_s is not None),
                reads_took_s=known.reads_took_s + (read_s or 0.0),
                problem=known.problem if result == "failed" else "",
            )
            if result != "failed":
                self._set(succeeded_at_s=self._epoch_s(), withdrawn_at_s=None)

    def record_retry_success(self) -> None:
        """Record that every sink has the labels now, after retries without a cycle."""
        with self._lock:
            self._set(succeeded_at_s=self._epoch_s(), problem="")

    def record_withdrawal(self) -> None:
        """Record that the labels were removed because they had been stale for too long."""
        with self._lock:
            self._set(withdrawn_at_s=self._epoch_s(), labels=0, good_sinks=frozenset())

    def set_conflicts(self, reasons: Mapping[str, str]) -> None:
        """Replace the conflicts with other writers: a sentence for each sink that has one."""
        with self._lock:
            self._set(conflicts={sink: _shorten(reason) for sink, reason in reasons.items()})

    def record_node_condition(self, is_true: bool | None) -> None:
        """Record that the Node condition has this status; with None, that it was removed."""
        with self._lock:
            self._set(is_gpu_ready=is_true)

    def record_node_condition_error(self) -> None:
        """Record that the Node condition could not be written."""
        with self._lock:
            self._set(node_condition_errors=self._state.node_condition_errors + 1)

    def record_reader_restart(self) -> None:
        """Record that the fork server was replaced."""
        with self._lock:
            self._set(reader_restarts=self._state.reader_restarts + 1)

    def set_stuck_readers(self, count: int) -> None:
        """Set the number of killed processes that have not ended."""
        with self._lock:
            self._set(stuck_readers=count)

    def record_config(self, warnings: Iterable[str]) -> None:
        """Record that the configuration on disk is in force, with ``warnings``."""
        with self._lock:
            self._set(config_error="", config_warnings=tuple(map(_shorten, warnings)))

    def record_config_error(self, reason: str) -> None:
        """Record that the configuration on disk cannot be used; the one loaded before stays in force."""
        with self._lock:
            self._set(config_error=_shorten(reason))

    def record_watch_failure(self, watched: str, reason: str) -> None:
        """Record that the watch on ``watched`` does not work."""
        with self._lock:
            self._set(failed_watches={**self._state.failed_watches, watched: _shorten(reason)})

    def record_watch_recovery(self, watched: str) -> None:
        """Record that the watch on ``watched`` works, or has ended."""
        with self._lock:
            known = self._state.failed_watches
            self._set(failed_watches={each: known[each] for each in known if each != watched})

    def check_health(self) -> Health:
        """Return whether the service still runs; if not, only a restart helps."""
        return check_health(self._state, self._monotonic_s(), self._loop_limit_s)

    def check_readiness(self) -> Health:
        """Return whether the labels of this node are correct."""
        return check_readiness(self._state)

    def _set(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)


def _shorten(text: str) -> str:
    """Return ``text`` on one line, cut to MAX_REASON characters."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"
