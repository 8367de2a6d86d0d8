"""The nodes of a cluster with their pods, as the scheduler sees them for the next pod."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.clusterview.bound_pods import BoundPod, place_pods
from gfd.clusterview.resources import add
from gfd.tools.match.podspec.priorities import find_preemptor, list_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.clusterview.priority_classes import PriorityClass
    from gfd.labels.syntax import Labels
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.podspec.priorities import Preemptor
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The nodes with their pods. Adding or removing a pod returns another state."""

    nodes: Sequence[Node]
    namespaces: Mapping[str, Labels] | None = None
    """The labels of all namespaces; None if they are unknown."""
    priority_classes: Sequence[PriorityClass] | None = None
    """The PriorityClasses of the cluster; None if they are unknown."""
    devices: DeviceState | None = None
    """The devices for ResourceClaims; None if no pod of the run needs any."""

    def find_preemptor(self, spec: SchedulingSpec) -> Preemptor:
        """Return which pods a pod may evict."""
        nodes = self.nodes if spec.priority.class_name else ()
        return find_preemptor(spec.priority, list_classes(self.priority_classes, nodes))

    def bind(self, spec: SchedulingSpec, node_name: str) -> ClusterState:
        """Return the state after the scheduler has placed a pod on a node."""
        return self.bind_copies(spec, {node_name: 1})

    def bind_copies(self, spec: SchedulingSpec, counts: Mapping[str, int]) -> ClusterState:
        """Return the state after the scheduler has placed equal pods; ``counts`` is their number by node."""
        pod = BoundPod(
            node="",
            namespace=spec.namespace,
            name=spec.name,
            labels=spec.labels,
            requests=spec.demand,
            priority=self.find_preemptor(spec).value or 0,
            priority_class=spec.priority.class_name,
            host_ports=spec.host_ports,
            anti_affinity=tuple(term.resolve(spec.namespace, spec.labels) for term in spec.pod_anti_affinity),
        )
        return replace(
            self,
            nodes=[_add_copies(node, pod, counts.get(node.name, 0)) for node in self.nodes],
            devices=self.hold_devices(spec, counts),
        )

    def hold_devices(self, spec: SchedulingSpec, counts: Mapping[str, int]) -> DeviceState | None:
        """Return the devices after copies of a pod hold some; ``counts`` is their number by node."""
        devices = self.devices
        if not spec.takes_devices or devices is None:
            return devices
        from gfd.tools.match.judge.claim_copies import hold_devices  # loads CEL, which few pods need

        for node in self.nodes:
            if copies := counts.get(node.name, 0):
                devices, _ = hold_devices(spec, node, devices, copies)
        return devices

    def evict(self, pods: Collection[BoundPod], node_name: str) -> ClusterState:
        """Return the state without these pods of a node."""
        return self._change(
            node_name, lambda node: place_pods(node, (each for each in node.pods if each not in pods))
        )

    def release(self, spec: SchedulingSpec) -> ClusterState:
        """Return the state without the pod itself, which already runs on ``spec.current_node``."""
        identity = (spec.namespace, spec.name)
        state = self
        if spec.takes_devices and self.devices:
            shared = (f"{spec.namespace}/{each.claim_name}" for each in spec.claims if each.claim_name)
            state = replace(self, devices=self.devices.release(spec.namespace, spec.name, shared))
        return state._change(
            spec.current_node,
            lambda node: place_pods(
                node, (pod for pod in node.pods if (pod.namespace, pod.name) != identity)
            ),
        )

    def _change(self, name: str, change: Callable[[Node], Node]) -> ClusterState:
        return replace(self, nodes=[change(node) if node.name == name else node for node in self.nodes])


def _add_copies(node: Node, pod: BoundPod, copies: int) -> Node:
    if not copies:
        return node
    taken = {name: copies * count for name, count in pod.requests.items()}
    # Preemption tells the pods apart by their identity.
    pods = (*node.pods, *(replace(pod, node=node.name) for _ in range(copies)))
    return replace(node, pods=pods, requested=add(node.requested, taken))
