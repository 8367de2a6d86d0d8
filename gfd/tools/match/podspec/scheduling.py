"""The parts of a PodSpec that decide on which node the pod runs.

The values are valid: the modules that read them refuse all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.clusterview.resources import PODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.clusterview.dra.model import DeviceTaint
    from gfd.clusterview.host_ports import HostPort
    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.kube.selectors import LabelSelector
    from gfd.labels.syntax import Labels
    from gfd.tools.match.podspec.claims import ClaimReference

NAME_FIELD = "metadata.name"
"""The only field that matchFields may name."""
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A kind of taint of nodes that a pod tolerates, or of devices that a request for devices tolerates."""

    key: str = ""
    """The key; empty, with Exists, means all keys."""
    operator: str = "Equal"
    """``Equal`` or ``Exists``; Gt and Lt are off in Kubernetes 1.37 (TaintTolerationComparisonOperators)."""
    value: str = ""
    effect: str = ""
    """The effect; empty means all effects."""
    seconds: int | None = None

    def tolerates(self, taint: Taint | DeviceTaint) -> bool:
        """Return whether this taint is tolerated."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        return self.operator == "Exists" or self.value == taint.value


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSelectorTerm:
    """A list of requirements. A node must meet all of them; an empty list matches no node."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()
    """The requirements on the node's name."""

    def matches(self, labels: Labels, name: str) -> bool:
        """Return whether a node with these labels and this name meets all requirements."""
        return (
            bool(self.expressions or self.fields)
            and all(each.matches(labels) for each in self.expressions)
            and all(each.matches({NAME_FIELD: name}) for each in self.fields)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferredTerm:
    """A term whose nodes the scheduler prefers."""

    weight: int
    """The weight, from 1 to 100."""
    term: NodeSelectorTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadConstraint:
    """A topologySpreadConstraint with DoNotSchedule: how evenly pods spread over the values of a label."""

    max_skew: int
    topology_key: str
    selector: LabelSelector | None
    """The labels of the pods, all in the pod's namespace; None matches no pod."""
    match_label_keys: tuple[str, ...] = ()
    """Labels that the pods must have with the same value as the pod itself."""
    min_domains: int = 1
    is_affinity_honored: bool = True
    """Whether only nodes count that the pod's nodeSelector and nodeAffinity select."""
    are_taints_honored: bool = False
    """Whether only nodes count whose taints the pod tolerates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """The priority of a pod, and whether it may evict pods of lower priority."""

    class_name: str = ""
    value: int | None = None
    """The number in the pod itself; None if only its PriorityClass decides."""
    policy: str = ""
    """The preemptionPolicy; empty if only its PriorityClass decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRequests:
    """What one container requests."""

    thousandths: Mapping[str, int]
    """The requested amounts by resource, in thousandths; a limit without a request is one."""
    is_short_lived: bool
    """Whether it ends before the next container starts: an init container that is no sidecar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulingSpec:
    """The part of a PodSpec that :mod:`gfd.tools.match.judge.fit` compares with nodes."""

    node_selector: tuple[Requirement, ...] = ()
    terms: tuple[NodeSelectorTerm, ...] | None = None
    """The terms of the required nodeAffinity; one must match. None without such an affinity."""
    preferences: tuple[PreferredTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    """The tolerations, including those that Kubernetes adds."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """The requested amounts by resource: ``cpu`` in thousandths, others in whole units; 0 means absent."""
    containers: tuple[ContainerRequests, ...] = ()
    """What each container requests: the initContainers first."""
    claims: tuple[ClaimReference, ...] = ()
    """The resourceClaims."""
    host_ports: tuple[HostPort, ...] = ()
    pod_affinity: tuple[PodAffinityTerm, ...] = ()
    """The terms of the required podAffinity; pods must match all of them."""
    pod_anti_affinity: tuple[PodAffinityTerm, ...] = ()
    """The terms of the required podAntiAffinity; pods must match none of them."""
    spread_constraints: tuple[SpreadConstraint, ...] = ()
    """The topologySpreadConstraints with DoNotSchedule."""
    priority: Priority = field(default_factory=Priority)
    node_name: str = ""
    """The pod's nodeName, which bypasses the scheduler; empty if it has none."""
    current_node: str = ""
    """The node on which the pod already runs; empty if it does not run."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """The lines of resources, by resource name, and of ``nodeName``."""
    runtime_class: str = ""
    """The RuntimeClass, which may change the pod; empty without one."""
    has_overhead: bool = False
    """Whether the pod already has an ``overhead``, which is part of the requests."""
    os: str = ""
    """The operating system that the pod needs (``os.name``), which the kubelet checks; empty for any."""
    unjudged: tuple[str, ...] = ()
    """What decides on the node but cannot be judged: each a text that names the field and says why."""
    namespace: str = "default"
    name: str = ""
    labels: Labels = field(default_factory=dict)
    """The labels of the pod."""

    @property
    def takes_devices(self) -> bool:
        """Whether the pod may get devices of ResourceSlices: by claims, or by the name of a resource."""
        return bool(self.claims or self.domain_requests)

    @property
    def domain_requests(self) -> Mapping[str, int]:
        """The requests of resources with a domain, such as ``nvidia.com/gpu``, without those of 0."""
        return {name: count for name, count in self.requests.items() if "/" in name and count}

    @property
    def demand(self) -> Mapping[str, int]:
        """Return the requests and the place among the ``pods`` of a node that each pod takes."""
        return {**self.requests, PODS: 1}

    def selects(self, node: Node) -> bool:
        """Return whether the nodeSelector and the required nodeAffinity select a node."""
        return all(each.matches(node.labels) for each in self.node_selector) and (
            self.terms is None or any(term.matches(node.labels, node.name) for term in self.terms)
        )

    def requirements(self) -> Iterator[Requirement]:
        """Yield the requirements on labels, of all terms."""
        yield from self.node_selector
        for term in self.terms or ():
            yield from term.expressions


def score(preferences: tuple[PreferredTerm, ...], labels: Labels, name: str) -> int:
    """Return the sum of the weights of the preferences that a node meets."""
    return sum(each.weight for each in preferences if each.term.matches(labels, name))
