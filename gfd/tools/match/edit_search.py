"""Find a solution for one mismatch: an edit of the pod, or a state of the node to wait for."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from gfd.clusterview.nodes import UNSCHEDULABLE
from gfd.kube.quantities import parse
from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.match import fit, mismatches
from gfd.tools.match.amounts import format_request
from gfd.tools.match.edits import (
    Edit,
    add_toleration,
    replace_node_name,
    replace_request,
    replace_requirement,
)
from gfd.tools.match.scheduling import NAME_FIELD, Toleration
from gfd.tools.match.similarity import KNOWN, distance, explain
from gfd.tools.match.tolerations import CONDITION_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.clusterview.nodes import Node, Taint
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.index import Alternative, LabelIndex
    from gfd.tools.match.mismatches import Mismatch
    from gfd.tools.match.scheduling import SchedulingSpec

REMOVAL_COST = 1.5
"""The cost of an edit with which the pod requests less."""
_TOLERATION_COST, _OTHER_DEVICES_COST, _FEWER_DEVICES_COST, _UNREADABLE_COST = 0.3, 0.2, 0.5, 0.5
_MIB = 2**20


class EditSearch:
    """Finds solutions for the mismatches of one pod; examines equal nodes only once."""

    def __init__(self, spec: SchedulingSpec, index: LabelIndex) -> None:
        self._spec, self._index = spec, index
        self._found: dict[tuple[object, ...], Edit | str | None] = {}

    def resolve(self, mismatch: Mismatch, node: Node) -> Edit | str | None:
        """Return an edit, or the state of the node to wait for ("is uncordoned"); None if nothing helps."""
        key: tuple[object, ...]
        if mismatch.requirement:
            alternatives = self._index.find_alternatives(mismatch.requirement.key)
            values = (node.labels.get(other.key) for other in alternatives)
            key = (mismatch.requirement, mismatch.found, node.name in self._index.labelled, *values)
        else:
            is_device = mismatch.resource.startswith(VENDOR)
            devices = (*_list_devices(node.allocatable), *_list_devices(node.requested)) if is_device else ()
            key = (mismatch.kind, mismatch.resource, mismatch.taint, mismatch.found, *devices)
        if key not in self._found:
            self._found[key] = self._resolve(mismatch, node)
        return self._found[key]

    def _resolve(self, mismatch: Mismatch, node: Node) -> Edit | str | None:
        if mismatch.requirement:
            edits = _find_requirement_edits(mismatch.requirement, node, self._index)
            return min(edits, key=lambda edit: edit.cost, default=None)
        if mismatch.taint:
            return _resolve_taint(mismatch.taint)
        if mismatch.kind == mismatches.RESOURCE:
            return _resolve_request(mismatch.resource, self._spec, node)
        if mismatch.kind == mismatches.NODE_NAME:
            return replace_node_name(self._spec, node.name, distance(self._spec.node_name, node.name))
        return None


def _find_requirement_edits(requirement: Requirement, node: Node, index: LabelIndex) -> Iterator[Edit]:
    key = requirement.key
    value = node.name if key == NAME_FIELD else node.labels.get(key)
    for other in index.find_alternatives(key):
        if other.key in node.labels and (value is None or (other.is_mig and requirement.operator == "In")):
            yield from _use_other_label(other, requirement, node, is_close=value is None)
    if value is not None and (find := _BY_OPERATOR.get(requirement.operator)):
        yield from find(requirement, value)
    if not key.startswith(VENDOR) or node.name in index.labelled:
        yield replace_requirement(requirement, None, REMOVAL_COST)


def _use_other_label(
    other: Alternative, requirement: Requirement, node: Node, *, is_close: bool
) -> Iterator[Edit]:
    """Yield the same requirement on another label; if ``is_close``, else with the value that the node has."""
    renamed = replace(requirement, key=other.key)
    why = "MIG devices have labels of their own under the strategy mixed" if other.is_mig else ""
    if renamed.matches(node.labels):
        yield replace_requirement(requirement, renamed, other.cost, why)
    elif requirement.operator == "In" and is_close:
        value = node.labels[other.key]
        away = min(distance(each, value) for each in requirement.values)
        yield replace_requirement(requirement, replace(renamed, values=(value,)), other.cost + away, why)


def _accept_value(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the requirement with the node's value: in place of a single value, or added to several."""
    nearest = min(requirement.values, key=lambda value: distance(value, found))
    values = (found,) if len(requirement.values) == 1 else (*requirement.values, found)
    changed = replace(requirement, values=values)
    yield replace_requirement(requirement, changed, distance(nearest, found), explain(nearest, found))


def _drop_excluded_value(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the requirement without the node's value."""
    if rest := tuple(value for value in requirement.values if value != found):
        yield replace_requirement(requirement, replace(requirement, values=rest), REMOVAL_COST / 2)


def _move_bound(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the nearest bound that the node's value meets, and the bound in MiB if it has a unit."""
    number, bound = parse_integer(found), requirement.values[0]
    if number is None:
        return
    is_number = parse_integer(bound) is not None
    if not is_number and requirement.key.endswith(".memory") and (mib := _to_mib(bound)) is not None:
        moved = replace(requirement, values=(str(mib),))
        if moved.matches({requirement.key: found}):
            yield replace_requirement(requirement, moved, KNOWN, "gpu.memory is a whole number of MiB")
    step = number - 1 if requirement.operator == "Gt" else number + 1
    if step >= 0:
        away = distance(bound, found) if is_number else _UNREADABLE_COST
        yield replace_requirement(requirement, replace(requirement, values=(str(step),)), KNOWN + away)


def _to_mib(bound: str) -> int | None:
    try:
        return ceil(parse(bound) / _MIB)
    except ValueError:
        return None


_BY_OPERATOR: Mapping[str, Callable[[Requirement, str], Iterator[Edit]]] = {
    "In": _accept_value,
    "NotIn": _drop_excluded_value,
    "Gt": _move_bound,
    "Lt": _move_bound,
}


def _resolve_taint(taint: Taint) -> Edit | str:
    if taint.key == UNSCHEDULABLE:
        return "is uncordoned (kubectl uncordon)"
    if taint.key.startswith(CONDITION_PREFIX):
        return f"loses the taint {taint}"
    toleration = Toleration(key=taint.key, operator="Exists", effect=taint.effect)
    return add_toleration(toleration, _TOLERATION_COST)


def _resolve_request(resource: str, spec: SchedulingSpec, node: Node) -> Edit | str | None:
    count = spec.requests[resource]
    if node.allocatable.get(resource, 0) >= count:
        return f"has {format_request(resource, count)} free"
    if not resource.startswith(VENDOR):
        return None
    edits = []
    for other, _ in _list_devices(node.allocatable):
        if other != resource and fit.count_free(node, other) >= count:
            cost = _OTHER_DEVICES_COST + distance(resource, other) / 10
            edits.append(replace_request(spec, resource, other, count, cost))
    if left := fit.count_free(node, resource):
        cost = _FEWER_DEVICES_COST + distance(str(count), str(left)) / 10
        edits.append(replace_request(spec, resource, resource, left, cost))
    return min(edits, key=lambda edit: edit.cost, default=None)


def _list_devices(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in counts.items() if name.startswith(VENDOR)]
