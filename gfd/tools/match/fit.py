"""Whether a pod fits a Node, as kube-scheduler decides it, and if not, what is in the way.

Looked at are nodeName, nodeSelector, nodeAffinity, taints, and requests of NVIDIA's devices, against what is
free of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.requirements import OPERATORS
from gfd.tools.match.selectors import score
from gfd.tools.match.taints import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, untolerated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.spec import Spec

NODE_NAME, NODE_SELECTOR, NODE_AFFINITY, TAINT, RESOURCE = (
    "nodeName",
    "nodeSelector",
    "nodeAffinity",
    "taint",
    "resource",
)
"""Kinds of :class:`Failure`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that keeps a pod off a Node."""

    kind: str
    term: str
    """What the pod asks for."""
    there: str | None
    """What the Node has instead; None for a label that it lacks."""
    requirement: Requirement | None = None
    taint: Taint | None = None
    resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a pod on a Node."""

    node: Node
    failures: tuple[Failure, ...]
    """Empty if it fits."""
    score: int = 0
    """Where it fits: the sum of the weights of the preferred terms that the Node meets."""
    avoided: tuple[Taint, ...] = ()
    """Taints that say PreferNoSchedule and are not tolerated: the Node comes after others."""

    @property
    def fits(self) -> bool:
        """Return whether the pod can run there."""
        return not self.failures


def judge(spec: Spec, node: Node) -> Verdict:
    """Return what becomes of a pod on ``node``."""
    return _Judge(spec)(node)


def judge_all(spec: Spec, nodes: Iterable[Node]) -> list[Verdict]:
    """Return what becomes of a pod on each Node: where it fits first, the best of them foremost."""
    return sorted(map(_Judge(spec), nodes), key=_rank)


def _rank(verdict: Verdict) -> tuple[bool, int, int, str]:
    if not verdict.fits:
        return (True, 0, 0, verdict.node.name)
    return (False, -verdict.score, len(verdict.avoided), verdict.node.name)


class _Check:
    """A requirement, which looks at each value of a label once."""

    __slots__ = ("_failures", "_kind", "_requirement", "key")

    def __init__(self, kind: str, requirement: Requirement) -> None:
        self.key = requirement.key
        self._kind, self._requirement = kind, requirement
        self._failures: dict[str | None, Failure | None] = {}

    def __call__(self, value: str | None) -> Failure | None:
        try:
            return self._failures[value]
        except KeyError:
            failure = self._failures[value] = self._look(value)
            return failure

    def _look(self, value: str | None) -> Failure | None:
        asked = self._requirement
        if OPERATORS[asked.operator](value, asked.values):
            return None
        return Failure(kind=self._kind, term=str(asked), there=value, requirement=asked)


class _Judge:
    """A pod, to be put on one Node after the other."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._selector = [_Check(NODE_SELECTOR, each) for each in spec.node_selector]
        self._terms = [
            tuple([_Check(NODE_AFFINITY, each) for each in part] for part in (term.expressions, term.fields))
            for term in spec.terms or ()
        ]
        # Whoever names a node goes past the scheduler; its kubelet minds these taints only.
        self._effects = (NO_EXECUTE,) if spec.node_name else (NO_SCHEDULE, NO_EXECUTE)

    def __call__(self, node: Node) -> Verdict:
        spec, failures = self._spec, tuple(self._fail(node))
        if failures:
            return Verdict(node=node, failures=failures)
        return Verdict(
            node=node,
            failures=(),
            score=score(spec.preferences, node.labels, node.name),
            avoided=untolerated(node.taints, spec.tolerations, PREFER_NO_SCHEDULE),
        )

    def _fail(self, node: Node) -> Iterator[Failure]:
        spec, labels = self._spec, node.labels
        if spec.node_name and spec.node_name != node.name:
            yield Failure(kind=NODE_NAME, term=f"nodeName={spec.node_name}", there=node.name)
        for check in self._selector:
            if failure := check(labels.get(check.key)):
                yield failure
        if spec.terms is not None:
            yield from self._fail_terms(node)
        for taint in untolerated(node.taints, spec.tolerations, *self._effects) if node.taints else ():
            yield Failure(kind=TAINT, term="no toleration of the taint", there=str(taint), taint=taint)
        for resource, count in spec.requests.items():
            if count > free(spec, node, resource):
                there = describe(spec, node, resource)
                yield Failure(kind=RESOURCE, term=f"{count} {resource}", there=there, resource=resource)

    def _fail_terms(self, node: Node) -> Sequence[Failure]:
        """Return what the Node lacks of the term that it lacks least of; nothing where it meets one."""
        lacks = []
        for expressions, fields in self._terms:
            if not expressions and not fields:
                continue  # a term without requirements matches nothing
            found = [failure for each in expressions if (failure := each(node.labels.get(each.key)))]
            found += [failure for each in fields if (failure := each(node.name))]
            if not found:
                return ()
            lacks.append(found)
        return min(lacks, key=len, default=_EMPTY_TERMS)


_EMPTY_TERMS = (Failure(kind=NODE_AFFINITY, term="a term without requirements matches no node", there=None),)


def free(spec: Spec, node: Node, resource: str) -> int:
    """Return how many devices of that name a Node has for this pod, which may have some of them already."""
    own = spec.requests.get(resource, 0) if spec.placed_on == node.name else 0
    return max(0, min(node.free(resource) + own, node.allocatable.get(resource, 0)))


def describe(spec: Spec, node: Node, resource: str) -> str:
    """Return in words what a Node has of a resource, or has instead."""
    offered = node.allocatable.get(resource, 0)
    if offered:
        return f"{free(spec, node, resource)} of {offered} free"
    others = [f"{count} {name}" for name, count in sorted(node.allocatable.items()) if count]
    return f"none, but {', '.join(others)}" if others else "none"
