"""What would take away one failure: an edit of the pod, or something to wait for."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from gfd.clusterview.nodes import UNSCHEDULABLE
from gfd.kube.quantities import parse
from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.match import fit
from gfd.tools.match.edits import Edit, NodeNameChange, RequirementChange, ResourceChange, TolerationChange
from gfd.tools.match.selectors import NAME_FIELD
from gfd.tools.match.similarity import KNOWN, distance, explain
from gfd.tools.match.taints import CONDITION_PREFIX, Toleration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.fit import Failure
    from gfd.tools.match.index import Alternative, Census
    from gfd.tools.match.spec import Spec

LEFT_OUT = 1.5
"""What it costs to ask for less."""
_TOLERATED, _OTHER_DEVICES, _FEWER, _UNREADABLE = 0.3, 0.2, 0.5, 0.5
_MIB = 2**20


class Mender:
    """What would help a pod among the Nodes of a cluster; alike Nodes are looked at once."""

    def __init__(self, spec: Spec, census: Census) -> None:
        self._spec, self._census = spec, census
        self._mended: dict[tuple[object, ...], Edit | str | None] = {}

    def mend(self, failure: Failure, node: Node) -> Edit | str | None:
        """Return the edit that makes up for a failure, or what has to become true; None if nothing does."""
        alike: tuple[object, ...]
        if failure.requirement:
            others = self._census.find_alternatives(failure.requirement.key)
            there = (node.labels.get(other.key) for other in others)
            alike = (id(failure), node.name in self._census.described, *there)
        else:
            described = (*node.allocatable.items(), *node.requested.items()) if failure.resource else ()
            alike = (failure.kind, failure.resource, failure.taint, failure.there, *described)
        if alike not in self._mended:
            self._mended[alike] = _mend(failure, self._spec, node, self._census)
        return self._mended[alike]


def _mend(failure: Failure, spec: Spec, node: Node, census: Census) -> Edit | str | None:
    if failure.requirement:
        edits = _mend_requirement(failure.requirement, node, census)
        return min(edits, key=lambda edit: edit.cost, default=None)
    if failure.taint:
        return _mend_taint(failure.taint)
    if failure.kind == fit.RESOURCE:
        return _mend_resource(failure.resource, spec, node)
    if failure.kind == fit.NODE_NAME:
        change = NodeNameChange(name=spec.node_name, new_name=node.name)
        cost = distance(spec.node_name, node.name)
        return Edit(change=change, line=spec.lines.get("nodeName", 0), cost=cost)
    return None


def _mend_requirement(requirement: Requirement, node: Node, census: Census) -> Iterator[Edit]:
    key = requirement.key
    found = node.name if key == NAME_FIELD else node.labels.get(key)
    for other in census.find_alternatives(key):
        if other.key in node.labels and (found is None or (other.is_of_mig and requirement.operator == "In")):
            yield from _ask_of(other, requirement, node, is_close=found is None)
    if found is not None and (change := _CHANGES.get(requirement.operator)):
        yield from change(requirement, found)
    if not key.startswith(VENDOR) or node.name in census.described:
        yield _edit(requirement, None, LEFT_OUT)


def _ask_of(other: Alternative, requirement: Requirement, node: Node, *, is_close: bool) -> Iterator[Edit]:
    """Yield the same requirement of another label; where that is not met, and may be, with its value."""
    renamed = replace(requirement, key=other.key)
    why = "MIG devices have labels of their own under the strategy mixed" if other.is_of_mig else ""
    if renamed.matches(node.labels):
        yield _edit(requirement, renamed, other.cost, why)
    elif requirement.operator == "In" and is_close:
        value = node.labels[other.key]
        away = min(distance(each, value) for each in requirement.values)
        yield _edit(requirement, replace(renamed, values=(value,)), other.cost + away, why)


def _take_in(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the value that is there, in place of the only one asked for, or beside several."""
    nearest = min(requirement.values, key=lambda value: distance(value, found))
    values = (found,) if len(requirement.values) == 1 else (*requirement.values, found)
    why = explain(nearest, found)
    yield _edit(requirement, replace(requirement, values=values), distance(nearest, found), why)


def _let_in(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the same without the value that is there."""
    if rest := tuple(value for value in requirement.values if value != found):
        yield _edit(requirement, replace(requirement, values=rest), LEFT_OUT / 2)


def _move_bound(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the bound that the value there just meets, and the one that was meant, were it in MiB."""
    number, bound = parse_integer(found), requirement.values[0]
    if number is None:
        return
    if (
        parse_integer(bound) is None
        and requirement.key.endswith(".memory")
        and (mib := _in_mib(bound)) is not None
    ):
        moved = replace(requirement, values=(str(mib),))
        if moved.matches({requirement.key: found}):
            yield _edit(requirement, moved, KNOWN, "gpu.memory is in MiB, a whole number")
    step = number - 1 if requirement.operator == "Gt" else number + 1
    if step >= 0:
        away = _UNREADABLE if parse_integer(bound) is None else distance(bound, found)
        yield _edit(requirement, replace(requirement, values=(str(step),)), KNOWN + away)


def _in_mib(bound: str) -> int | None:
    try:
        return ceil(parse(bound) / _MIB)
    except ValueError:
        return None


_CHANGES: Mapping[str, Callable[[Requirement, str], Iterator[Edit]]] = {
    "In": _take_in,
    "NotIn": _let_in,
    "Gt": _move_bound,
    "Lt": _move_bound,
}


def _edit(before: Requirement, after: Requirement | None, cost: float, why: str = "") -> Edit:
    change = RequirementChange(before=before, after=after)
    return Edit(change=change, line=before.line, why=why, cost=cost)


def _mend_taint(taint: Taint) -> Edit | str:
    if taint.key == UNSCHEDULABLE:
        return "uncordoned (kubectl uncordon)"
    if taint.key.startswith(CONDITION_PREFIX):
        return f"rid of the taint {taint}"
    toleration = Toleration(key=taint.key, operator="Exists", effect=taint.effect)
    return Edit(change=TolerationChange(toleration=toleration), line=0, cost=_TOLERATED)


def _mend_resource(resource: str, spec: Spec, node: Node) -> Edit | str | None:
    count, offered = spec.requests[resource], node.allocatable.get(resource, 0)
    if offered >= count:
        return f"left with {count} {resource} free"
    options = [
        _exchange(spec, resource, other, count, _OTHER_DEVICES + distance(resource, other) / 10)
        for other in node.allocatable
        if other != resource and fit.free(spec, node, other) >= count
    ]
    if left := fit.free(spec, node, resource):
        options.append(
            _exchange(spec, resource, resource, left, _FEWER + distance(str(count), str(left)) / 10)
        )
    return min(options, key=lambda edit: edit.cost, default=None)


def _exchange(spec: Spec, resource: str, other: str, count: int, cost: float) -> Edit:
    change = ResourceChange(
        resource=resource, count=spec.requests[resource], new_resource=other, new_count=count
    )
    is_mig, is_other_mig = (name.startswith(VENDOR + "mig-") for name in (resource, other))
    why = ""
    if is_mig != is_other_mig:
        own = "resources of their own under the strategy mixed"
        why = f"MIG devices are {own}" if is_other_mig else "MIG devices are not resources of their own there"
    return Edit(change=change, line=spec.lines.get(resource, 0), why=why, cost=cost)
