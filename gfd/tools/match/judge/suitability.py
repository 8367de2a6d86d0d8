"""Compare a pod with what pods cannot change about a node: its name, its labels and its taints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gfd.tools.match.judge.mismatches import NODE_AFFINITY, NODE_NAME, NODE_SELECTOR, OS, TAINT, Mismatch
from gfd.tools.match.judge.simulated_labels import find_unknown_labels, is_unknown
from gfd.tools.match.podspec.scheduling import NAME_FIELD, score
from gfd.tools.match.podspec.tolerations import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, find_untolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.labels.syntax import Labels
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


class Suitability(NamedTuple):
    """What the name, the labels and the taints of a node mean for a pod."""

    mismatches: tuple[Mismatch, ...]
    unjudged: tuple[str, ...]
    score: int
    """The sum of the weights of the preferred terms that the node meets."""
    avoided: tuple[Taint, ...]
    """Taints with PreferNoSchedule that the pod does not tolerate."""


class SuitabilityJudge:
    """Judges the nodes for one pod; judges nodes with the same relevant properties only once."""

    def __init__(self, spec: SchedulingSpec) -> None:
        terms = (*(spec.terms or ()), *(each.term for each in spec.preferences))
        requirements = [*spec.node_selector, *(each for term in terms for each in term.expressions)]
        keys = {each.key for each in requirements} | ({_OS_LABEL} if spec.os else set())
        self._spec, self._keys = spec, tuple(keys)
        self._needs_name = bool(spec.node_name) or any(term.fields for term in terms)
        self._found: dict[tuple[object, ...], Suitability] = {}

    def judge(self, node: Node) -> Suitability:
        """Return what the node means for the pod."""
        if node.is_simulated:
            return self._judge(node)
        labels = node.labels
        key = (node.name if self._needs_name else "", node.taints, *[labels.get(each) for each in self._keys])
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._judge(node)
        return found

    def _judge(self, node: Node) -> Suitability:
        spec = self._spec
        return Suitability(
            mismatches=tuple(mismatch for compare in _COMPARISONS for mismatch in compare(spec, node)),
            unjudged=tuple(find_unknown_labels(spec, node)),
            score=score(spec.preferences, node.labels, node.name),
            avoided=find_untolerated(node.taints, spec.tolerations, PREFER_NO_SCHEDULE),
        )


def _compare_name(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    if spec.node_name and spec.node_name != node.name:
        yield Mismatch(kind=NODE_NAME, wanted=f"nodeName={spec.node_name}", found=node.name)


def _compare_selector(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    return _compare_requirements(NODE_SELECTOR, spec.node_selector, node)


def _compare_affinity(spec: SchedulingSpec, node: Node) -> Iterable[Mismatch]:
    """Return the mismatches of the term with the fewest mismatches; none if the node meets a term."""
    if spec.terms is None:
        return ()
    by_term = [
        [
            *_compare_requirements(NODE_AFFINITY, term.expressions, node),
            *_compare_requirements(NODE_AFFINITY, term.fields, node, {NAME_FIELD: node.name}),
        ]
        for term in spec.terms
        if term.expressions or term.fields  # a term without requirements matches no node
    ]
    return min(by_term, key=len, default=[_EMPTY_TERMS])


def _compare_requirements(
    kind: str, requirements: Iterable[Requirement], node: Node, fields: Labels | None = None
) -> Iterator[Mismatch]:
    labels = node.labels if fields is None else fields
    for each in requirements:
        if not each.matches(labels) and not is_unknown(each, node):
            yield Mismatch(kind=kind, wanted=str(each), found=labels.get(each.key), requirement=each)


def _compare_taints(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    # The scheduler does not see a pod that names its node, and the kubelet obeys NoExecute only.
    effects = (NO_EXECUTE,) if spec.node_name else (NO_SCHEDULE, NO_EXECUTE)
    for taint in find_untolerated(node.taints, spec.tolerations, *effects):
        yield Mismatch(kind=TAINT, wanted="no toleration of the taint", found=str(taint), taint=taint)


def _compare_os(spec: SchedulingSpec, node: Node) -> Iterator[Mismatch]:
    found = node.labels.get(_OS_LABEL)
    if spec.os and found and found != spec.os:
        yield Mismatch(kind=OS, wanted=f"os.name={spec.os}", found=found)


_COMPARISONS = (_compare_name, _compare_selector, _compare_affinity, _compare_taints, _compare_os)
_EMPTY_TERMS = Mismatch(kind=NODE_AFFINITY, wanted="a term without requirements matches no node", found=None)
_OS_LABEL = "kubernetes.io/os"
