"""Find the labels and resources that come closest to those that no node has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.match.similarity import distance

if TYPE_CHECKING:
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.index import LabelIndex
    from gfd.tools.match.scheduling import SchedulingSpec

MAX_VALUES = 3
"""The maximum number of values in one suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A requirement that no node meets, and the nearest labels or resources that nodes have."""

    asked: str
    key: str
    """The label; empty for devices."""
    values: tuple[tuple[str, int], ...]
    """The nearest values of the label, or resources, each with its number of nodes."""
    keys: tuple[tuple[str, int], ...] = ()
    """If no node has the label: the labels with the most similar keys, each with its number of nodes."""


def find_suggestions(spec: SchedulingSpec, index: LabelIndex) -> list[Suggestion]:
    """Return a suggestion for each of a pod's requirements and resources that no node has."""
    nodes = index.nodes
    suggestions = [
        _suggest_label(each, index)
        for each in dict.fromkeys(spec.requirements())
        if not any(each.matches(node.labels) for node in nodes)
    ]
    for resource, count in spec.requests.items():
        is_device = resource.startswith(VENDOR)
        if count and is_device and not any(node.allocatable.get(resource) for node in nodes):
            offers = Counter(
                name
                for node in nodes
                for name, number in node.allocatable.items()
                if number and name.startswith(VENDOR)
            )
            suggestions.append(Suggestion(asked=resource, key="", values=_rank((resource,), offers)))
    return suggestions


def _suggest_label(requirement: Requirement, index: LabelIndex) -> Suggestion:
    key = requirement.key
    values = Counter(node.labels[key] for node in index.nodes if key in node.labels)
    if values or requirement.operator == "DoesNotExist":
        nearest = _rank_by_bound(requirement, values) or _rank(requirement.values, values)
        return Suggestion(asked=str(requirement), key=key, values=nearest)
    near = [other for other in index.find_alternatives(key) if not other.is_mig][:MAX_VALUES]
    keys = tuple((other.key, index.keys[other.key]) for other in near)
    return Suggestion(asked=str(requirement), key=key, values=(), keys=keys)


def _rank(wanted: tuple[str, ...], values: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the values that are most similar to one of ``wanted``."""
    ranked = sorted(
        values.items(), key=lambda item: (min(distance(each, item[0]) for each in wanted or ("",)), item[0])
    )
    return tuple(ranked[:MAX_VALUES])


def _rank_by_bound(requirement: Requirement, values: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the values nearest to a bound: the largest below it, or the smallest above it."""
    if requirement.operator not in ("Gt", "Lt"):
        return ()
    numbers = [(number, text) for text in values if (number := parse_integer(text)) is not None]
    ranked = sorted(numbers, reverse=requirement.operator == "Gt")
    return tuple((text, values[text]) for _, text in ranked[:MAX_VALUES])
