"""Tells of another gfd that publishes to the same place: in the log once, and by /readyz."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from gfd.agent.conditions import Conditions
    from gfd.agent.status import Status
    from gfd.publishing.drift import Drift
    from gfd.publishing.publisher import Publisher


def tell_drift(drift: Drift, publisher: Publisher, log: FilteringBoundLogger) -> None:
    """Log what somebody else changed. What a rival changes was told already, see :func:`tell_rivals`."""
    say = log.debug if any(rival.sink == drift.sink for rival in publisher.rivals) else log.info
    say("drift.detected", sink=drift.sink, what=drift.what, keys=list(drift.keys), writer=drift.writer)


def tell_rivals(publisher: Publisher, status: Status, conditions: Conditions) -> None:
    """Tell log and status of each sink to which another gfd writes, and of the end of that."""
    reasons = {drift.sink: explain(drift) for drift in publisher.rivals}
    status.set_conflicts(reasons)
    for sink, reason in reasons.items():
        conditions.report(f"rival {sink}", "conflict.detected", sink=sink, reason=reason)
    conditions.resolve_others("rival ", {f"rival {sink}" for sink in reasons})


def explain(drift: Drift) -> str:
    """Return what a person should know, and do, about another gfd on this node, or writer of the file."""
    if drift.sink == "file":
        return (
            "another program keeps changing or deleting this file; only one may write it: stop the other, "
            "such as NVIDIA's gpu-feature-discovery, or give gfd another --output-file"
        )
    what = f"the labels {', '.join(drift.keys)}" if drift.keys else f"the {drift.what}"
    return (
        f"another gfd ({drift.writer}) keeps changing {what}; only one may run on a node: "
        "kubectl get daemonsets,jobs -A -l app.kubernetes.io/name=gfd lists them"
    )
