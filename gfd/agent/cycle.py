"""Read the hardware and publish its labels; keep the published labels while the hardware cannot be read.

All methods run in the service's one worker thread.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.agent.watch_sources import watch_configuration, watch_feature_file, watch_hardware
from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.kube.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.agent.active_config import ActiveConfig
    from gfd.agent.reporter import Reporter
    from gfd.agent.watcher import Watcher
    from gfd.publishing.drift import Drift
    from gfd.publishing.publisher import PublishResult
    from gfd.worker.fork_server import ForkServer
    from gfd.worker.result import CycleResult

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 10.0
"""The watcher notices a driver that loads late; the retries help if there is nothing to watch."""
CONFIRM_S = 5.0
"""When to read again after a change of the Node condition was seen: one bad read must not change it."""


class Labeler:
    """Keeps the labels of this node up to date."""

    def __init__(
        self,
        load: Callable[[], ActiveConfig],
        server: ForkServer,
        *,
        watcher: Watcher,
        reporter: Reporter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``load`` reads configuration and templates. Raises GfdError if they cannot be used."""
        self._load = load
        self._server = server
        self._watcher = watcher
        self._reporter = reporter
        self._clock = clock
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._read_due_s: float | None = None
        """When to read again after a failure."""
        self._stale_since_s: float | None = None
        """When the first of the latest failures was."""
        self._is_withdrawn = False
        self._has_started = False
        """Whether a cycle has succeeded."""
        self._had_driver = False
        self._is_published_without_driver = False
        """Whether the published labels are those of a node without a driver."""
        self._on_drift: Callable[[Drift], None] | None = None
        self.active = load()
        reporter.set_served_addr(self.active.config.metrics_addr)
        reporter.report_config(self.active)

    def run_cycle(self) -> None:
        """Read and publish. Raises GfdError if that fails in a way that prevents the start of the service."""
        started_s = self._clock()
        self._read_due_s = None
        self._watcher.begin_read(started_s)
        result: CycleResult | GfdError
        try:
            result = self._read()
        except GfdError as error:
            result = error
        took_s = self._clock() - started_s
        # Perhaps the read failed because the hardware changed. Then the watcher makes another cycle due.
        if not self._watcher.end_read(self._clock()):
            self._reporter.report_discarded_read()
        elif isinstance(result, GfdError):
            self._keep_labels(result, took_s)
        else:
            self._publish(result, started_s, took_s)

    def run_due(self) -> None:
        """Do what is due between two cycles: withdraw the labels, read again, publish again."""
        now_s = self._clock()
        withdrawal_s = self._withdrawal_due_s
        if withdrawal_s is not None and withdrawal_s <= now_s:
            self._withdraw()
        if self._read_due_s is not None and self._read_due_s <= now_s:
            self.run_cycle()
        publisher = self.active.publisher
        retried = publisher.retry()
        self._report_sinks(retried)
        self._reporter.report_conflicts(publisher)
        if retried.succeeded and publisher.retry_in_s is None and not self._is_withdrawn:
            self._reporter.report_retry_success()

    @property
    def due_in_s(self) -> float | None:
        """Seconds until :meth:`run_due` has something to do; None if nothing is due."""
        now_s = self._clock()
        waits = [due - now_s for due in (self._read_due_s, self._withdrawal_due_s) if due is not None]
        publisher = self.active.publisher
        waits += [
            wait_s for wait_s in (publisher.retry_in_s, publisher.rival_gone_in_s) if wait_s is not None
        ]
        return max(0.0, min(waits)) if waits else None

    def watch_sinks(self, on_drift: Callable[[Drift], None]) -> None:
        """Call ``on_drift``, from any thread, when somebody else changes published labels."""
        self._on_drift = on_drift
        self.active.publisher.watch(on_drift)

    def inspect_sinks(self) -> None:
        """Check the sinks that have no watch for changes by others."""
        self.active.publisher.inspect()

    def repair(self, drift: Drift) -> None:
        """Schedule a repair for the sink that somebody changed; :meth:`run_due` publishes to it again."""
        publisher = self.active.publisher
        self._reporter.report_drift(drift, publisher)
        publisher.repair(drift)
        self._reporter.report_conflicts(publisher)

    def reload(self, *, is_requested: bool) -> bool:
        """Load the configuration again, completely or not at all; return whether it is now in force.

        If it is the same as before, do nothing unless ``is_requested``.
        """
        before = self.active
        try:
            active = self._load()
            if not is_requested and before.is_same(active.request):
                self.active = replace(before, warnings=active.warnings)
                self._reporter.report_config(self.active)
                return False
            self._server.check(active.request)
        except GfdError as error:
            self._reporter.report_config_error(error)
            return False
        before.publisher.close()
        self.active = active
        if self._on_drift is not None:
            active.publisher.watch(self._on_drift)
        config = active.config
        self._watcher.replace_sources(
            watch_hardware(config, os.environ), watch_configuration(config), watch_feature_file(config)
        )
        self._reporter.report_config(active)
        self._reporter.report_reload()
        return True

    def close(self) -> None:
        """Kill the fork server, and with it a read in progress."""
        self._server.close()

    def _read(self) -> CycleResult:
        """Return the labels. Raises GfdError; DriverUnavailable if the driver was there before."""
        failures = self._server.failures
        try:
            result = self._server.label(self.active.request)
        finally:
            self._reporter.report_server(self._server, self._server.failures - failures)
        if result.missing_driver is None:
            self._had_driver, self._is_published_without_driver = True, False
            self._reporter.report_missing_driver(None)
            return result
        # With a GPU but no driver yet, labels of an earlier run are old, but none is wrong.
        is_driver_late = (
            result.has_hardware and not self._is_published_without_driver and self.active.publisher.has_labels
        )
        if self._had_driver or is_driver_late:
            raise DriverUnavailable(result.missing_driver)
        self._is_published_without_driver = True
        self._reporter.report_missing_driver(result.missing_driver)
        self._read_due_s = self._clock() + self._backoff.next_delay_s()
        return result

    def _publish(self, result: CycleResult, started_s: float, read_s: float) -> None:
        if result.missing_driver is None:
            self._backoff.reset()
        self._stale_since_s = None
        published = self.active.publisher.publish(result.labels)
        self._is_withdrawn = False
        if self._reporter.report_read(result) and self._read_due_s is None:
            self._read_due_s = self._clock() + CONFIRM_S
        self._report_sinks(published)
        self._reporter.report_cycle(
            result,
            published,
            read_s=read_s,
            took_s=self._clock() - started_s,
            interval_s=self.active.config.sleep_interval_s,
        )
        self._has_started = True

    def _keep_labels(self, error: GfdError, took_s: float) -> None:
        """Keep the published labels, which are now stale. Raises ``error`` if the service cannot start."""
        may_wait = isinstance(error, ProbeError) and not self.active.config.fail_on_init_error
        if not self._has_started and not may_wait:
            raise error
        now_s = self._clock()
        self._stale_since_s = now_s if self._stale_since_s is None else self._stale_since_s
        self._read_due_s = now_s + self._backoff.next_delay_s()
        self._reporter.report_read_failure(error, took_s)

    def _report_sinks(self, published: PublishResult) -> None:
        """Report which sinks have the labels. Raises PublishError if the service cannot start."""
        for error in published.errors:
            if not self._has_started and not error.retryable:
                raise error
        self._reporter.report_sinks(published)

    @property
    def _withdrawal_due_s(self) -> float | None:
        after_s = self.active.config.stale_after_s
        if after_s is None or self._stale_since_s is None or self._is_withdrawn:
            return None
        return self._stale_since_s + after_s

    def _withdraw(self) -> None:
        self._is_withdrawn = True
        self._report_sinks(self.active.publisher.publish(None))
        self._reporter.report_withdrawal(self.active.config.stale_after_s or 0.0)
