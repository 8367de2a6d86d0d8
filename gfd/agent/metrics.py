"""The metrics of the service.

A counter whose label values are known starts at 0, so that a rate includes its first event. A value that is
still unknown, such as the number of GPUs before the first read, is left out instead of being 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from gfd import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from gfd.agent.status import Status


class StatusCollector(Collector):
    """Translates a status into metrics."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, all from the same moment."""
        state = self._status.state
        yield _counter("gfd_cycles", "Cycles that ended.", ("result",), state.cycles)
        yield SummaryMetricFamily(
            "gfd_cycle_duration_seconds",
            "Seconds that cycles took, from reading to publishing.",
            count_value=sum(state.cycles.values()),
            sum_value=state.cycles_took_s,
        )
        yield SummaryMetricFamily(
            "gfd_probe_duration_seconds",
            "Seconds that reads of the hardware took.",
            count_value=state.reads,
            sum_value=state.reads_took_s,
        )
        yield _gauge(
            "gfd_last_success_timestamp_seconds",
            "When every sink was last up to date, in seconds since the epoch.",
            state.succeeded_at_s,
        )
        yield _gauge_by("state", "gfd_gpus", "GPUs at the last read.", state.gpus)
        yield _gauge_by("profile", "gfd_mig_devices", "MIG devices at the last read.", state.mig_devices)
        yield _gauge(
            "gfd_labels", "Labels that the last read made, 0 after they were withdrawn.", state.labels
        )
        yield _counter(
            "gfd_published_changes", "Changes of what a sink holds.", ("sink",), state.published_changes
        )
        yield _counter(
            "gfd_sink_errors",
            "Attempts at which a sink did not take the labels.",
            ("sink", "reason"),
            state.sink_errors,
        )
        yield CounterMetricFamily(
            "gfd_probe_restarts", "Restarts of the process that starts reads.", state.reader_restarts
        )
        yield _gauge("gfd_probes_stuck", "Killed processes that have not ended.", state.stuck_readers)
        yield _gauge(
            "gfd_stale", "1 while the hardware cannot be read, else 0.", state.stale_since_s is not None
        )
        yield _gauge(
            "gfd_stale_since_timestamp_seconds",
            "Since when the hardware cannot be read, in seconds since the epoch.",
            state.stale_since_s,
        )
        yield _gauge(
            "gfd_gpu_ready",
            "1 while the Node condition nvidia.com/GPUReady is True, 0 while it is False.",
            state.is_gpu_ready,
        )
        yield CounterMetricFamily(
            "gfd_node_condition_errors",
            "Attempts at which the Node condition could not be written.",
            state.node_condition_errors,
        )
        yield _gauge(
            "gfd_config_rejected",
            "1 while the configuration on disk cannot be used and the one before is in force, else 0.",
            bool(state.config_error),
        )
        yield _gauge(
            "gfd_config_warnings", "Warnings about the configuration in force.", len(state.config_warnings)
        )
        yield _gauge(
            "gfd_watches_failed",
            "Watches on the API server that do not work, so that changes by others are seen late.",
            len(state.failed_watches),
        )
        yield InfoMetricFamily("gfd_build", "The version of gfd.", {"version": __version__})


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    """Return a gauge; without a value if ``value`` is None."""
    return GaugeMetricFamily(name, meaning, value)


def _gauge_by(label: str, name: str, meaning: str, values: Mapping[str, float] | None) -> GaugeMetricFamily:
    """Return a gauge with a value for each value of ``label``."""
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for key, value in (values or {}).items():
        family.add_metric((key,), value)
    return family


def _counter(
    name: str, meaning: str, labels: Sequence[str], values: Mapping[Any, float]
) -> CounterMetricFamily:
    """Return a counter with ``labels``; each key in ``values`` is a tuple of label values."""
    family = CounterMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family


def make_registry(status: Status) -> CollectorRegistry:
    """Return the registry for a scrape: gfd's metrics, and those of its process."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(StatusCollector(status))
    ProcessCollector(registry=registry)
    return registry
