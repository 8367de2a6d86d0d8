"""Constraints on labels, and the NodeSelectorTerms that express them.

Kubernetes has no "at least": ``Gt`` and ``Lt`` mean strictly greater and less, and compare whole numbers. It
has no "or" within a term: only terms are alternatives. Labels of GPUs are never negative, so no term has
negative numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gfd.kube.requirements import Requirement, parse_integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The whole numbers from ``least`` to ``most``, both included; ``most`` None means no limit."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A set of texts; the value must be one of them."""

    texts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A set of texts; the value must be none of them, and the label may be absent."""

    texts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A label that must be absent."""


Constraint = Range | Choice | Exclusion | Absence
AllOf = Mapping[str, Constraint]
"""Constraints by label; a node must meet all of them."""
AnyOf = tuple[AllOf, ...]
"""Alternatives; a node must meet one of them. Without alternatives, no node matches."""
ANYTHING: AnyOf = ({},)
NumberFormatter = Callable[[str, int], tuple[str, ...]]
"""Returns the texts with which the label ``key`` may express a number."""


def intersect(one: AnyOf, other: AnyOf) -> AnyOf:
    """Return the constraints that hold if both ``one`` and ``other`` hold."""
    merged = (_merge(first, second) for first in one for second in other)
    return tuple(each for each in merged if each is not None)


def is_empty(constraint: Constraint) -> bool:
    """Return whether no value meets the constraint."""
    if isinstance(constraint, Choice):
        return not constraint.texts
    if not isinstance(constraint, Range):
        return False
    return constraint.most is not None and constraint.most < constraint.least


def to_terms(constraints: AnyOf, format_number: NumberFormatter) -> tuple[tuple[Requirement, ...], ...]:
    """Return the NodeSelectorTerms for the constraints, one for each alternative."""
    return tuple(
        tuple(
            requirement
            for key in sorted(each)
            for requirement in _to_requirements(key, each[key], format_number)
        )
        for each in constraints
    )


def _to_requirements(key: str, constraint: Constraint, format_number: NumberFormatter) -> list[Requirement]:
    if isinstance(constraint, Choice):
        return [Requirement(key=key, operator="In", values=tuple(sorted(constraint.texts)))]
    if isinstance(constraint, Exclusion):
        return [Requirement(key=key, operator="NotIn", values=tuple(sorted(constraint.texts)))]
    if isinstance(constraint, Absence):
        return [Requirement(key=key, operator="DoesNotExist")]
    least, most = constraint.least, constraint.most
    if least == most:
        return [Requirement(key=key, operator="In", values=format_number(key, least))]
    found = []
    if least > 0:
        found.append(Requirement(key=key, operator="Gt", values=(str(least - 1),)))
    if most is not None:
        found.append(Requirement(key=key, operator="Lt", values=(str(most + 1),)))
    return found or [Requirement(key=key, operator="Exists")]


def _merge(one: AllOf, other: AllOf) -> AllOf | None:
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        merged[key] = _intersect_constraints(one[key], other[key])
    return None if any(map(is_empty, merged.values())) else merged


def _intersect_constraints(one: Constraint, other: Constraint) -> Constraint:
    if isinstance(one, Range) and isinstance(other, Range):
        limits = [each.most for each in (one, other) if each.most is not None]
        return Range(least=max(one.least, other.least), most=min(limits, default=None))
    if isinstance(one, Choice) and isinstance(other, Choice):
        return Choice(texts=one.texts & other.texts)
    if isinstance(one, Choice) and isinstance(other, Exclusion):
        return Choice(texts=one.texts - other.texts)
    if one == other:
        return one
    choice, numbers = (one, other) if isinstance(one, Choice) else (other, one)
    assert isinstance(choice, Choice)
    assert isinstance(numbers, Range)
    return Choice(texts=frozenset(text for text in choice.texts if _is_within(text, numbers)))


def _is_within(text: str, numbers: Range) -> bool:
    number = parse_integer(text)
    return number is not None and numbers.least <= number and (numbers.most is None or number <= numbers.most)
