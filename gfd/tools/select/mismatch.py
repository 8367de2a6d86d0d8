"""Explain why no node matches: how many nodes meet each criterion, and which values nodes have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import has_gpus
from gfd.text import join_words
from gfd.tools.select.selection import build_terms, matches
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.select.criterion import Criterion
    from gfd.tools.select.query import DeviceResource
    from gfd.tools.select.selection import Selection

_MAX_NAMES = 2
"""The maximum number of nodes to name for one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeValue:
    """A value of a criterion's labels, and the nodes that have it."""

    value: str
    distance: tuple[float, ...]
    """How far the value is from the criterion."""
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    """The nodes that meet one criterion, and the values of all nodes."""

    criterion: Criterion
    matching: frozenset[tuple[str, DeviceResource]]
    """The nodes that meet this criterion, apart from the others: pairs of name and resource."""
    values: tuple[NodeValue, ...]
    """The values that nodes have, the closest to the criterion first."""

    @property
    def names(self) -> set[str]:
        """Return the names of the nodes that meet the criterion."""
        return {name for name, _ in self.matching}


def evaluate(selection: Selection, nodes: Sequence[Node]) -> list[CriterionResult]:
    """Return the result of each criterion on ``nodes``; leave out an implied one that all GPUs meet."""
    results = [_evaluate(each, selection.devices, nodes) for each in selection.criteria]
    names = {node.name for node in nodes if has_gpus(node)}
    return [each for each in results if not each.criterion.implied or not names <= each.names]


def explain(selection: Selection, nodes: Sequence[Node], results: Sequence[CriterionResult]) -> str:
    """Return a sentence that explains why no node matches, and which node is closest."""
    with_gpus = [node for node in nodes if has_gpus(node)]
    if not with_gpus:
        return f"none of {pluralize(len(nodes), 'node')} has a GPU" if nodes else "there are no nodes"
    if selection.rejections:
        return _explain_rejections(selection)
    unmet = find_unmet(results)
    if unmet is not None:
        return _explain_unmet(unmet, with_gpus)
    return f"no node meets all criteria; {describe_closest_node(selection, with_gpus, results)}"


def find_unmet(results: Sequence[CriterionResult]) -> CriterionResult | None:
    """Return the first criterion that no node meets; None if there is none."""
    return next((result for result in results if not result.matching), None)


def describe_closest_node(
    selection: Selection, with_gpus: Sequence[Node], results: Sequence[CriterionResult], source: str = "label"
) -> str:
    """Return which node comes closest to all criteria, and what it lacks.

    ``source`` is what tells a value.
    """
    pairs = [(node, device) for node in with_gpus for device in selection.devices]
    node, device = min(pairs, key=lambda pair: _measure_node(results, *pair))
    unmet = _find_unmet(results, node, device)
    lacks = " and ".join(_describe_unmet(each.criterion, node, device, source) for each in unmet)
    advice = "".join(f"; {text}" for each in unmet if (text := each.criterion.advise([node])))
    return f"{node.name} comes closest, but {lacks}{advice}"


def explain_near_misses(results: Sequence[CriterionResult], nodes: Sequence[Node]) -> list[str]:
    """Return a sentence for each value that misses one criterion by little, on nodes that meet all others."""
    found = []
    for result in results:
        others = [each.names for each in results if each is not result]
        for value in result.values:
            names = [
                name
                for name in value.nodes
                if name not in result.names and all(name in other for other in others)
            ]
            if names and result.criterion.is_near(value.value):
                advice = result.criterion.advise([node for node in nodes if node.name in names])
                missing = f"{_name_nodes(names)} {result.criterion.describe(value.value)}"
                found.append("; ".join(filter(None, (missing, advice))))
    return found


def _explain_rejections(selection: Selection) -> str:
    first, *others = selection.rejections
    if others:
        return f"{len(others) + 1} nodes match, but none can run the pod; {first.node.name} {first.reason}"
    return f"{first.node.name} matches, but cannot run the pod: it {first.reason}"


def _explain_unmet(result: CriterionResult, with_gpus: Sequence[Node]) -> str:
    criterion, count = result.criterion, len(with_gpus)
    if criterion.implied:
        head = f"no node has {criterion.implied}"
    elif count > 1:
        head = f"{criterion} matches none of {count} nodes with GPUs"
    else:
        head = f"{criterion} does not match the only node with GPUs"
    return f"{head}; {describe_closest(result, with_gpus)}"


def describe_closest(result: CriterionResult, with_gpus: Sequence[Node], source: str = "label") -> str:
    """Return the value that comes closest to a criterion, with its nodes and advice.

    ``source`` is what tells a value.
    """
    advice = result.criterion.advise(with_gpus)
    if not result.values:
        return advice or f"no node has a {source} for it"
    closest = result.values[0]
    has = f"closest: {_name_nodes(closest.nodes)} {result.criterion.describe(closest.value)}"
    return f"{has}; {advice}" if advice else has


def _name_nodes(names: Sequence[str]) -> str:
    """Return the names with a verb: ``a1 has``, ``a1 and a2 have``, ``a1, a2 and 5 more nodes have``."""
    others = len(names) - _MAX_NAMES
    shown = [*names] if others <= 1 else [*names[:_MAX_NAMES], f"{others} more nodes"]
    return f"{join_words(shown, 'and')} {'has' if len(names) == 1 else 'have'}"


def _describe_unmet(criterion: Criterion, node: Node, device: DeviceResource, source: str) -> str:
    values = criterion.read_values(device, node.labels)
    return f"for {criterion} it has {', '.join(map(criterion.describe, values)) or f'no {source}'}"


def _evaluate(
    criterion: Criterion, devices: Sequence[DeviceResource], nodes: Sequence[Node]
) -> CriterionResult:
    with_gpus = [node for node in nodes if has_gpus(node)]
    matching: set[tuple[str, DeviceResource]] = set()
    names: dict[str, list[str]] = {}
    distances: dict[str, tuple[float, ...]] = {}
    alone = replace(criterion, constraints=criterion.alone or criterion.constraints)
    for device in devices:
        terms = build_terms([alone], device, nodes)
        matching |= {(node.name, device) for node in with_gpus if matches(terms, node.labels)}
    for node in nodes:
        for value in {value for device in devices for value in criterion.read_values(device, node.labels)}:
            names.setdefault(value, []).append(node.name)
            distances.setdefault(value, criterion.measure(value))
    values = [NodeValue(value=value, distance=distances[value], nodes=tuple(names[value])) for value in names]
    return CriterionResult(
        criterion=criterion,
        matching=frozenset(matching),
        values=tuple(sorted(values, key=lambda each: (each.distance, each.value))),
    )


def _find_unmet(
    results: Sequence[CriterionResult], node: Node, device: DeviceResource
) -> list[CriterionResult]:
    return [each for each in results if (node.name, device) not in each.matching]


def _measure_node(results: Sequence[CriterionResult], node: Node, device: DeviceResource) -> tuple[Any, ...]:
    """Return the distance of a node from the query: unmet criteria, whether the device differs, distances."""
    unmet = _find_unmet(results, node, device)
    return (
        len(unmet),
        any(each.criterion.names_device for each in unmet),
        [
            min(
                map(each.criterion.measure, each.criterion.read_values(device, node.labels)),
                default=(inf,),
            )
            for each in unmet
        ],
    )
