"""Compare the amounts that a pod requests with the free amounts of a node, as kube-scheduler does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.amounts import format_available, format_request
from gfd.clusterview.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS
from gfd.labels.syntax import VENDOR
from gfd.tools.match.dra.extended_resources import find_delegated
from gfd.tools.match.judge.mismatches import RESOURCE, Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.dra.model import DeviceClass
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

    Classes = Mapping[str, DeviceClass]

PODS_ADVICE = "pass --pods with the output of kubectl get pods -A -o json"
UNKNOWN_PODS = f"requests: the pods on the node are unknown; {PODS_ADVICE}"
_ALWAYS_THERE = frozenset((CPU, MEMORY, EPHEMERAL_STORAGE, PODS))
"""Every kubelet reports these resources; a node that lacks one was simulated or written by hand."""
_OF_HAMI = frozenset(f"{VENDOR}{name}" for name in ("gpumem", "gpumem-percentage", "gpucores", "priority"))
"""Resources that HAMi's scheduler gives out by annotations of nodes."""
_UNNAMED = "the node's allocatable does not name it"
_WHY_UNKNOWN = dict.fromkeys(_OF_HAMI, f"HAMi's scheduler counts it, and {_UNNAMED}")
_UNKNOWN = _ALWAYS_THERE | _OF_HAMI
UNKNOWN_RESERVE = (
    "more than two thirds of the machine are taken, and what the system and the kubelet keep is unknown"
)
USUAL_PODS = 110
"""The number of pods on a node to which the kubelet's default configuration limits it."""

_NO_CLASSES: Classes = {}


class RequestJudge:
    """The amounts that one pod requests, compared with nodes."""

    def __init__(self, spec: SchedulingSpec) -> None:
        self._amounts = tuple((name, count) for name, count in spec.demand.items() if count > 0)
        self._uncertain = tuple(name for name, _ in self._amounts if name in _UNKNOWN)

    def compare(self, node: Node, classes: Classes = _NO_CLASSES) -> Iterator[Mismatch]:
        """Yield the resources of which the node has too little.

        It gives some by DRA: those of ``classes`` that no device plugin offers.
        """
        offered, requested = node.allocatable, node.requested
        for resource, count in self._amounts:
            if count > offered.get(resource, 0) - requested.get(resource, 0):
                if is_unknown_resource(node, resource):
                    continue
                if find_delegated({resource: count}, offered, classes):
                    continue
                yield Mismatch(
                    kind=RESOURCE,
                    wanted="room for another pod" if resource == PODS else format_request(resource, count),
                    found=describe_free(node, resource),
                    resource=resource,
                )

    def find_unjudged(self, node: Node, classes: Classes = _NO_CLASSES) -> Iterator[str]:
        """Yield what cannot be judged about a node without mismatches."""
        certain = count_certain(node)
        for resource, count in self._amounts:
            if count > certain.get(resource, count):
                yield f"{resource}: {UNKNOWN_RESERVE}"
        for resource in self._uncertain:
            if resource not in node.allocatable:
                if resource != PODS:
                    yield f"{resource}: {_WHY_UNKNOWN.get(resource, _UNNAMED)}"
                elif len(node.pods) >= USUAL_PODS:
                    yield f"{PODS}: {_UNNAMED}, and {len(node.pods)} pods are there already"
        # Each pod takes one of the pods. What ResourceClaims hold of DRA's devices is known.
        counted = len(self._amounts) - len(find_delegated(dict(self._amounts), node.allocatable, classes))
        if not node.is_counted and counted > 1:
            yield UNKNOWN_PODS


def count_certain(node: Node) -> dict[str, int]:
    """Return how much cpu and memory of a simulated machine is free for sure; empty for other nodes.

    A simulated machine has those of the whole machine. The kernel, the kubelet and the cloud's agents take
    a share, which is the largest on small machines: about 30 % of the memory of one with 3.75 GiB on GKE.
    """
    if not node.is_simulated:
        return {}
    return {
        resource: max(0, node.allocatable[resource] * 2 // 3 - node.requested.get(resource, 0))
        for resource in (CPU, MEMORY)
        if resource in node.allocatable
    }


def is_unknown_resource(node: Node, resource: str) -> bool:
    """Return whether a node may have a resource that its allocatable does not name."""
    return resource in _UNKNOWN and resource not in node.allocatable


def count_free(node: Node, resource: str) -> int:
    """Return how much of a resource of a node is free."""
    return max(0, node.free(resource))


def describe_free(node: Node, resource: str) -> str:
    """Return the free amount of a resource in words, or if the node has no such device, its other devices."""
    offered = node.allocatable.get(resource, 0)
    if offered:
        return f"{format_available(resource, count_free(node, resource), offered)} free"
    others = [
        f"{count} {name}"
        for name, count in sorted(node.allocatable.items())
        if count and name.startswith(VENDOR) and resource.startswith(VENDOR)
    ]
    return f"none, but {', '.join(others)}" if others else "none"
