"""One thing that is asked of one label, as a NodeSelectorTerm or a label selector asks it.

Pure values: what has been read is legal, whoever reads it refuses the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels.syntax import Labels

LARGEST = 2**63 - 1
"""What Kubernetes compares is a signed number of 64 bits."""
_WHOLE = re.compile(r"([+-]?)0*([0-9]{1,19})")


def whole(text: str) -> int | None:
    """Return the number that Go's ``strconv.ParseInt`` reads in base 10; None where it reads none."""
    match = _WHOLE.fullmatch(text)
    number = int(match[1] + match[2]) if match else LARGEST + 1
    return number if -LARGEST - 1 <= number <= LARGEST else None


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
"""By Kubernetes' word: whether a label's value, None for none, is taken."""


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
