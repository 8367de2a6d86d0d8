"""What is wrong with a configuration that is in force all the same: told to log and status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.agent.mounts import explain_blindness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.agent.conditions import Conditions
    from gfd.agent.status import Status
    from gfd.config.model import Config


def tell_doubts(
    config: Config,
    warnings: Iterable[str],
    *,
    served_addr: tuple[str, int] | None,
    status: Status,
    conditions: Conditions,
) -> None:
    """Tell each warning while it holds, and that the configuration on disk is the one in force.

    ``served_addr`` is where the metrics are served until the service ends.
    """
    doubts = list(warnings)
    if config.metrics_addr != served_addr:
        doubts.append("--metrics-addr changes when the service is restarted")
    status.record_config(doubts)
    conditions.resolve("config")
    for doubt in doubts:
        conditions.report(f"doubt {doubt}", "config.warning", reason=doubt)
    conditions.resolve_others("doubt ", {f"doubt {doubt}" for doubt in doubts})
    reason = None if config.simulate else explain_blindness(config.proc_driver_dir)
    if reason:
        conditions.report("watch", "watch.degraded", reason=reason)
    else:
        conditions.resolve("watch")
