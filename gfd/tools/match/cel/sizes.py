"""Say which values of an expression have a size that Kubernetes knows before it evaluates the expression.

The API server refuses an expression if its cost could be too high. For a value without a known largest size,
it takes the largest number there is. Found by what ``CompileCELExpression`` of
``k8s.io/dynamic-resource-allocation/cel`` says of some hundred expressions.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.tools.match.cel.functions import name_function
from gfd.tools.match.cel.syntax import (
    Call,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Part,
    Selection,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Knowledge(IntEnum):
    """Whether Kubernetes knows the largest size of a value."""

    KNOWN = 0
    UNSURE = 1
    """gfd cannot tell."""
    UNKNOWN = 2


KNOWN, UNSURE, UNKNOWN = Knowledge


class Size(NamedTuple):
    """What Kubernetes knows of the size of a value."""

    own: Knowledge = KNOWN
    elements: Knowledge = KNOWN
    """The same of what is in a list or a map."""
    is_device: bool = False
    """Whether the value is a part of the device, whose sizes are all known."""


_DEVICE = Size(is_device=True)
_SCALARS = ("bool", "double", "int")
_LIKE_TARGET = ("dyn", "lowerAscii", "strings.quote", "substring", "trim", "upperAscii", "find")
_SOME_ELEMENTS = ("findAll", "reverse", "slice", "sort", "split")
"""Functions that return lists whose size is known, but not those of the elements."""
_UNKNOWN = (
    "charAt", "first", "format", "last", "optional.none",
    "or", "orValue", "type", "value", "_?._", "_[?_]",
)  # fmt: skip

Scope = dict[str, Size]


class SizeReader:
    """Says what Kubernetes knows of the sizes of the parts of one expression."""

    def __init__(self, types: Mapping[int, str]) -> None:
        self._types = types
        self._readers: dict[type[Part], Callable[[Any, Scope], Size]] = {
            Identifier: lambda part, scope: scope.get(part.name, Size(UNKNOWN, UNKNOWN)),
            Selection: self._read_selection,
            ListLiteral: self._read_collection,
            MapLiteral: self._read_collection,
            Comprehension: lambda part, scope: self.read(part.result, self.enter(part, scope)),
            Call: self._read_call,
        }
        self._special: dict[str, Callable[[tuple[Part, ...], list[Size]], Size]] = {
            "_[_]": _read_element,
            "_+_": _read_either,
            "_?_:_": _read_either,
            "join": _read_joined,
            "lists.range": _read_range,
            "replace": _read_replacement,
            "string": self._read_text,
        }

    def read(self, part: Part, scope: Scope) -> Size:
        """Return what Kubernetes knows of a part, given the same of the variables."""
        if self._types.get(part.id) in _SCALARS:
            return Size()
        reader = self._readers.get(type(part))
        return reader(part, scope) if reader is not None else Size()

    def enter(self, part: Comprehension, scope: Scope) -> Scope:
        """Return the variables in a loop or binding."""
        container = self.read(part.range, scope)
        element = _DEVICE if container.is_device else Size(container.elements, UNSURE)
        inner = {**scope, **dict.fromkeys(part.variables, element)}
        inner[part.accumulator] = self.read(part.start, scope)
        if not (isinstance(part.range, ListLiteral) and not part.range.elements):
            inner[part.accumulator] = self.read(part.step, inner)
        return inner

    def _read_collection(self, part: Part, scope: Scope) -> Size:
        return Size(elements=max((self.read(each, scope).own for each in part.children), default=KNOWN))

    def _read_selection(self, part: Selection, scope: Scope) -> Size:
        operand = self.read(part.operand, scope)
        if operand.is_device:
            return _DEVICE
        own = UNKNOWN if operand.own is UNKNOWN or isinstance(part.operand, MapLiteral) else UNSURE
        return Size(own, UNSURE)

    def _read_call(self, part: Call, scope: Scope) -> Size:
        name, arguments = name_function(part)
        sizes = [self.read(each, scope) for each in arguments]
        if name in _UNKNOWN:
            return Size(UNKNOWN, UNKNOWN)
        if name in _LIKE_TARGET:
            return Size(sizes[0].own)
        if name in _SOME_ELEMENTS:
            return Size(elements=UNKNOWN)
        special = self._special.get(name)
        return special(arguments, sizes) if special is not None else Size(UNSURE, UNSURE)

    def _read_text(self, arguments: tuple[Part, ...], sizes: list[Size]) -> Size:
        """Return what is known of ``string(…)``."""
        return Size(UNKNOWN, UNKNOWN) if self._types.get(arguments[0].id) in _SCALARS else sizes[0]


def _read_replacement(arguments: tuple[Part, ...], sizes: list[Size]) -> Size:
    return Size(sizes[0].own if isinstance(arguments[2], Constant) else UNSURE)


def _read_range(arguments: tuple[Part, ...], _: list[Size]) -> Size:
    return Size() if isinstance(arguments[0], Constant) else Size(UNKNOWN)


def _read_joined(_: tuple[Part, ...], sizes: list[Size]) -> Size:
    return Size(UNSURE if sizes[0].is_device else UNKNOWN)


def _read_element(_: tuple[Part, ...], sizes: list[Size]) -> Size:
    return _DEVICE if sizes[0].is_device else Size(sizes[0].elements, UNSURE)


def _read_either(_: tuple[Part, ...], sizes: list[Size]) -> Size:
    """Return what is known of a sum, or of a choice: what holds for both."""
    first, second = sizes[-2:]
    return Size(max(first.own, second.own), max(first.elements, second.elements))
