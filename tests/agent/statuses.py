"""Statuses with known content."""

from __future__ import annotations

from gfd.agent.status import Status

NOON_S = 1_785_412_800.0
"""2026-07-30T12:00:00Z"""


def busy_status() -> Status:
    """Return a status in which every metric but staleness has a value."""
    status = Status(epoch_s=lambda: NOON_S)
    status.expect(["file", "stdout"], ["io"])
    status.read_succeeded(gpus_ok=7, gpus_failed=1, mig_devices={"1g.5gb": 7, "1c.3g.20gb": 2}, labels=31)
    status.published("file")
    status.sink_took("file")
    status.sink_failed("stdout", "io", "Broken pipe")
    status.cycle_ended("published", duration_s=0.5, probe_s=0.25)
    status.probe_restarted()
    status.probes_stuck(2)
    return status
