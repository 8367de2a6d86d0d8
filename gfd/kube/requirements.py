"""A requirement on one label, as in a NodeSelectorTerm or a label selector.

This module does not check keys, operators and values: the code that reads them has refused illegal ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels.syntax import Labels

MAX_INT64 = 2**63 - 1
"""Kubernetes compares signed numbers of 64 bits."""
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")


def parse_integer(text: str) -> int | None:
    """Return the number that Go's ``strconv.ParseInt`` reads in base 10; None if it refuses the text."""
    match = _INTEGER.fullmatch(text)
    number = int(match[1] + match[2]) if match else MAX_INT64 + 1
    return number if -MAX_INT64 - 1 <= number <= MAX_INT64 else None


def _exceeds(one: str, other: str) -> bool:
    larger, smaller = parse_integer(one), parse_integer(other)
    return larger is not None and smaller is not None and larger > smaller


OPERATORS: Mapping[str, Callable[[str | None, tuple[str, ...]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: value is not None and _exceeds(value, values[0]),
    "Lt": lambda value, values: value is not None and _exceeds(values[0], value),
}
"""Kubernetes' operators. Each takes a label's value (None without the label) and the required values."""

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
    """A requirement on one label, or on the node's name."""

    key: str
    operator: str
    """A key of :data:`OPERATORS`."""
    values: tuple[str, ...] = ()
    line: int = 0
    """The line in its file; 0 without a file."""
    is_shorthand: bool = False
    """Whether it comes from a nodeSelector, written as ``key: value``."""

    def matches(self, labels: Labels) -> bool:
        """Return whether ``labels`` meet the requirement."""
        return OPERATORS[self.operator](labels.get(self.key), self.values)

    def __str__(self) -> str:
        """Return the requirement in the syntax of ``kubectl get nodes --selector``."""
        return _TEXTS[self.operator](self.key, self.values)
