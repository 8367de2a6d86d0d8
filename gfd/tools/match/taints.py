"""Which taints a pod tolerates, as kube-scheduler decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.nodes import UNSCHEDULABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Taint

NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE = "NoSchedule", "NoExecute", "PreferNoSchedule"
EFFECTS = (NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE)

CONDITION_PREFIX = "node.kubernetes.io/"
"""Taints that say what state a Node is in; Kubernetes sets and removes them."""
_LOST = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PRESSURES = tuple(f"node.kubernetes.io/{each}-pressure" for each in ("disk", "memory", "pid"))
_NO_NETWORK = "node.kubernetes.io/network-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """Which taints are put up with."""

    key: str = ""
    """Empty, with Exists: every taint's."""
    operator: str = "Equal"
    """``Equal`` or ``Exists``; Gt and Lt are off in Kubernetes 1.37 (TaintTolerationComparisonOperators)."""
    value: str = ""
    effect: str = ""
    """Empty: every effect."""

    def tolerates(self, taint: Taint) -> bool:
        """Return whether that taint is put up with."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        return self.operator == "Exists" or self.value == taint.value


def untolerated(
    taints: Iterable[Taint], tolerations: tuple[Toleration, ...], *effects: str
) -> tuple[Taint, ...]:
    """Return the taints of these effects that none of ``tolerations`` puts up with."""
    return tuple(
        taint
        for taint in taints
        if taint.effect in effects and not any(each.tolerates(taint) for each in tolerations)
    )


def admit(tolerations: tuple[Toleration, ...]) -> tuple[Toleration, ...]:
    """Return what the API server makes of a new pod's (admission plugin DefaultTolerationSeconds).

    A pod that says nothing of it is left on a node that is lost for 300 s, so it also tolerates such a node.
    """
    added = tuple(
        Toleration(key=key, operator="Exists", effect=NO_EXECUTE)
        for key in _LOST
        if not any(each.key in ("", key) and each.effect in ("", NO_EXECUTE) for each in tolerations)
    )
    return tolerations + added


def tolerate_as_daemon(*, has_host_network: bool) -> tuple[Toleration, ...]:
    """Return what the DaemonSet controller adds to its pods."""
    keys = (*_PRESSURES, UNSCHEDULABLE, *((_NO_NETWORK,) if has_host_network else ()))
    return (
        *(Toleration(key=key, operator="Exists", effect=NO_EXECUTE) for key in _LOST),
        *(Toleration(key=key, operator="Exists", effect=NO_SCHEDULE) for key in keys),
    )
