"""Shapes of JSON values: whether what came from outside is what its reader relies on.

A shape is a function that raises :class:`Misshapen` for a value that is of another shape. Null is as absent,
since Kubernetes writes it for what is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = Callable[[Any], None]

_LARGEST = 1 << 63
_VERSION_DIGITS = 20
"""Of the largest number of 64 bits."""


class Misshapen(ValueError):
    """A value of another shape; the text completes "it …" and says where."""

    def __init__(self, problem: str, *path: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def within(self, name: str) -> Misshapen:
        """Return the same for the value that holds this one as ``name``."""
        return Misshapen(self.problem, name, *self.path)

    def __str__(self) -> str:
        """Return a sentence without a full stop: ``metadata.name is not a string``."""
        return f"{''.join(self.path).lstrip('.') or 'it'} {self.problem}"


def anything(value: Any) -> None:
    """Take everything."""


def text(value: Any) -> None:
    """Take a string that can be written as UTF-8."""
    if not isinstance(value, str):
        raise Misshapen("is not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misshapen("is not valid Unicode") from None


def boolean(value: Any) -> None:
    """Take true and false."""
    if not isinstance(value, bool):
        raise Misshapen("is neither true nor false")


def count(value: Any) -> None:
    """Take a whole number that is not negative."""
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise Misshapen("is not a whole number")


def version(value: Any) -> None:
    """Take a resourceVersion: since Kubernetes 1.35 it is a number that grows, and was one long before."""
    if not isinstance(value, str) or not value.isdecimal() or len(value) > _VERSION_DIGITS:
        raise Misshapen("is not a resource version")


def fields(known: Mapping[str, Shape], *needed: str) -> Shape:
    """Return the shape of an object with ``known`` fields; those ``needed`` must be there."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Misshapen("is not an object")
        for name, shape in known.items():
            found = value.get(name)
            if found is None:
                if name in needed:
                    raise Misshapen("is missing", f".{name}")
                continue
            try:
                shape(found)
            except Misshapen as error:
                raise error.within(f".{name}") from None

    return check


def each(shape: Shape) -> Shape:
    """Return the shape of a list of things of ``shape``."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise Misshapen("is not a list")
        for index, one in enumerate(value):
            try:
                shape(one)
            except Misshapen as error:
                raise error.within(f"[{index}]") from None

    return check


def values(shape: Shape) -> Shape:
    """Return the shape of an object with any keys, whose values are of ``shape``."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Misshapen("is not an object")
        for name, one in value.items():
            try:
                text(name)
                shape(one)
            except Misshapen as error:
                raise error.within(f".{name}") from None

    return check
