"""Say how many copies of a pod, or pods of a gang, fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from gfd.tools.match.placement import GangPlacement, Placement
    from gfd.tools.match.pods import Pod

_NOUNS = dict.fromkeys(("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"), "replica")
"""What the copies of a pod are called, by the kind of their object; otherwise pods, or workers."""


def name_copies(pod: Pod) -> str:
    """Return what one copy of a pod is called: a replica, a worker or a pod."""
    return _NOUNS.get(pod.kind, "worker" if "worker" in pod.part.lower() else "pod")


def describe_copies(pod: Pod, placement: Placement) -> str:
    """Return how many copies of a pod fit: ``1 of 3 replicas fits``, ``1 to 2 of 3 replicas fit``."""
    return _describe(placement, pluralize(placement.wanted, name_copies(pod)))


def describe_gang(gang: GangPlacement) -> str:
    """Return how many pods of a gang fit, and how many it needs to start."""
    text = _describe(gang, f"{pluralize(gang.wanted, 'pod')} of {gang.name}")
    if gang.at_least >= gang.wanted:
        return text
    if gang.at_least >= gang.minimum:
        return f"{text}, and {gang.minimum} are enough to start"
    return f"{text}, and none starts before {'all' if gang.minimum == gang.wanted else gang.minimum} do"


def _describe(placement: Placement | GangPlacement, what: str) -> str:
    low, high = placement.at_least, placement.at_most
    number = f"{low or 'none'}" if low == high else f"{low} to {high}"
    return f"{number} of {what} {'fits' if high < 2 else 'fit'}"
