"""From what is wanted of a device to the terms that select its nodes, and the nodes that they select now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from gfd.clusterview.gpus import SHARED
from gfd.kube.requirements import Requirement, parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.select.constraints import ANYTHING, both, to_terms
from gfd.tools.select.criteria import DRIVER, OLD_DRIVER, criteria_of, shapes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node, Taint
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import Spell
    from gfd.tools.select.criteria import Criterion, Shape, Wanted

Terms = tuple[tuple[Requirement, ...], ...]
"""One of the terms takes a node if all of its requirements do."""
HARD = ("NoSchedule", "NoExecute")
"""Effects of taints that keep a pod from being placed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way to get what is wanted; a pod can go one way only, since it requests one resource."""

    shape: Shape
    resource: str
    """To request."""
    terms: Terms
    nodes: tuple[Node, ...]
    """That take such a pod now, or when others have left, those with most devices free first."""
    refusing: tuple[tuple[Node, str], ...]
    """Those that the terms take, but which would not take the pod, and why."""

    @property
    def tolerations(self) -> tuple[Taint, ...]:
        """Return the taints of NVIDIA's that keep other pods off these nodes."""
        found = {
            (each.key, each.effect): each for node in self.nodes for each in _hard(node) if _is_own(each)
        }
        return tuple(found[key] for key in sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is wanted, and how it can be had."""

    wanted: Wanted
    criteria: tuple[Criterion, ...]
    shapes: tuple[Shape, ...]
    answers: tuple[Answer, ...]
    """Those with nodes; without any nodes to look at, all."""
    refusing: tuple[tuple[Node, str], ...]
    """Of ways without an answer."""


def select(wanted: Wanted, nodes: Sequence[Node] | None) -> Selection:
    """Return how to get what is wanted on ``nodes``; None: they are unknown. Raises ConfigError."""
    criteria, shapes = criteria_of(wanted, nodes), shapes_of(wanted)
    answers: list[Answer] = []
    refusing: list[tuple[Node, str]] = []
    for shape in shapes:
        terms = terms_of(criteria, shape, nodes or ())
        if nodes is None:
            if terms:
                empty = Answer(shape=shape, resource=shape.resource, terms=terms, nodes=(), refusing=())
                answers.append(empty)
            continue
        found = _answer(wanted, shape, terms, [node for node in nodes if takes(terms, node.labels)])
        answers += [each for each in found if each.nodes]
        refusing += [pair for each in found if not each.nodes for pair in each.refusing]
    return Selection(
        wanted=wanted, criteria=criteria, shapes=shapes, answers=tuple(answers), refusing=tuple(refusing)
    )


def terms_of(criteria: Sequence[Criterion], shape: Shape, nodes: Sequence[Node]) -> Terms:
    """Return the terms that take what meets all criteria; none if nothing can."""
    return to_terms(reduce(both, (each.boxes(shape) for each in criteria), ANYTHING), _speller(nodes))


def takes(terms: Terms, labels: Labels) -> bool:
    """Return whether a node with these labels is selected."""
    return any(all(each.matches(labels) for each in term) for term in terms)


def _answer(wanted: Wanted, shape: Shape, terms: Terms, nodes: Sequence[Node]) -> list[Answer]:
    """Return an answer for each name under which ``nodes`` offer the resource."""
    by_resource: dict[str, list[Node]] = {}
    for node in nodes:
        is_renamed = node.allocatable.get(shape.resource + SHARED, 0) > 0
        by_resource.setdefault(shape.resource + (SHARED if is_renamed else ""), []).append(node)
    answers = []
    for resource, offering in sorted(by_resource.items()):
        reasons = {node.name: _refusal(node, resource, wanted.count) for node in offering}
        taking = [node for node in offering if not reasons[node.name]]
        answers.append(
            Answer(
                shape=shape,
                resource=resource,
                terms=terms,
                nodes=tuple(sorted(taking, key=lambda node: (-_free(node, resource), node.name))),
                refusing=tuple((node, reasons[node.name]) for node in offering if reasons[node.name]),
            )
        )
    return answers


def _free(node: Node, resource: str) -> int:
    return node.free(resource) if node.is_counted else 0


def _refusal(node: Node, resource: str, count: int) -> str:
    """Return why a node would not take a pod though its labels are right; empty if it would."""
    for taint in _hard(node):
        if not _is_own(taint):
            return f"is tainted {taint}"
    offered = node.allocatable.get(resource, 0)
    return f"offers {offered} {resource}" if offered < count else ""


def _hard(node: Node) -> list[Taint]:
    return [taint for taint in node.taints if taint.effect in HARD]


def _is_own(taint: Taint) -> bool:
    return taint.key.startswith(VENDOR)


def _speller(nodes: Sequence[Node]) -> Spell:
    """Return how numbers are written on ``nodes``, or may be: a driver's parts have two digits."""

    def spell(key: str, number: int) -> tuple[str, ...]:
        told = {node.labels[key] for node in nodes if key in node.labels}
        found = sorted(text for text in told if parse_integer(text) == number)
        forms = {str(number), f"{number:02}"} if key in (*DRIVER[1:], *OLD_DRIVER[1:]) else {str(number)}
        return tuple(found or sorted(forms))

    return spell
