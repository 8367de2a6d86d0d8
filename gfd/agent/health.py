"""Decide the answers of ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gfd.agent.state import ServiceState

MAX_WARNINGS = 5
"""The maximum number of warnings about the configuration in the answer of ``/readyz``."""


class Health(NamedTuple):
    """An answer. The first line of ``text`` is the reason; others can follow."""

    is_ok: bool
    text: str


def check_health(state: ServiceState, now_s: float, loop_limit_s: float) -> Health:
    """Return whether the service still runs; if not, only a restart helps.

    ``now_s`` is the time on the monotonic clock; ``loop_limit_s`` is how long the main loop may take.
    """
    silent_s = now_s - state.looped_s
    if silent_s > loop_limit_s:
        return Health(is_ok=False, text=f"the main loop has not run for {silent_s:.0f} s")
    if state.job_deadline_s is not None and now_s > state.job_deadline_s:
        late_s = now_s - state.job_deadline_s
        return Health(is_ok=False, text=f"the worker thread is {late_s:.0f} s past its deadline")
    return Health(is_ok=True, text="ok")


def check_readiness(state: ServiceState) -> Health:
    """Return whether the labels of this node are correct; further lines name other problems."""
    is_ready, text = _check_labels(state)
    lines = [text]
    lines += [
        f"the watch on {watched} does not work, changes by others are seen late: {reason}"
        for watched, reason in state.failed_watches.items()
    ]
    if state.config_error:
        lines.append(f"configuration rejected, the one loaded before is in force: {state.config_error}")
    lines += [f"configuration warning: {warning}" for warning in state.config_warnings[:MAX_WARNINGS]]
    if len(state.config_warnings) > MAX_WARNINGS:
        hidden = len(state.config_warnings) - MAX_WARNINGS
        lines.append(f"configuration warning: {hidden} more warnings in the log")
    return Health(is_ok=is_ready, text="\n".join(lines))


def _check_labels(state: ServiceState) -> tuple[bool, str]:
    why = f": {state.problem}" if state.problem else ""
    if state.withdrawn_at_s is not None:
        return False, f"the labels were withdrawn at {_format_time(state.withdrawn_at_s)}{why}"
    if state.succeeded_at_s is None and not state.good_sinks:
        return False, f"no labels have been published yet{why}"
    if state.stale_since_s is not None:
        return False, f"the labels are stale since {_format_time(state.stale_since_s)}{why}"
    if not state.good_sinks:
        return False, f"no sink has taken the labels{why}"
    if state.conflicts:
        return False, "; ".join(f"sink {sink}: {reason}" for sink, reason in state.conflicts.items())
    return True, f"ok, but the last cycle failed{why}" if why else "ok"


def _format_time(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
