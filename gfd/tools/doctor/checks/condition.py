"""Check the Node condition that ``--node-condition`` sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.agent.condition_publisher import HEARTBEAT_S
from gfd.publishing.node_condition import TYPE, NodeConditionClient, format_time
from gfd.tools.doctor.result import Check, fail, ok, skip, warn

if TYPE_CHECKING:
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_MISSED_HEARTBEATS = 3


def _check_condition(context: Context) -> CheckResult:
    cluster, node = context.require_cluster(), context.config.node_name
    if not node:
        return skip("the node name is unknown")
    found = NodeConditionClient(cluster.api, node).read()
    if found is None:
        step = "start the agent with --node-condition; if it runs, look for condition.failed in its log"
        return warn(f"the Node has no condition {TYPE}", step)
    age_s = context.clock() - found.heartbeat_at_s
    if age_s > _MISSED_HEARTBEATS * HEARTBEAT_S:
        seen = f"{found.reason}, but gfd last confirmed it at {format_time(found.heartbeat_at_s)}"
        return warn(seen, "check that the agent runs on this node, and look for condition.failed in its log")
    since = f"since {format_time(found.transition_at_s)}"
    if found.is_true:
        return ok(f"{TYPE} is True {since}: {found.message}")
    return fail(f"{TYPE} is False {since}, {found.reason}: {found.message}", "solve this problem on the node")


CHECKS = (
    Check(
        name="node condition",
        run=_check_condition,
        needs_cluster=True,
        applies=lambda config: config.node_condition,
    ),
)
