"""Compare the topologySpreadConstraints of a pod with the pods on the nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.affinity_terms import require_equal
from gfd.kube.selectors import LabelSelector
from gfd.tools.match.judge.mismatches import TOPOLOGY_SPREAD, Mismatch
from gfd.tools.match.judge.topology import describe_missing, find_domain
from gfd.tools.match.podspec.tolerations import NO_EXECUTE, NO_SCHEDULE, find_untolerated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.match.judge.topology import Domain
    from gfd.tools.match.podspec.scheduling import SchedulingSpec, SpreadConstraint


class SpreadJudge:
    """Compares the spread constraints of one pod with the pods on all nodes, as PodTopologySpread does."""

    def __init__(self, spec: SchedulingSpec, *, are_pods_known: bool = True) -> None:
        self._spec, self._are_pods_known = spec, are_pods_known
        self._counts = [_Count(each, spec.labels) for each in spec.spread_constraints]

    def add_node(self, node: Node) -> None:
        """Count a node as a domain, with its pods.

        kube-scheduler leaves out pods that are being deleted, and counts none for an empty selector.
        """
        for count in self._find_counts(node):
            selector = count.constraint.selector
            pods = node.pods if selector and selector.requirements else ()
            number = sum(self._means(count, pod) and not pod.is_terminating for pod in pods)
            count.add(find_domain(count.constraint.topology_key, node), number)

    def add(self, pod: BoundPod, node: Node) -> None:
        """Count a pod of a counted node again."""
        self._change(pod, node, 1)

    def remove(self, pod: BoundPod, node: Node) -> None:
        """Count a pod of a counted node no longer."""
        self._change(pod, node, -1)

    def _find_counts(self, node: Node) -> list[_Count]:
        """Return the constraints for which a node counts; none if it lacks the label of any constraint."""
        if any(find_domain(each.constraint.topology_key, node) is None for each in self._counts):
            return []
        return [each for each in self._counts if self._includes(each.constraint, node)]

    def _includes(self, constraint: SpreadConstraint, node: Node) -> bool:
        if constraint.is_affinity_honored and not self._spec.selects(node):
            return False
        return not (
            constraint.are_taints_honored
            and find_untolerated(node.taints, self._spec.tolerations, NO_SCHEDULE, NO_EXECUTE)
        )

    def _change(self, pod: BoundPod, node: Node, change: int) -> None:
        # When kube-scheduler tries to evict a pod, it does not ask whether it counted the pod at first.
        for count in self._find_counts(node):
            if self._means(count, pod):
                count.add(find_domain(count.constraint.topology_key, node), change)

    def _means(self, count: _Count, pod: BoundPod) -> bool:
        selector = count.constraint.selector
        return pod.namespace == self._spec.namespace and selector is not None and selector.matches(pod.labels)

    def compare(self, node: Node) -> Iterator[Mismatch]:
        """Yield the constraints that the pod would violate on a node."""
        for count in self._counts:
            constraint = count.constraint
            domain = find_domain(constraint.topology_key, node)
            if domain is None:
                if not node.is_simulated:
                    found = f"no label {constraint.topology_key}"
                    yield Mismatch(kind=TOPOLOGY_SPREAD, wanted=count.text, found=found)
                continue
            if not self._are_pods_known:
                continue
            here, fewest = count.pods.get(domain, 0), count.find_fewest()
            if here + count.is_own - fewest > constraint.max_skew:
                found = f"{here} in {domain[1]}, the fewest is {fewest}"
                yield Mismatch(kind=TOPOLOGY_SPREAD, wanted=count.text, found=found)

    def list_own_counts(self) -> Iterator[tuple[SpreadConstraint, Mapping[Domain | None, int]]]:
        """Yield the constraints that count the pod itself, each with the number of pods by domain."""
        for count in self._counts:
            if count.is_own and count.constraint.selector and count.constraint.selector.requirements:
                yield count.constraint, count.pods

    def find_unjudged(self, node: Node) -> Iterator[str]:
        """Yield what is unknown about a node without mismatches."""
        for count in self._counts:
            key = count.constraint.topology_key
            if find_domain(key, node) is None:
                yield f"topologySpreadConstraints: {describe_missing(key)}"


class _Count:
    """The number of pods that a constraint means, by topology domain."""

    def __init__(self, constraint: SpreadConstraint, labels: Labels) -> None:
        selector = constraint.selector
        if selector is not None:
            added = require_equal(constraint.match_label_keys, labels, "In")
            requirements = tuple(dict.fromkeys((*selector.requirements, *added)))
            selector = LabelSelector(text=",".join(map(str, requirements)), requirements=requirements)
        self.constraint = replace(constraint, selector=selector)
        self.pods: dict[Domain | None, int] = {}
        self._fewest: int | None = None
        self.is_own = selector is not None and selector.matches(labels)

    @property
    def text(self) -> str:
        """Return the constraint for people."""
        selector = self.constraint.selector
        pods = f" of {selector.text}" if selector and selector.text else ""
        return f"maxSkew {self.constraint.max_skew}{pods} per {self.constraint.topology_key}"

    def add(self, domain: Domain | None, change: int) -> None:
        """Change the number of pods in a domain."""
        self.pods[domain] = self.pods.get(domain, 0) + change
        self._fewest = None

    def find_fewest(self) -> int:
        """Return the smallest number of pods in a domain; 0 if there are fewer domains than minDomains."""
        if self._fewest is None:
            has_enough = len(self.pods) >= self.constraint.min_domains
            self._fewest = min(self.pods.values()) if has_enough else 0
        return self._fewest
