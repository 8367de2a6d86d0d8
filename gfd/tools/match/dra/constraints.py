"""Check the constraints of a claim while its devices are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.clusterview.dra.model import AttributeValue, Device
    from gfd.tools.match.dra.model import ClaimConstraint


class ConstraintState:
    """A constraint, and the values of its attribute in the devices chosen so far."""

    def __init__(self, constraint: ClaimConstraint) -> None:
        self.constraint = constraint
        self._values: list[AttributeValue] = []

    def concerns(self, request: str) -> bool:
        """Return whether the constraint is for a request: ``gpu``, or an alternative: ``gpu/large``."""
        names = self.constraint.requests
        return not names or request in names or request.partition("/")[0] in names

    def add(self, device: Device) -> bool:
        """Choose a device; return False, and do not choose it, if it breaks the constraint."""
        value = device.attributes.get(self.constraint.attribute)
        if value is None or not self._suits(value):
            return False
        self._values.append(value)
        return True

    def remove_last(self) -> None:
        """Undo the last choice."""
        self._values.pop()

    def _suits(self, value: AttributeValue) -> bool:
        if self.constraint.match_attribute:
            return not self._values or _are_equal(value, self._values[0])
        # With the feature gate DRAListTypeAttributes off, a list neither equals nor differs from a value.
        return not self._values or (
            not isinstance(value, tuple) and not any(_are_equal(value, each) for each in self._values)
        )


def _are_equal(one: AttributeValue, other: AttributeValue) -> bool:
    # In Python, 1 equals True.
    return type(one) is type(other) and not isinstance(one, tuple) and one == other
