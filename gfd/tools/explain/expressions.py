"""What the expressions of a template are about: fields that they lead to, and their looks in a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from jinja2 import nodes

from gfd.tools.explain.facts import DEVICES, expand, form_at, kind_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.tools.explain.facts import Path

T = TypeVar("T")

_COUNTING = ("length", "count", "sum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the variables of a template are at some place, besides those that it is given."""

    values: Mapping[str, tuple[nodes.Node, Scope]] = field(default_factory=dict)
    """What variables were set to, and where: later its variables may be others."""
    loops: Mapping[str, Path] = field(default_factory=dict)
    """What variables go through."""
    is_mig: tuple[bool, ...] = (False, True)
    """Whether resources are of full GPUs, of MIG devices, or may be both."""

    def set(self, name: str, value: nodes.Node) -> Scope:
        """Return the scope after an assignment."""
        return replace(self, values={**self.values, name: (value, self)}, loops=_without(self.loops, name))

    def go_through(self, name: str, value: nodes.Node) -> Scope:
        """Return the scope within a loop."""
        path = trace(value, self, {})
        loops = _without(self.loops, name) | ({name: path} if path else {})
        return replace(self, values=_without(self.values, name), loops=loops)

    def find(self, expression: nodes.Node) -> tuple[Path, ...]:
        """Return every path to a field that an expression follows."""
        found: dict[Path, None] = {}
        path = trace(expression, self, found)
        return tuple(each for each in (*found, *((path,) if path else ())) if kind_at(each) is not None)

    def narrow(self, test: nodes.Node) -> Scope:
        """Return the scope where ``test`` holds: it may ask for a field that only MIG devices have."""
        if isinstance(test, nodes.And):
            return self.narrow(test.left).narrow(test.right)
        is_negated = isinstance(test, nodes.Not)
        asked = test.node if isinstance(test, nodes.Not) else test
        if isinstance(asked, nodes.Test) and asked.name == "none":
            path = trace(asked.node, self, {})
            if path and expand(path, is_mig=True) and not expand(path, is_mig=False):
                left = tuple(is_mig for is_mig in self.is_mig if is_mig is is_negated)
                return replace(self, is_mig=left)
        return self


def trace(expression: nodes.Node, scope: Scope, found: dict[Path, None]) -> Path | None:
    """Return the path that an expression follows, if it does; add to ``found`` those of its other parts."""
    if isinstance(expression, nodes.Name):
        if expression.name in scope.values:
            return trace(*scope.values[expression.name], found)
        return scope.loops.get(expression.name, (expression.name,))
    if isinstance(expression, nodes.Getattr):
        path = trace(expression.node, scope, found)
        return path and (*path, expression.attr)
    if isinstance(expression, nodes.Getitem):
        return trace(expression.node, scope, found)
    path, parts = None, list(expression.iter_child_nodes())
    if isinstance(expression, nodes.Filter) and expression.node is not None:
        path = trace(expression.node, scope, found)
        parts.remove(expression.node)
        attribute = _attribute(expression)
        if path is not None and attribute:
            if expression.name == "map":
                return (*path, attribute)
            found[(*path, attribute)] = None
    for part in parts:
        other = trace(part, scope, found)
        if other is not None:
            found[other] = None
    return path


def _attribute(expression: nodes.Filter) -> str:
    """Return the name of the field that a filter looks at; empty where it looks at none."""
    named = [pair.value for pair in expression.kwargs if pair.key == "attribute"]
    if expression.name in ("selectattr", "rejectattr"):
        named += expression.args[:1]
    return str(named[0].value) if named and isinstance(named[0], nodes.Const) else ""


def slots(piece: nodes.Node, scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield what a part of a key looks like in a pattern, and the regular expression of it."""
    if isinstance(piece, nodes.Const):
        yield str(piece.value), re.escape(str(piece.value))
    elif isinstance(piece, nodes.Concat):
        for part in piece.nodes:
            yield from slots(part, scope)
    elif isinstance(piece, nodes.Name) and piece.name in scope.values:
        yield from slots(*scope.values[piece.name])
    else:
        path = trace(piece, scope, {})
        yield f"<{_name(piece)}>", f"(?:{form_at(path or ('',))})"


def _name(piece: nodes.Node) -> str:
    """Return a word for an expression: ``resource`` for resource.name, ``product`` for model.product."""
    while isinstance(piece, nodes.Filter) and piece.node is not None:
        piece = piece.node
    if isinstance(piece, nodes.Getattr):
        is_name = piece.attr in ("name", "index") and isinstance(piece.node, nodes.Name)
        return piece.node.name if is_name else piece.attr  # type: ignore[attr-defined]
    return piece.name if isinstance(piece, nodes.Name) else "…"


def select(piece: nodes.Node, scope: Scope) -> Iterator[nodes.Expr]:
    """Yield the largest parts of an expression that are devices."""
    while isinstance(piece, nodes.Filter) and piece.node is not None and _is_counting(piece):
        piece = piece.node
    path = trace(piece, scope, {})
    if path is not None:
        if kind_at(path) in DEVICES and isinstance(piece, nodes.Expr):
            yield piece
        return
    for child in piece.iter_child_nodes():
        yield from select(child, scope)


def _is_counting(piece: nodes.Filter) -> bool:
    return piece.name in _COUNTING or (piece.name == "map" and bool(piece.args))


def _without(names: Mapping[str, T], name: str) -> dict[str, T]:
    return {each: value for each, value in names.items() if each != name}
