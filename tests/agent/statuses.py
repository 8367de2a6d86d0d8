"""Statuses with known content."""

from __future__ import annotations

from gfd.agent.status import Status

NOON_S = 1_785_412_800.0
"""2026-07-30T12:00:00Z"""


def busy_status() -> Status:
    """Return a status in which every metric but staleness has a value."""
    status = Status(epoch_s=lambda: NOON_S)
    status.expect_sinks(["file", "stdout"], ["io"])
    status.record_read(gpus_ok=7, gpus_failed=1, mig_devices={"1g.5gb": 7, "1c.3g.20gb": 2}, labels=31)
    status.record_change("file")
    status.record_sink_success("file")
    status.record_sink_failure("stdout", "io", "Broken pipe")
    status.record_cycle("published", duration_s=0.5, read_s=0.25)
    status.record_reader_restart()
    status.set_stuck_readers(2)
    status.record_node_condition(is_true=False)
    status.record_node_condition_error()
    return status
