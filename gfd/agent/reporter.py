"""Report what happens in the service: to the log, to the metrics and to ``/readyz``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.agent.conflicts import explain_conflict
from gfd.agent.mounts import explain_unseen_changes
from gfd.probe.strategies import WITHOUT_NVML

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from gfd.agent.active_config import ActiveConfig
    from gfd.agent.condition_publisher import ConditionPublisher
    from gfd.agent.conditions import Conditions
    from gfd.agent.state import Result
    from gfd.agent.status import Status
    from gfd.config.model import Config
    from gfd.errors import GfdError
    from gfd.publishing.drift import Drift
    from gfd.publishing.publisher import Publisher, PublishResult
    from gfd.worker.fork_server import ForkServer
    from gfd.worker.result import CycleResult


class Reporter:
    """Reports events. A problem that lasts is logged only when it begins and when it ends.

    Safe to use from several threads.
    """

    def __init__(self, status: Status, conditions: Conditions, log: FilteringBoundLogger) -> None:
        self._status = status
        self._conditions = conditions
        self._log = log
        self._served_addr: tuple[str, int] | None = None
        self._node_condition: ConditionPublisher | None = None
        """Sets the Node condition; None without --node-condition."""
        self._withdrawal: ConditionPublisher | None = None
        """Removes the Node condition after --node-condition was switched off."""

    def set_served_addr(self, addr: tuple[str, int] | None) -> None:
        """Set the address at which the pages are served until the service ends; None if they are not."""
        self._served_addr = addr

    def report_config(self, active: ActiveConfig) -> None:
        """Report that the configuration on disk is in force, and its warnings."""
        config, warnings = active.config, list(active.warnings)
        if config.metrics_addr != self._served_addr:
            warnings.append("--metrics-addr changes only when the service is restarted")
        if config.node_condition and config.fail_on_init_error:
            warnings.append(
                "--node-condition with --fail-on-init-error=true: without a driver gfd exits, and the Node "
                "condition stays as it was; set --fail-on-init-error=false"
            )
        self._switch_node_condition(config)
        self._status.expect_sinks(config.sinks)
        self._status.record_config(warnings)
        self._conditions.resolve("config")
        for warning in warnings:
            self._conditions.report(f"warning {warning}", "config.warning", reason=warning)
        self._conditions.resolve_others("warning ", {f"warning {warning}" for warning in warnings})
        has_proc = not config.simulate and config.device_discovery_strategy not in WITHOUT_NVML
        reason = explain_unseen_changes(config.proc_driver_dir) if has_proc else None
        if reason:
            self._conditions.report("hardware watch", "watch.degraded", reason=reason)
        else:
            self._conditions.resolve("hardware watch")
        self.report_conflicts(active.publisher)

    def report_config_error(self, error: GfdError) -> None:
        """Report that the configuration on disk cannot be used."""
        self._status.record_config_error(str(error))
        self._conditions.report(
            "config", "config.rejected", reason=str(error), kept="the configuration loaded before"
        )

    def report_reload(self) -> None:
        """Report that another configuration is in force."""
        self._log.info("config.reloaded")

    def report_server(self, server: ForkServer, restarts: int) -> None:
        """Report the state of the fork server after a read, and how often the read restarted it."""
        for _ in range(restarts):
            self._status.record_reader_restart()
        self._status.set_stuck_readers(server.stuck)
        if output := server.take_library_output():
            self._log.warning("driver.printed", lines=output.lines, dropped=output.dropped)

    def report_missing_driver(self, reason: str | None) -> None:
        """Report why there is no driver; with None, report that there is one."""
        if reason is None:
            self._conditions.resolve("driver")
        else:
            self._conditions.report("driver", "driver.not_found", reason=reason)

    def report_read(self, result: CycleResult) -> bool:
        """Report a successful read, the GPUs that failed and those whose memory could not be read.

        Return whether another read should soon confirm what changed.
        """
        self._conditions.resolve("read")
        self._status.record_read(
            gpus_ok=result.gpus,
            gpus_failed=len(result.failed_gpus),
            mig_devices=result.mig_devices,
            labels=len(result.labels),
        )
        for index, reason in result.failed_gpus.items():
            card = result.failed_cards[index]
            self._conditions.report(f"gpu {index}", "gpu.failed", gpu=int(index), **card, reason=reason)
        self._conditions.resolve_others("gpu ", {f"gpu {index}" for index in result.failed_gpus})
        if result.unknown_memory:
            self._conditions.report("memory", "memory.unknown", reason=result.unknown_memory)
        else:
            self._conditions.resolve("memory")
        return self._node_condition is not None and self._node_condition.observe(result)

    def report_read_failure(self, error: GfdError, took_s: float) -> None:
        """Report a cycle that failed because the hardware could not be read."""
        if self._node_condition is not None:
            self._node_condition.observe(error)
        self._status.record_read_failure(str(error))
        self._status.record_cycle("failed", duration_s=took_s, read_s=took_s)
        self._conditions.report("read", "cycle.failed", reason=str(error))

    def report_discarded_read(self) -> None:
        """Report a read that is not used because the hardware changed meanwhile."""
        self._log.debug("cycle.dropped", reason="the hardware changed while it was read")

    def report_sinks(self, published: PublishResult) -> None:
        """Report to which sinks gfd published, and which failed."""
        for sink in published.changed:
            self._status.record_change(sink)
        for sink in published.succeeded:
            self._status.record_sink_success(sink)
            self._conditions.resolve(f"sink {sink}")
        for error in published.errors:
            self._status.record_sink_failure(error.sink, error.kind, str(error))
            self._conditions.report(
                f"sink {error.sink}", "publish.failed", sink=error.sink, reason=str(error)
            )

    def report_cycle(
        self,
        result: CycleResult,
        published: PublishResult,
        *,
        read_s: float,
        took_s: float,
        interval_s: float | None,
    ) -> None:
        """Report a cycle that published its labels; at level debug if nothing changed."""
        outcome: Result = "failed" if published.errors else "published" if published.changed else "unchanged"
        self._status.record_cycle(outcome, duration_s=took_s, read_s=read_s)
        write = self._log.info if published.changed else self._log.debug
        write(
            "cycle.published",
            gpus=result.gpus,
            mig_devices=sum(result.mig_devices.values()),
            labels=len(result.labels),
            changed=list(published.changed),
            duration_ms=round(took_s * 1000),
        )
        if interval_s is not None and took_s > interval_s:
            self._conditions.report("interval", "interval.exceeded", interval_s=interval_s)
        else:
            self._conditions.resolve("interval")

    def report_retry_success(self) -> None:
        """Report that every sink has the labels after retries."""
        self._status.record_retry_success()

    def report_withdrawal(self, stale_after_s: float) -> None:
        """Report that the labels are removed because they were stale for ``stale_after_s``."""
        self._log.warning(
            "labels.withdrawn", reason=f"the hardware could not be read for {stale_after_s:g} s"
        )
        self._status.record_withdrawal()

    def report_drift(self, drift: Drift, publisher: Publisher) -> None:
        """Report a change by somebody else; at level debug if it is part of a reported conflict."""
        is_known = any(rival.sink == drift.sink for rival in publisher.rivals)
        write = self._log.debug if is_known else self._log.info
        write("drift.detected", sink=drift.sink, what=drift.what, keys=list(drift.keys), writer=drift.writer)

    def report_conflicts(self, publisher: Publisher) -> None:
        """Report the sinks that another writer keeps changing, and those where that has ended."""
        reasons = {drift.sink: explain_conflict(drift) for drift in publisher.rivals}
        self._status.set_conflicts(reasons)
        for sink, reason in reasons.items():
            self._conditions.report(f"conflict {sink}", "conflict.detected", sink=sink, reason=reason)
        self._conditions.resolve_others("conflict ", {f"conflict {sink}" for sink in reasons})

    def report_watch(self, watched: str, reason: str) -> None:
        """Report why the watch on an object of the API server does not work; empty if it does."""
        if reason:
            self._status.record_watch_failure(watched, reason)
            self._conditions.report(f"watch {watched}", "watch.failed", watched=watched, reason=reason)
        else:
            self._status.record_watch_recovery(watched)
            self._conditions.resolve(f"watch {watched}")

    def report_sink_warning(self, reason: str) -> None:
        """Report a warning of a sink that works."""
        self._log.warning("publish.warning", reason=reason)

    def report_page_warning(self, reason: str) -> None:
        """Report a problem while a page was served."""
        self._conditions.report("pages", "http.warning", reason=reason)

    def _switch_node_condition(self, config: Config) -> None:
        """Begin to set the Node condition, or remove it, as the configuration says."""
        if config.node_condition and self._node_condition is None:
            if self._withdrawal is not None:
                self._withdrawal.end()
            # Imported late because it costs memory: most nodes do not need it.
            from gfd.agent.condition_publisher import make_condition_publisher

            self._node_condition = make_condition_publisher(config, self._status, self._conditions, self._log)
            self._node_condition.start()
        elif not config.node_condition and self._node_condition is not None:
            self._withdrawal, self._node_condition = self._node_condition, None
            self._withdrawal.withdraw()
