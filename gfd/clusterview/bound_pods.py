"""Read the pods of nodes with every resource that they request, as kube-scheduler sees them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.affinity_terms import DEFAULT_NAMESPACE, read_anti_affinity
from gfd.clusterview.fields import read_field
from gfd.clusterview.host_ports import read_host_ports
from gfd.clusterview.pods import ENDED
from gfd.clusterview.resizes import sum_bound_requests
from gfd.clusterview.resources import PODS, add, round_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.clusterview.host_ports import HostPort
    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPod:
    """A pod that has a node and has not ended."""

    node: str
    """The name of the node."""
    namespace: str
    name: str
    labels: Labels = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    """The amounts by resource: ``cpu`` in thousandths, others in whole units, and one ``pods``."""
    priority: int = 0
    priority_class: str = ""
    """The name of the PriorityClass; empty without one."""
    preemption_policy: str = ""
    started_at: str = ""
    """When the kubelet accepted the pod, as the API server writes times; empty if it has not yet."""
    host_ports: tuple[HostPort, ...] = ()
    anti_affinity: tuple[PodAffinityTerm, ...] = ()
    """The terms of the required podAntiAffinity, which also keep other pods away."""
    is_terminating: bool = False
    """Whether the pod is being deleted; it holds its resources until it is gone."""


def read_bound_pod(pod: Mapping[str, Any]) -> BoundPod | None:
    """Return a pod, a Kubernetes object; None if it has no node or has ended.

    Raises ValueError if it is malformed; the text completes "the pod …".
    """
    node = read_field(pod, "spec.nodeName", str)
    if not node or read_field(pod, "status.phase", str) in ENDED:
        return None
    return BoundPod(
        node=node,
        namespace=read_field(pod, "metadata.namespace", str) or DEFAULT_NAMESPACE,
        name=read_field(pod, "metadata.name", str),
        labels=read_field(pod, "metadata.labels", dict),
        requests={**round_up(sum_bound_requests(pod)), PODS: 1},
        priority=read_field(pod, "spec.priority", int),
        priority_class=read_field(pod, "spec.priorityClassName", str),
        preemption_policy=read_field(pod, "spec.preemptionPolicy", str),
        started_at=read_field(pod, "status.startTime", str),
        host_ports=read_host_ports(pod["spec"]),
        anti_affinity=read_anti_affinity(pod),
        is_terminating=bool(read_field(pod, "metadata.deletionTimestamp", str)),
    )


def add_pods(nodes: Iterable[Node], pods: Iterable[BoundPod | None] | None) -> list[Node]:
    """Return the nodes, sorted by name, each with its pods and their requests; None means unknown pods."""
    by_node: dict[str, list[BoundPod]] = {}
    for pod in pods or ():
        if pod:
            by_node.setdefault(pod.node, []).append(pod)
    is_counted = pods is not None
    found = (place_pods(replace(node, is_counted=is_counted), by_node.get(node.name, ())) for node in nodes)
    return sorted(found, key=lambda node: node.name)


def place_pods(node: Node, pods: Iterable[BoundPod]) -> Node:
    """Return the node with exactly these pods and the sum of their requests."""
    requested: dict[str, int] = {}
    listed = tuple(pods)
    for pod in listed:
        requested = add(requested, pod.requests)
    return replace(node, pods=listed, requested=requested)
