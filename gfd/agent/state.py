"""The state of the service at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Result = Literal["published", "unchanged", "failed"]
RESULTS: tuple[Result, ...] = ("published", "unchanged", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """The state at one moment. Times that end in ``_at_s`` and ``_since_s`` are Unix seconds."""

    cycles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))
    """How many cycles ended, by result."""
    cycles_took_s: float = 0.0
    """The sum over all cycles."""
    reads: int = 0
    """How often the hardware was read, with or without success."""
    reads_took_s: float = 0.0
    reader_restarts: int = 0
    """How often the fork server was replaced."""
    stuck_readers: int = 0
    """Killed processes that have not ended."""
    succeeded_at_s: float | None = None
    """When every sink was last up to date after a cycle; None before the first time."""
    gpus: Mapping[str, int] | None = None
    """By state; None before the first successful read."""
    mig_devices: Mapping[str, int] | None = None
    """By profile; None before the first successful read."""
    labels: int | None = None
    """None before the first successful read."""
    published_changes: Mapping[str, int] = field(default_factory=dict)
    """How often something changed, by sink."""
    sink_errors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By sink and kind of error."""
    is_gpu_ready: bool | None = None
    """The status of the Node condition; None if gfd has not set it."""
    node_condition_errors: int = 0
    """How often the Node condition could not be written."""
    stale_since_s: float | None = None
    """Since when the hardware cannot be read; None while it can."""
    withdrawn_at_s: float | None = None
    """When the labels were removed because they were stale; None while they are published."""
    good_sinks: frozenset[str] = frozenset()
    """Sinks to which the last attempt succeeded."""
    problem: str = ""
    """Why the last cycle failed; empty if it succeeded."""
    config_error: str = ""
    """Why the configuration on disk is not in force; empty if it is."""
    config_warnings: tuple[str, ...] = ()
    """Warnings about the configuration in force."""
    conflicts: Mapping[str, str] = field(default_factory=dict)
    """Sentences about conflicts with other writers, by sink."""
    failed_watches: Mapping[str, str] = field(default_factory=dict)
    """Why a watch on the API server does not work, by watched object."""
    looped_s: float
    """When the main loop last ran, on the monotonic clock."""
    job_deadline_s: float | None = None
    """The deadline of the current job, on the monotonic clock; None between jobs."""
