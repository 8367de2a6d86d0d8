"""The tree of an expression, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an expression."""

    id: int

    @property
    def children(self) -> Iterator[Part]:
        """The parts of this part."""
        return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Part):
    """A literal: ``1``, ``'text'``, ``true``, ``null``."""

    value: Any
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier(Part):
    """The name of a variable or a type."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Part):
    """``operand.field``, or ``has(operand.field)``."""

    operand: Part
    field: str
    is_test: bool

    @property
    def children(self) -> Iterator[Part]:
        """The operand."""
        yield self.operand


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Part):
    """The call of a function or an operator."""

    function: str
    target: Part | None
    arguments: tuple[Part, ...]

    @property
    def children(self) -> Iterator[Part]:
        """The target, if there is one, and the arguments."""
        if self.target is not None:
            yield self.target
        yield from self.arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLiteral(Part):
    """``[a, ?b]``."""

    elements: tuple[Part, ...]
    optional: frozenset[int]
    """The indices of the elements with a question mark."""

    @property
    def children(self) -> Iterator[Part]:
        """The elements."""
        return iter(self.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``key: value`` in a map, or ``?key: value``."""

    key: Part
    value: Part
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLiteral(Part):
    """``{key: value}``."""

    entries: tuple[Entry, ...]
    type_name: str
    """The type of ``Type{field: value}``; empty for a map."""

    @property
    def children(self) -> Iterator[Part]:
        """All keys and values."""
        for entry in self.entries:
            yield from (entry.key, entry.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comprehension(Part):
    """A loop: ``all``, ``exists``, ``map`` and the other macros become one of these."""

    variables: tuple[str, ...]
    range: Part
    accumulator: str
    start: Part
    condition: Part
    step: Part
    result: Part

    @property
    def children(self) -> Iterator[Part]:
        """All parts of the loop."""
        return iter((self.range, self.start, self.condition, self.step, self.result))


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """The tree of an expression."""

    root: Part
    offsets: Mapping[int, int] = field(default_factory=dict)
    """Where each part begins, in characters from the start of the expression."""
    types: Mapping[int, str] = field(default_factory=dict)
    """The type of each part as CEL writes it; empty if the types were not checked."""


def walk(node: Part) -> Iterator[Part]:
    """Yield a part of an expression and all its parts."""
    yield node
    for child in node.children:
        yield from walk(child)
