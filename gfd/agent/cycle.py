"""What the service does with what it reads: publishes it, or keeps what is published, and says which.

Everything here runs in the service's one worker thread.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gfd.agent.fingerprints import feature_file, readers
from gfd.agent.rivals import tell_drift, tell_rivals
from gfd.agent.warnings import tell_doubts
from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.kube.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from gfd.agent.conditions import Conditions
    from gfd.agent.status import Status
    from gfd.agent.watcher import Watch
    from gfd.config.model import Config
    from gfd.publishing.drift import Drift
    from gfd.publishing.publisher import Publisher, PublishResult
    from gfd.worker.fork_server import ForkServer
    from gfd.worker.request import Request
    from gfd.worker.result import CycleResult

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 10.0
"""A driver that comes late is found by the watch; this is for where there is nothing to watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a configuration made."""

    request: Request
    publisher: Publisher
    warnings: tuple[str, ...] = ()
    """About the configuration."""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.request.config


class Agent:
    """Keeps the labels of this node true."""

    def __init__(
        self,
        load: Callable[[], Setup],
        server: ForkServer,
        *,
        watch: Watch,
        status: Status,
        conditions: Conditions,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``load`` reads configuration and templates. Raises GfdError where they cannot be used."""
        self._load = load
        self._server = server
        self._watch = watch
        self._status = status
        self._conditions = conditions
        self._log = log
        self._clock = clock
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._read_due_s: float | None = None
        self._stale_since_s: float | None = None
        self._is_withdrawn = False
        self._has_started = False
        self._has_read = False
        """Whether there ever was a driver."""
        self._is_driverless = False
        """Whether what is published are the labels of a node without a driver."""
        self._drifted: Callable[[Drift], None] | None = None
        self.setup = load()
        self._metrics_addr = self.setup.config.metrics_addr
        """What is served, until the service ends."""
        self._expect()

    def cycle(self) -> None:
        """Read and publish. Raises GfdError where the service cannot start like this."""
        started_s = self._clock()
        self._read_due_s = None
        self._watch.begin_reading(started_s)
        read: CycleResult | GfdError
        try:
            read = self._read(self.setup.request)
        except GfdError as error:
            read = error
        # Also what fails may fail because the hardware changes; the watch asks for another cycle.
        if not self._watch.end_reading(self._clock()):
            self._log.debug("cycle.dropped", reason="the hardware changed while it was read")
        elif isinstance(read, GfdError):
            self._fail(read, self._clock() - started_s)
        else:
            self._keep(read, started_s)

    def wake(self) -> None:
        """Do what :attr:`wake_in_s` was for."""
        now_s = self._clock()
        withdraw_s = self._withdraw_due_s
        if withdraw_s is not None and withdraw_s <= now_s:
            self._withdraw()
        if self._read_due_s is not None and self._read_due_s <= now_s:
            self.cycle()
        retried = self.setup.publisher.retry()
        self._tell(retried)
        tell_rivals(self.setup.publisher, self._status, self._conditions)
        if retried.succeeded and self.setup.publisher.retry_in_s is None and not self._is_withdrawn:
            self._status.record_retry_success()

    @property
    def wake_in_s(self) -> float | None:
        """Seconds until something is due besides the cycle of each interval; None where nothing is."""
        now_s = self._clock()
        waits = [due - now_s for due in (self._read_due_s, self._withdraw_due_s) if due is not None]
        publisher = self.setup.publisher
        waits += [
            wait_s for wait_s in (publisher.retry_in_s, publisher.rival_gone_in_s) if wait_s is not None
        ]
        return max(0.0, min(waits)) if waits else None

    def follow(self, drifted: Callable[[Drift], None]) -> None:
        """Let ``drifted`` be called, in any thread, with what somebody else changed in a sink."""
        self._drifted = drifted
        self.setup.publisher.watch(drifted)

    def repair(self, drift: Drift) -> None:
        """Let :meth:`wake` publish again, soon, where somebody else changed something."""
        tell_drift(drift, self.setup.publisher, self._log)
        self.setup.publisher.repair(drift)
        tell_rivals(self.setup.publisher, self._status, self._conditions)

    def reload(self, *, is_asked_for: bool) -> bool:
        """Put the configuration in force that there is now, all of it or nothing; return whether it was.

        Unless it ``is_asked_for``, one that says the same as before is left alone.
        """
        before = self.setup
        try:
            setup = self._load()
            request = setup.request
            same_time = request._replace(timestamp_s=before.request.timestamp_s)
            if not is_asked_for and same_time == before.request:
                self.setup = replace(before, warnings=setup.warnings)
                self._expect()
                return False
            self._server.check(request)
        except GfdError as error:
            self._status.record_config_error(str(error))
            self._conditions.report(
                "config", "config.rejected", reason=str(error), kept="the configuration loaded before"
            )
            return False
        before.publisher.close()
        self.setup = setup
        if self._drifted is not None:
            setup.publisher.watch(self._drifted)
        self._watch.follow(*readers(setup.config, os.environ), feature_file(setup.config))
        self._expect()
        self._log.info("config.reloaded")
        return True

    def close(self) -> None:
        """End the fork server, and with it a read that is going on."""
        self._server.close()

    def _read(self, request: Request) -> CycleResult:
        failures = self._server.failures
        try:
            reading = self._server.label(request)
        finally:
            for _ in range(failures, self._server.failures):
                self._status.record_reader_restart()
            self._status.set_stuck_readers(self._server.stuck)
            if printed := self._server.take_library_output():
                self._log.warning("driver.printed", lines=printed.lines, dropped=printed.dropped)
        if reading.missing_driver is None:
            self._has_read, self._is_driverless = True, False
            self._conditions.resolve("driver")
            return reading
        is_late = reading.has_hardware and self.setup.publisher.has_labels and not self._is_driverless
        if self._has_read or is_late:
            # The labels of a driver that went away, or is not there yet, are old; none would be wrong.
            raise DriverUnavailable(reading.missing_driver)
        self._is_driverless = True
        self._conditions.report("driver", "driver.not_found", reason=reading.missing_driver)
        self._read_due_s = self._clock() + self._backoff.next_delay_s()
        return reading

    def _keep(self, reading: CycleResult, started_s: float) -> None:
        probe_s = self._clock() - started_s
        self._backoff.reset()
        self._conditions.resolve("read")
        self._stale_since_s = None
        published = self.setup.publisher.publish(reading.labels)
        self._is_withdrawn = False
        self._take_down(reading)
        self._tell(published)
        self._report(reading, published, probe_s, self._clock() - started_s)
        self._has_started = True

    def _fail(self, error: GfdError, took_s: float) -> None:
        is_patient = isinstance(error, ProbeError) and not self.setup.config.fail_on_init_error
        if not self._has_started and not is_patient:
            raise error
        now_s = self._clock()
        self._stale_since_s = now_s if self._stale_since_s is None else self._stale_since_s
        self._read_due_s = now_s + self._backoff.next_delay_s()
        self._status.record_read_failure(str(error))
        self._status.record_cycle("failed", duration_s=took_s, read_s=took_s)
        self._conditions.report("read", "cycle.failed", reason=str(error))

    def _take_down(self, reading: CycleResult) -> None:
        self._status.record_read(
            gpus_ok=reading.gpus,
            gpus_failed=len(reading.failed_gpus),
            mig_devices=reading.mig_devices,
            labels=len(reading.labels),
        )
        for index, reason in reading.failed_gpus.items():
            card = reading.failed_cards[index]
            self._conditions.report(f"gpu {index}", "gpu.failed", gpu=int(index), **card, reason=reason)
        self._conditions.resolve_others("gpu ", {f"gpu {index}" for index in reading.failed_gpus})
        if reading.unknown_memory:
            self._conditions.report("memory", "memory.unknown", reason=reading.unknown_memory)
        else:
            self._conditions.resolve("memory")

    def _tell(self, published: PublishResult) -> None:
        for sink in published.changed:
            self._status.record_change(sink)
        for sink in published.succeeded:
            self._status.record_sink_success(sink)
            self._conditions.resolve(f"sink {sink}")
        for error in published.errors:
            if not self._has_started and not error.retryable:
                raise error
            self._status.record_sink_failure(error.sink, error.kind, str(error))
            self._conditions.report(
                f"sink {error.sink}", "publish.failed", sink=error.sink, reason=str(error)
            )

    def _report(self, reading: CycleResult, published: PublishResult, probe_s: float, took_s: float) -> None:
        result: Literal["published", "unchanged", "failed"] = "unchanged"
        if published.changed:
            result = "published"
        if published.errors:
            result = "failed"
        self._status.record_cycle(result, duration_s=took_s, read_s=probe_s)
        say = self._log.info if published.changed else self._log.debug
        say(
            "cycle.published",
            gpus=reading.gpus,
            mig_devices=sum(reading.mig_devices.values()),
            labels=len(reading.labels),
            changed=list(published.changed),
            duration_ms=round(took_s * 1000),
        )
        interval_s = self.setup.config.sleep_interval_s
        if interval_s is not None and took_s > interval_s:
            self._conditions.report("interval", "interval.exceeded", interval_s=interval_s)
        else:
            self._conditions.resolve("interval")

    @property
    def _withdraw_due_s(self) -> float | None:
        after_s = self.setup.config.stale_after_s
        if after_s is None or self._stale_since_s is None or self._is_withdrawn:
            return None
        return self._stale_since_s + after_s

    def _withdraw(self) -> None:
        self._is_withdrawn = True
        self._log.warning(
            "labels.withdrawn", reason=f"they could not be read for {self.setup.config.stale_after_s:g} s"
        )
        self._tell(self.setup.publisher.publish(None))
        self._status.record_withdrawal()

    def _expect(self) -> None:
        """Tell status and log what the configuration in force is, and what is wrong with it."""
        setup, status, conditions = self.setup, self._status, self._conditions
        status.expect_sinks(setup.config.sinks)
        tell_doubts(
            setup.config, setup.warnings, served_addr=self._metrics_addr, status=status, conditions=conditions
        )
        tell_rivals(setup.publisher, status, conditions)
