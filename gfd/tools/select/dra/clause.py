"""One wish about a device: as CEL for a ResourceClaim, and as a test of a device in a ResourceSlice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.dra.model import Version
from gfd.text import escape
from gfd.tools.claim_templates.expressions import Interval
from gfd.tools.select.comparisons import AT_LEAST, AT_MOST, EQUAL, LESS, MORE, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.tools.select.comparisons import Comparison
    from gfd.tools.select.constraints import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClause:
    """A wish about a device."""

    option: str
    text: str
    """The option's value."""
    label: str
    """The label, or several of them, that tells the same on nodes with a device plugin."""
    meaning: str = ""
    """The values of the label; empty if they are :attr:`text`."""
    expression: str
    """The CEL expression that a device has to meet."""
    accepts: Callable[[Device], bool]
    """Returns whether a device meets the expression."""
    read_value: Callable[[Device], str]
    """Returns the value of a device, for people; empty if it is absent."""

    @property
    def cel(self) -> str:
        """The expression below a comment with the label that it stands for."""
        return f"// {self.label}: {escape(' '.join((self.meaning or self.text).split()))}\n{self.expression}"


def read_intervals(texts: Iterable[str]) -> list[Interval]:
    """Return the versions that meet all comparisons, as intervals of three numbers.

    Values with ``=`` are alternatives. The texts must be comparisons of versions.
    """
    comparisons = [split(text) for text in texts]
    found = [_read_interval(each) for each in comparisons if each.operator == EQUAL] or [Interval()]
    for each in comparisons:
        if each.operator != EQUAL:
            other = _read_interval(each)
            found = [_intersect(one, other) for one in found]
    return [each for each in found if each.below is None or each.least is None or each.least < each.below]


def _read_interval(comparison: Comparison) -> Interval:
    numbers = [int(part) for part in comparison.text.split(".")]
    first, after = _pad(numbers), _pad([*numbers[:-1], numbers[-1] + 1])
    return {
        AT_LEAST: Interval(least=first),
        MORE: Interval(least=after),
        AT_MOST: Interval(below=after),
        LESS: Interval(below=first),
        EQUAL: Interval(least=first, below=after),
    }[comparison.operator]


def _pad(numbers: Sequence[int]) -> tuple[int, ...]:
    return (*numbers, 0, 0)[:3]


def _intersect(one: Interval, other: Interval) -> Interval:
    least = [each.least for each in (one, other) if each.least is not None]
    below = [each.below for each in (one, other) if each.below is not None]
    return Interval(least=max(least, default=None), below=min(below, default=None))


def to_interval(numbers: Range) -> Interval:
    """Return whole numbers as an interval."""
    return Interval(least=numbers.least or None, below=None if numbers.most is None else numbers.most + 1)


def read_version(device: Device, attribute: str) -> tuple[int, ...] | None:
    """Return the three numbers of a version; None if the device has none."""
    value = device.attribute(attribute)
    if not isinstance(value, Version):
        return None
    numbers = value.text.partition("-")[0].partition("+")[0].split(".")
    return tuple(map(int, numbers)) if all(each.isdecimal() for each in numbers) else None
