"""Explain why no node matches: how many nodes meet each criterion, and which values nodes have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import has_gpus
from gfd.kube.quantities import parse as parse_quantity
from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, extract_profile
from gfd.tools.select.comparisons import split
from gfd.tools.select.criteria import matches_product
from gfd.tools.select.selection import build_terms, matches
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.select.criteria import Criterion
    from gfd.tools.select.query import DeviceResource
    from gfd.tools.select.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    """The nodes that meet one criterion, and the values of all nodes."""

    criterion: Criterion
    matching: frozenset[tuple[str, DeviceResource]]
    """The nodes that meet this criterion, apart from the others: pairs of name and resource."""
    values: tuple[tuple[str, int], ...]
    """Each value with the number of nodes that have it, the closest to the criterion first."""

    @property
    def node_count(self) -> int:
        """Return how many nodes meet the criterion."""
        return len({name for name, _ in self.matching})


_DEVICE_OPTIONS = ("--product", "--mig")
"""Options that name the device; the others are about its properties."""
_MEMORY_HINT = "; NVML, and so the label, counts less memory than the name of a GPU says"


def evaluate(selection: Selection, nodes: Sequence[Node]) -> list[CriterionResult]:
    """Return the result of each criterion on ``nodes``."""
    return [_evaluate(each, selection.devices, nodes) for each in selection.criteria]


def explain(selection: Selection, nodes: Sequence[Node], results: Sequence[CriterionResult]) -> str:
    """Return a sentence that explains why no node matches, and which node is closest."""
    with_gpus = [node for node in nodes if has_gpus(node)]
    if not with_gpus:
        return f"none of {pluralize(len(nodes), 'node')} has a GPU" if nodes else "there are no nodes"
    if selection.rejections:
        first, *others = selection.rejections
        if others:
            return (
                f"{len(others) + 1} nodes match, but none can run the pod; {first.node.name} {first.reason}"
            )
        return f"{first.node.name} matches, but cannot run the pod: it {first.reason}"
    for result in results:
        if not result.matching:
            count = len(with_gpus)
            none = f"matches none of {count} nodes" if count > 1 else "does not match the only node"
            return f"{result.criterion} {none} with GPUs; {_name_closest(result)}"
    pairs = [(node, device) for node in with_gpus for device in selection.devices]
    node, device = min(pairs, key=lambda pair: _measure_node(results, *pair))
    unmet = _find_unmet(results, node, device)
    has = " and ".join(
        f"{', '.join(_read_values(each, node, device)) or 'no value'} for {each.criterion}" for each in unmet
    )
    hint = _MEMORY_HINT if any(each.criterion.option == "--memory" for each in unmet) else ""
    return f"no node meets all criteria; {node.name} comes closest, but has {has}{hint}"


def _evaluate(
    criterion: Criterion, devices: Sequence[DeviceResource], nodes: Sequence[Node]
) -> CriterionResult:
    matching: set[tuple[str, DeviceResource]] = set()
    values: Counter[str] = Counter()
    for device in devices:
        terms = build_terms([criterion], device, nodes)
        matching |= {(node.name, device) for node in nodes if matches(terms, node.labels)}
    for node in nodes:
        values.update({value for device in devices for value in criterion.read_values(device, node.labels)})
    closest = sorted(values.items(), key=lambda pair: (_measure(criterion, pair[0]), pair[0]))
    return CriterionResult(criterion=criterion, matching=frozenset(matching), values=tuple(closest))


def _find_unmet(
    results: Sequence[CriterionResult], node: Node, device: DeviceResource
) -> list[CriterionResult]:
    return [each for each in results if (node.name, device) not in each.matching]


def _measure_node(results: Sequence[CriterionResult], node: Node, device: DeviceResource) -> tuple[Any, ...]:
    """Return the distance of a node from the query: unmet criteria, whether the device differs, distances."""
    unmet = _find_unmet(results, node, device)
    return (
        len(unmet),
        any(each.criterion.option in _DEVICE_OPTIONS for each in unmet),
        [
            min(
                (_measure(each.criterion, value) for value in _read_values(each, node, device)),
                default=(inf,),
            )
            for each in unmet
        ],
    )


def _name_closest(result: CriterionResult) -> str:
    if not result.values:
        return "no node has a label for it"
    option, text = result.criterion.option, result.criterion.text
    if option == "--product":
        profiles = {extract_profile(value) for value, _ in result.values if matches_product(text, value)}
        profiles -= {"", INVALID}
        if profiles:
            return f"MIG divides it: add --mig {' or --mig '.join(sorted(profiles))}"
    value, number = result.values[0]
    hint = _MEMORY_HINT if option == "--memory" else ""
    return f"the closest is {value} ({pluralize(number, 'node')}){hint}"


def _read_values(result: CriterionResult, node: Node, device: DeviceResource) -> tuple[str, ...]:
    return result.criterion.read_values(device, node.labels)


def _measure(criterion: Criterion, value: str) -> tuple[float, ...]:
    """Return the distance of a value from the criterion, comparable with others of the same criterion."""
    if criterion.option in _DEVICE_OPTIONS:
        return (-SequenceMatcher(None, criterion.text.lower(), value.lower()).ratio(),)
    bounds = [split(text).text for text in criterion.text.split(",")]
    return min(_measure_from(criterion.option, bound, value) for bound in bounds)


def _measure_from(option: str, bound: str, value: str) -> tuple[float, ...]:
    if option == "--memory":
        try:
            return (float(abs(parse_quantity(bound) - parse_quantity(value))),)
        except ValueError:  # a label can have any text
            return (inf,)
    pairs = zip_longest(bound.split("."), value.split("."), fillvalue="0")
    numbers = [(parse_integer(one), parse_integer(other)) for one, other in pairs]
    return tuple(inf if one is None or other is None else abs(one - other) for one, other in numbers)
