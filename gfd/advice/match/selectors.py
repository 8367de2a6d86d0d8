"""Which Nodes a pod's selectors take, as kube-scheduler decides it.

Pure values: what has been read is legal (:mod:`gfd.advice.match.podspec` refuses the rest). Texts are in the
syntax of ``kubectl get nodes --selector``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels import Labels

NAME_FIELD = "metadata.name"
"""The one field that matchFields may ask for."""

_WHOLE = re.compile(r"[+-]?[0-9]+")
_LIMIT = 2**63


def whole(text: str) -> int | None:
    """Return the number that Go's ``strconv.ParseInt`` reads, of 64 bits; None where it reads none."""
    if not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if -_LIMIT <= number < _LIMIT else None


def _exceeds(one: str, other: str) -> bool:
    larger, smaller = whole(one), whole(other)
    return larger is not None and smaller is not None and larger > smaller


OPERATORS: Mapping[str, Callable[[str | None, tuple[str, ...]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: value is not None and _exceeds(value, values[0]),
    "Lt": lambda value, values: value is not None and _exceeds(values[0], value),
}
"""By operator of a NodeSelectorRequirement: whether a label's value, None for none, is taken."""

_TEXTS: Mapping[str, Callable[[str, tuple[str, ...]], str]] = {
    "In": lambda key, values: f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({','.join(values)})",
    "NotIn": lambda key, values: (
        f"{key}!={values[0]}" if len(values) == 1 else f"{key} notin ({','.join(values)})"
    ),
    "Exists": lambda key, _: key,
    "DoesNotExist": lambda key, _: f"!{key}",
    "Gt": lambda key, values: f"{key}>{values[0]}",
    "Lt": lambda key, values: f"{key}<{values[0]}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that is asked of one label, or of the Node's name."""

    key: str
    operator: str
    """A key of :data:`OPERATORS`."""
    values: tuple[str, ...] = ()
    line: int = 0
    """Of the file that it stands in; 0 where it stands in none."""
    is_shorthand: bool = False
    """Whether it stands in nodeSelector, as ``key: value``."""

    def matches(self, labels: Labels) -> bool:
        """Return whether a Node with these labels is taken."""
        return OPERATORS[self.operator](labels.get(self.key), self.values)

    def __str__(self) -> str:
        """Return it in the syntax of ``kubectl get nodes --selector``."""
        return _TEXTS[self.operator](self.key, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A NodeSelectorTerm: all of its requirements hold, or it does not; without any it never does."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()
    """About :data:`NAME_FIELD`."""

    def failures(self, labels: Labels, name: str) -> tuple[Requirement, ...]:
        """Return the requirements that a Node does not meet."""
        return (
            *(each for each in self.expressions if not each.matches(labels)),
            *(each for each in self.fields if not each.matches({NAME_FIELD: name})),
        )

    def matches(self, labels: Labels, name: str) -> bool:
        """Return whether a Node is taken."""
        return bool(self.expressions or self.fields) and not self.failures(labels, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A PreferredSchedulingTerm: what makes a Node better, by its weight."""

    weight: int
    """1 to 100."""
    term: Term


def score(preferences: tuple[Preference, ...], labels: Labels, name: str) -> int:
    """Return the sum of the weights of what a Node has of ``preferences``."""
    return sum(each.weight for each in preferences if each.term.matches(labels, name))
