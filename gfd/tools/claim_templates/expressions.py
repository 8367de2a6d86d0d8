"""Write CEL expressions about the devices of NVIDIA's DRA driver.

CEL treats an absent attribute as an error, and the scheduler then allocates nothing at all, not even other
devices. So each expression asks first whether the attribute is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.kube.paths import DRA_DRIVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ATTRIBUTES, CAPACITY = f"device.attributes['{DRA_DRIVER}']", f"device.capacity['{DRA_DRIVER}']"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The ordered values from ``least`` to those below ``below``; None means no limit."""

    least: Any = None
    below: Any = None

    def holds(self, value: Any) -> bool:
        """Return whether the value is in the interval."""
        return (self.least is None or value >= self.least) and (self.below is None or value < self.below)


def compare(path: str, intervals: Sequence[Interval], constant: Callable[[Any], str]) -> str:
    """Return CEL that is true if ``path`` is there and in one of the intervals.

    ``constant`` returns the CEL constant of a bound.
    """
    parts = [
        " &&\n".join(
            f"{path}.compareTo({constant(bound)}) {operator} 0"
            for operator, bound in ((">=", each.least), ("<", each.below))
            if bound is not None
        )
        for each in intervals
    ]
    if not all(parts):  # any value is good enough
        return f"has({path})"
    joined = parts[0] if len(parts) == 1 else "(" + " ||\n".join(parts) + ")"
    return f"has({path}) &&\n{joined}"


def is_one_of(path: str, texts: Sequence[str]) -> str:
    """Return CEL that is true if ``path`` is there and one of the texts."""
    values = [quote(text) for text in texts]
    test = f"== {values[0]}" if len(values) == 1 else f"in [{', '.join(values)}]"
    return f"has({path}) &&\n{path} {test}"


def quote(text: str) -> str:
    """Return a text as a CEL string."""
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + "'"
