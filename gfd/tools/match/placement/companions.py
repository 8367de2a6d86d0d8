"""Find out whether the pods of one run decide about each other's nodes by more than what they take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.tools.match.judge.topology import find_domain
from gfd.tools.match.manifests.pods import DAEMON_SET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.podspec.scheduling import SchedulingSpec, SpreadConstraint


def influences(spec: SchedulingSpec, other: SchedulingSpec, namespaces: Mapping[str, Labels] | None) -> bool:
    """Return whether the node of a pod ``other`` can decide which nodes a pod with ``spec`` fits.

    This is by affinity, spread or ports; what the other pod takes does not count.
    """
    if spec.node_name:
        return False
    own = _resolve(spec, (*spec.pod_affinity, *spec.pod_anti_affinity))
    foreign = _resolve(other, other.pod_anti_affinity)
    return (
        any(term.matches(other.namespace, other.labels, namespaces) is not False for term in own)
        or any(term.matches(spec.namespace, spec.labels, namespaces) is not False for term in foreign)
        or any(_counts(each, spec, other) for each in spec.spread_constraints)
        or any(
            one.ip != two.ip and one.conflicts_with(two)
            for one in spec.host_ports
            for two in other.host_ports
        )
    )


def _counts(constraint: SpreadConstraint, spec: SchedulingSpec, other: SchedulingSpec) -> bool:
    selector = constraint.selector
    return spec.namespace == other.namespace and selector is not None and selector.matches(other.labels)


def _resolve(spec: SchedulingSpec, terms: Iterable[PodAffinityTerm]) -> list[PodAffinityTerm]:
    return [term.resolve(spec.namespace, spec.labels) for term in terms]


def split_limits(
    pod: Pod, nodes: Sequence[Node], namespaces: Mapping[str, Labels] | None
) -> tuple[SchedulingSpec, dict[str, int]]:
    """Return what each node has only once for the copies of a pod, and the pod's spec without these terms.

    That is the place of a DaemonSet's pod, a host port, and the node itself if the copies must not share it.
    """
    spec = pod.spec
    limits = {f"hostPort {port}": 1 for port in spec.host_ports}
    if pod.kind == DAEMON_SET:
        limits[f"place of {pod.title}"] = 1
    apart = []
    for term in spec.pod_anti_affinity:
        resolved = term.resolve(spec.namespace, spec.labels)
        is_own = resolved.matches(spec.namespace, spec.labels, namespaces)
        if is_own and _is_per_node(term.topology_key, nodes):
            limits[f"{term.topology_key} of {pod.title}"] = 1
        else:
            apart.append(term)
    return replace(spec, pod_anti_affinity=tuple(apart)), limits


def _is_per_node(key: str, nodes: Sequence[Node]) -> bool:
    """Return whether each node has a value of its own for a label."""
    domains = {find_domain(key, node) for node in nodes}
    return None not in domains and len(domains) == len(nodes)
