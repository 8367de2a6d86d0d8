"""Say how many copies of a pod, or pods of a gang, fit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gfd.tools.match.judge.mismatches import CLAIM, RESOURCE, TAINT
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.placement.outcome import GangPlacement, PodPlacement

_NOUNS = dict.fromkeys(("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"), "replica")
"""What the copies of a pod are called, by the kind of their object; otherwise pods, or workers."""


def name_copies(pod: Pod) -> str:
    """Return what one copy of a pod is called: a replica, a worker or a pod."""
    return _NOUNS.get(pod.kind, "worker" if "worker" in pod.part.lower() else "pod")


def describe_copies(pod: Pod, placement: PodPlacement) -> str:
    """Return how many copies of a pod fit: ``1 of 3 replicas fits``, ``1 to 2 of 3 replicas fit``."""
    return _describe(placement, pluralize(placement.wanted, name_copies(pod)))


def describe_left(pod: Pod, placement: PodPlacement) -> str:
    """Return how many copies find no node, and why: ``2 replicas find no node: 1 node lacks 6 …``."""
    number = placement.wanted - placement.at_most
    least = "" if placement.at_least == placement.at_most else "at least "
    reasons = Counter(_explain(each.mismatches[0]) for each in placement.left if each.mismatches)
    listed = ", ".join(
        f"{pluralize(count, 'node')} {single if count == 1 else several}"
        for (single, several), count in reasons.most_common()
    )
    return (
        f"{least}{pluralize(number, name_copies(pod))} {'finds' if number == 1 else 'find'} no node: {listed}"
    )


def _explain(mismatch: Mismatch) -> tuple[str, str]:
    """Return what is wrong with one node, and the same for several nodes."""
    if mismatch.kind == TAINT:
        return "has a taint that it does not tolerate", "have taints that it does not tolerate"
    if mismatch.kind == CLAIM:
        return f"lacks devices for {mismatch.wanted}", f"lack devices for {mismatch.wanted}"
    if mismatch.kind == RESOURCE:
        return f"lacks {mismatch.wanted} free", f"lack {mismatch.wanted} free"
    if mismatch.requirement:
        return f"lacks {mismatch.wanted}", f"lack {mismatch.wanted}"
    return f"does not meet {mismatch.kind}", f"do not meet {mismatch.kind}"


def describe_gang(gang: GangPlacement) -> str:
    """Return how many pods of a gang fit, and how many it needs to start."""
    text = _describe(gang, f"{pluralize(gang.wanted, 'pod')} of {gang.name}")
    if gang.at_least >= gang.wanted:
        return text
    if gang.at_least >= gang.minimum:
        return f"{text}, and {gang.minimum} are enough to start"
    return f"{text}, and none starts before {'all' if gang.minimum == gang.wanted else gang.minimum} do"


def _describe(placement: PodPlacement | GangPlacement, what: str) -> str:
    low, high = placement.at_least, placement.at_most
    if low != high:
        return f"{low} to {high} of {what} fit"
    return f"{low or 'none'} of {what} {'fits' if low < 2 else 'fit'}"
