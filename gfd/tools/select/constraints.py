"""What labels may be: numbers and values, put together, and written as Kubernetes can ask for them.

Kubernetes knows neither "at least" nor "or" within a term: its Gt and Lt are strict and for whole numbers,
and only terms are alternatives. A label about GPUs is never negative, and a negative number would be refused
there, as no label could have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gfd.kube.requirements import Requirement, parse_integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Whole numbers from ``least`` to ``most``, both included; ``most`` None: without end."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """One of some texts."""

    texts: frozenset[str]


Condition = Numbers | Values
Box = Mapping[str, Condition]
"""By label: all of them hold."""
Boxes = tuple[Box, ...]
"""One of them holds; none: nothing does."""
ANYTHING: Boxes = ({},)
Spell = Callable[[str, int], tuple[str, ...]]
"""How a number is written as the value of a label, all ways that count."""


def both(one: Boxes, other: Boxes) -> Boxes:
    """Return what is in ``one`` and in ``other``."""
    met = (_meet_boxes(first, second) for first in one for second in other)
    return tuple(box for box in met if box is not None)


def is_nothing(condition: Condition) -> bool:
    """Return whether no label can be so."""
    if isinstance(condition, Values):
        return not condition.texts
    return condition.most is not None and condition.most < condition.least


def to_terms(boxes: Boxes, spell: Spell) -> tuple[tuple[Requirement, ...], ...]:
    """Return the requirements of each box: a NodeSelectorTerm each."""
    return tuple(
        tuple(need for key in sorted(box) for need in _to_requirements(key, box[key], spell)) for box in boxes
    )


def _to_requirements(key: str, condition: Condition, spell: Spell) -> list[Requirement]:
    if isinstance(condition, Values):
        return [Requirement(key=key, operator="In", values=tuple(sorted(condition.texts)))]
    least, most = condition.least, condition.most
    if least == most:
        return [Requirement(key=key, operator="In", values=spell(key, least))]
    found = []
    if least > 0:
        found.append(Requirement(key=key, operator="Gt", values=(str(least - 1),)))
    if most is not None:
        found.append(Requirement(key=key, operator="Lt", values=(str(most + 1),)))
    return found or [Requirement(key=key, operator="Exists")]


def _meet_boxes(one: Box, other: Box) -> Box | None:
    met = {**one, **other}
    for key in one.keys() & other.keys():
        met[key] = _meet(one[key], other[key])
    return None if any(map(is_nothing, met.values())) else met


def _meet(one: Condition, other: Condition) -> Condition:
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        ends = [each.most for each in (one, other) if each.most is not None]
        return Numbers(least=max(one.least, other.least), most=min(ends, default=None))
    if isinstance(one, Values) and isinstance(other, Values):
        return Values(texts=one.texts & other.texts)
    values, numbers = (one, other) if isinstance(one, Values) else (other, one)
    assert isinstance(values, Values)
    assert isinstance(numbers, Numbers)
    return Values(texts=frozenset(text for text in values.texts if _is_within(text, numbers)))


def _is_within(text: str, numbers: Numbers) -> bool:
    number = parse_integer(text)
    return number is not None and numbers.least <= number and (numbers.most is None or number <= numbers.most)
