"""The pods on all nodes, compared with one pod: its affinity, its spread, and its host ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.judge.capacity import PODS_ADVICE
from gfd.tools.match.judge.host_ports import compare_ports
from gfd.tools.match.judge.pod_affinity import AffinityJudge
from gfd.tools.match.judge.topology_spread import SpreadJudge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_UNKNOWN = f"the pods on the nodes are unknown; {PODS_ADVICE}"


class Neighbours:
    """The pods on all nodes, as one pod sees them."""

    def __init__(self, spec: SchedulingSpec, state: ClusterState) -> None:
        self._spec = spec
        is_known = all(node.is_counted for node in state.nodes)
        self._judges: tuple[AffinityJudge | SpreadJudge, ...] = ()
        # The scheduler does not see a pod that names its node, and the kubelet checks only its ports.
        is_near_others = bool(spec.pod_affinity or spec.pod_anti_affinity)
        if not spec.node_name and (is_near_others or any(node.keeps_pods_away for node in state.nodes)):
            self._judges += (AffinityJudge(spec, state.namespaces, are_pods_known=is_known),)
        if not spec.node_name and spec.spread_constraints:
            self._judges += (SpreadJudge(spec, are_pods_known=is_known),)
        for judge in self._judges:
            for node in state.nodes:
                judge.add_node(node)

    @property
    def needs_other_nodes(self) -> bool:
        """Return whether the pods of other nodes matter, too."""
        return bool(self._judges)

    def add(self, pod: BoundPod, node: Node) -> None:
        """Take a pod of a node into account."""
        for judge in self._judges:
            judge.add(pod, node)

    def remove(self, pod: BoundPod, node: Node) -> None:
        """Take a pod of a node into account no longer."""
        for judge in self._judges:
            judge.remove(pod, node)

    def compare(self, node: Node) -> Iterator[Mismatch]:
        """Yield the reasons why the pod cannot run on a node, beside its pods and those of other nodes."""
        if self._spec.host_ports:
            yield from compare_ports(self._spec.host_ports, node.pods)
        for judge in self._judges:
            yield from judge.compare(node)

    def find_unjudged(self, node: Node) -> Iterator[str]:
        """Yield what cannot be judged about a node without mismatches."""
        if not node.is_counted:
            yield from (f"{name}: {_UNKNOWN}" for name in self._list_fields())
            return
        for judge in self._judges:
            yield from judge.find_unjudged(node)

    def _list_fields(self) -> Iterator[str]:
        """Yield the fields of the pod that need the pods on the nodes."""
        spec = self._spec
        if spec.host_ports:
            yield "hostPort"
        if self._judges and spec.pod_affinity:
            yield "podAffinity"
        if self._judges and spec.pod_anti_affinity:
            yield "podAntiAffinity"
        if self._judges and spec.spread_constraints:
            yield "topologySpreadConstraints"
