"""Tells of another gfd that publishes to the same place: in the log once, and by /readyz."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.drift import Drift
    from gfd.publisher import Publisher
    from gfd.status import Status
    from gfd.troubles import Troubles


def tell_rivals(publisher: Publisher, status: Status, troubles: Troubles) -> None:
    """Tell log and status of each sink to which another gfd writes, and of the end of that."""
    reasons = {drift.sink: explain(drift) for drift in publisher.rivals}
    status.contested(reasons)
    for sink, reason in reasons.items():
        troubles.tell(f"rival {sink}", "rival.found", sink=sink, reason=reason)
    troubles.heal_others("rival ", {f"rival {sink}" for sink in reasons})


def explain(drift: Drift) -> str:
    """Return what a person should know, and do, about another gfd on this node."""
    what = f"the labels {', '.join(drift.keys)}" if drift.keys else f"the {drift.what}"
    return (
        f"another gfd ({drift.writer}) keeps changing {what}; only one may run on a node: "
        "kubectl get daemonsets,jobs -A -l app.kubernetes.io/name=gfd lists them"
    )
