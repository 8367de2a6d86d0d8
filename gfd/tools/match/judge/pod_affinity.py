"""Compare the required podAffinity and podAntiAffinity of a pod with the pods on the nodes.

The pods on the nodes may have a podAntiAffinity against the pod, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.judge.mismatches import POD_AFFINITY, POD_ANTI_AFFINITY, Mismatch
from gfd.tools.match.judge.topology import describe_domain, describe_missing, find_domain, list_domains

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.match.judge.topology import Domain
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

    _Found = dict[Domain | None, list[str]]

_NAMESPACES = "namespaceSelector: the labels of the namespaces are unknown"


class AffinityJudge:
    """Compares the affinity of one pod with the pods on all nodes, as the plugin InterPodAffinity does.

    A match that depends on the unknown labels of a namespace is neither sure nor excluded.
    """

    def __init__(
        self, spec: SchedulingSpec, namespaces: Mapping[str, Labels] | None, *, are_pods_known: bool = True
    ) -> None:
        self._spec, self._namespaces, self._are_pods_known = spec, namespaces, are_pods_known
        self._near = tuple(term.resolve(spec.namespace, spec.labels) for term in spec.pod_affinity)
        self._apart = tuple(term.resolve(spec.namespace, spec.labels) for term in spec.pod_anti_affinity)
        self._wanted, self._unwanted, self._against = _Matches(), _Matches(), _Matches()
        self._meets_itself = _match_all(self._near, spec.namespace, spec.labels, namespaces)

    def add_node(self, node: Node) -> None:
        """Count the pods of a node."""
        for pod in node.pods:
            self.add(pod, node)

    def add(self, pod: BoundPod, node: Node) -> None:
        """Count a pod of a node."""
        if not (self._near or self._apart or pod.anti_affinity):
            return  # most pods
        for found, domain, text in self._find_matches(pod, node):
            found.setdefault(domain, []).append(text)

    def remove(self, pod: BoundPod, node: Node) -> None:
        """Count a pod of a node no longer."""
        for found, domain, text in self._find_matches(pod, node):
            found[domain].remove(text)
            if not found[domain]:
                del found[domain]

    def _find_matches(self, pod: BoundPod, node: Node) -> Iterator[tuple[_Found, Domain, str]]:
        """Yield where a pod counts, and its name."""
        name, other = f"{pod.namespace}/{pod.name}", (pod.namespace, pod.labels, self._namespaces)
        own = (self._spec.namespace, self._spec.labels, self._namespaces)
        matches = [(term, self._unwanted, name, term.matches(*other)) for term in self._apart]
        matches += [
            (term, self._against, f"{name} wants no {term.pods}", term.matches(*own))
            for term in pod.anti_affinity
        ]
        if self._near:
            is_match = _match_all(self._near, *other)
            matches += [(term, self._wanted, name, is_match) for term in self._near]
        for term, found, text, is_match in matches:
            domain = find_domain(term.topology_key, node)
            if is_match is not False and domain:
                yield found.sure if is_match else found.unsure, domain, text

    def compare(self, node: Node) -> Iterator[Mismatch]:
        """Yield the reasons why the pod cannot run on a node, beside or apart from the pods there."""
        if self._is_near(node) is False:
            sure = self._wanted.sure
            term = next(each for each in self._near if find_domain(each.topology_key, node) not in sure)
            found = describe_domain(term.topology_key, node, "no such pod")
            yield Mismatch(kind=POD_AFFINITY, wanted=str(term), found=found)
        for term in self._apart:
            if names := self._unwanted.sure.get(find_domain(term.topology_key, node)):
                yield Mismatch(kind=POD_ANTI_AFFINITY, wanted=f"not {term}", found=f"{names[0]} runs there")
        for domain in list_domains(node) if self._against.sure else ():
            if texts := self._against.sure.get(domain):
                found = f"{texts[0]} in the same {domain[0]}"
                yield Mismatch(kind=POD_ANTI_AFFINITY, wanted="no podAntiAffinity against it", found=found)

    def find_unjudged(self, node: Node) -> Iterator[str]:
        """Yield what is unknown about a node without mismatches."""
        if self._is_near(node) is None:
            near = [term.topology_key for term in self._near]
            missing = [describe_missing(key) for key in near if find_domain(key, node) is None]
            yield f"podAffinity: {next(iter(missing), _NAMESPACES)}"
        keys = [term.topology_key for term in self._apart]
        apart = (each for each in list_domains(node) if each[0] in keys)
        unsure = [
            texts[0]
            for found, domains in ((self._unwanted, apart), (self._against, list_domains(node)))
            for domain in domains
            if (texts := found.unsure.get(domain))
        ]
        yield from (f"podAntiAffinity against {text}: {_NAMESPACES}" for text in unsure[:1])
        if node.is_simulated and node.pods:
            missing = [describe_missing(key) for key in keys if find_domain(key, node) is None]
            yield from (f"podAntiAffinity: {text}" for text in missing)

    def _is_near(self, node: Node) -> bool | None:
        """Return whether the pods that the pod wants are near a node; None if that is not sure."""
        domains = [find_domain(term.topology_key, node) for term in self._near]
        if None in domains:
            return None if node.is_simulated else False
        wanted = self._wanted
        if all(domain in wanted.sure for domain in domains):
            return True
        is_maybe_met = all(domain in wanted.sure or domain in wanted.unsure for domain in domains)
        if is_maybe_met or not self._are_pods_known:
            return None
        if wanted.sure or self._meets_itself is False:
            return False
        # The pod may be the first one of its group.
        return True if self._meets_itself and not wanted.unsure else None


class _Matches:
    """The names of pods that match terms, by the topology domain of their node."""

    def __init__(self) -> None:
        self.sure: _Found = {}
        self.unsure: _Found = {}


def _match_all(
    terms: Iterable[PodAffinityTerm], namespace: str, labels: Labels, namespaces: Mapping[str, Labels] | None
) -> bool | None:
    """Return whether all terms mean a pod; None if that is not sure."""
    answers = {term.matches(namespace, labels, namespaces) for term in terms}
    return False if False in answers else None if None in answers else True
