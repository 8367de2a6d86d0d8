"""Decide which taints a pod tolerates, as kube-scheduler does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.nodes import UNSCHEDULABLE
from gfd.tools.match.podspec import rules
from gfd.tools.match.podspec.fields import read_text
from gfd.tools.match.podspec.scheduling import EFFECTS, Toleration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Taint
    from gfd.documents.value import Value

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = EFFECTS

_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PRESSURES = tuple(f"node.kubernetes.io/{each}-pressure" for each in ("disk", "memory", "pid"))
_NO_NETWORK = "node.kubernetes.io/network-unavailable"


def read_tolerations(value: Value | None) -> tuple[Toleration, ...]:
    """Return the tolerations of a list. Raises DocumentError."""
    return tuple(_read_toleration(item) for item in (value.items() if value else ()))


def _read_toleration(item: Value) -> Toleration:
    item.only("key", "operator", "value", "effect", "tolerationSeconds")
    seconds = item.member("tolerationSeconds")
    toleration = Toleration(
        key=read_text(item, "key"),
        operator=read_text(item, "operator") or "Equal",
        value=read_text(item, "value"),
        effect=read_text(item, "effect"),
        seconds=seconds.integer(-(2**63)) if seconds else None,
    )
    rules.check(item, toleration, rules.TOLERATION)
    return replace(toleration, seconds=None)


def find_untolerated(
    taints: Iterable[Taint], tolerations: tuple[Toleration, ...], *effects: str
) -> tuple[Taint, ...]:
    """Return the taints with one of ``effects`` that no toleration covers."""
    return tuple(
        taint
        for taint in taints
        if taint.effect in effects and not any(each.tolerates(taint) for each in tolerations)
    )


def add_default_tolerations(tolerations: tuple[Toleration, ...]) -> tuple[Toleration, ...]:
    """Return the tolerations of a new pod (admission plugin DefaultTolerationSeconds).

    With them, a pod stays on an unreachable node for 300 s, unless it has such a toleration itself.
    """
    added = tuple(
        Toleration(key=key, operator="Exists", effect=NO_EXECUTE)
        for key in _UNREACHABLE
        if not any(each.key in ("", key) and each.effect in ("", NO_EXECUTE) for each in tolerations)
    )
    return tolerations + added


def list_daemon_tolerations(*, has_host_network: bool) -> tuple[Toleration, ...]:
    """Return the tolerations that the DaemonSet controller adds to its pods."""
    keys = (*_PRESSURES, UNSCHEDULABLE, *((_NO_NETWORK,) if has_host_network else ()))
    return (
        *(Toleration(key=key, operator="Exists", effect=NO_EXECUTE) for key in _UNREACHABLE),
        *(Toleration(key=key, operator="Exists", effect=NO_SCHEDULE) for key in keys),
    )
