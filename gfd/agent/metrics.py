"""The metrics of the service.

Labels whose values are known are there from the start with 0, so that rates see the first event. What is
not known yet, such as the number of GPUs before a read, is left out instead of being 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from gfd.agent.status import Status


class StatusCollector(Collector):
    """Tells a status in Prometheus's terms."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Return every metric, all of one moment."""
        facts = self._status.facts
        yield _counter("gfd_cycles", "Cycles that ended.", facts.cycles, "result")
        yield SummaryMetricFamily(
            "gfd_cycle_duration_seconds",
            "Seconds that cycles took from reading to publishing.",
            count_value=sum(facts.cycles.values()),
            sum_value=facts.cycles_took_s,
        )
        yield SummaryMetricFamily(
            "gfd_probe_duration_seconds",
            "Seconds that reads of the hardware took.",
            count_value=facts.probes,
            sum_value=facts.probes_took_s,
        )
        yield _gauge(
            "gfd_last_success_timestamp_seconds",
            "When a cycle last left every sink up to date, in seconds since the epoch.",
            facts.succeeded_at_s,
        )
        yield _gauges("gfd_gpus", "GPUs at the last read.", facts.gpus, "state")
        yield _gauges("gfd_mig_devices", "MIG devices at the last read.", facts.mig_devices, "profile")
        yield _gauge("gfd_labels", "Labels that the last read made, 0 once withdrawn.", facts.labels)
        yield _counter(
            "gfd_published_changes",
            "Times that something in a sink was changed.",
            facts.published_changes,
            "sink",
        )
        errors = CounterMetricFamily(
            "gfd_sink_errors", "Times that a sink did not take the labels.", labels=("sink", "reason")
        )
        for key, count in facts.sink_errors.items():
            errors.add_metric(key, count)
        yield errors
        yield CounterMetricFamily(
            "gfd_probe_restarts",
            "Probe processes started in the place of one that was given up.",
            facts.probe_restarts,
        )
        yield _gauge(
            "gfd_probes_stuck", "Probe processes that were killed but have not ended.", facts.stuck_probes
        )
        is_stale = facts.stale_since_s is not None
        yield _gauge("gfd_stale", "1 while the hardware cannot be read, else 0.", is_stale)
        yield _gauge(
            "gfd_stale_since_timestamp_seconds",
            "Since when the hardware cannot be read, in seconds since the epoch.",
            facts.stale_since_s,
        )
        yield _gauge(
            "gfd_config_rejected",
            "1 while the configuration on disk cannot be used and the one before is in force, else 0.",
            bool(facts.rejection),
        )
        yield _gauge("gfd_config_warnings", "Warnings about the configuration in force.", len(facts.doubts))
        yield InfoMetricFamily("gfd_build", "Which gfd this is.", {"version": __version__})


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value)


def _gauges(name: str, meaning: str, values: Mapping[str, float] | None, label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for key, value in (values or {}).items():
        family.add_metric((key,), value)
    return family


def _counter(name: str, meaning: str, values: Mapping[str, float], label: str) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def make_registry(status: Status) -> CollectorRegistry:
    """Return what a scrape collects: gfd's metrics, and those of its process."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(StatusCollector(status))
    ProcessCollector(registry=registry)
    return registry
