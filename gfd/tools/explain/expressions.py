"""Analyse the expressions of a template: the fields that they use, and their form in a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from jinja2 import nodes

from gfd.tools.explain.facts import DEVICES, find_pattern, find_type, list_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.tools.explain.facts import FieldPath


T = TypeVar("T")

_COUNTING = ("length", "count", "sum")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableScope:
    """The variables that a template has set at one position."""

    values: Mapping[str, tuple[nodes.Node, VariableScope]] = field(default_factory=dict)
    """Name -> assigned expression and the scope of the assignment."""
    loops: Mapping[str, FieldPath] = field(default_factory=dict)
    """Loop variable -> the path of its loop."""
    is_mig: tuple[bool, ...] = (False, True)
    """Whether resources can be MIG devices: only full GPUs (False,), only MIG (True,), or both."""

    def assign(self, name: str, value: nodes.Node) -> VariableScope:
        """Return the scope after an assignment."""
        return replace(self, values={**self.values, name: (value, self)}, loops=_without(self.loops, name))

    def enter_loop(self, name: str, value: nodes.Node) -> VariableScope:
        """Return the scope within a loop."""
        path = trace(value, self, {})
        loops = _without(self.loops, name) | ({name: path} if path else {})
        return replace(self, values=_without(self.values, name), loops=loops)

    def find(self, expression: nodes.Node) -> tuple[FieldPath, ...]:
        """Return the paths of all fields in an expression."""
        found: dict[FieldPath, None] = {}
        path = trace(expression, self, found)
        return tuple(each for each in (*found, *((path,) if path else ())) if find_type(each) is not None)

    def narrow(self, test: nodes.Node) -> VariableScope:
        """Return the scope within an ``if`` on ``test``, which may test for a field of MIG devices alone."""
        if isinstance(test, nodes.And):
            return self.narrow(test.left).narrow(test.right)
        is_negated = isinstance(test, nodes.Not)
        inner = test.node if isinstance(test, nodes.Not) else test
        if isinstance(inner, nodes.Test) and inner.name == "none":
            path = trace(inner.node, self, {})
            if path and list_facts(path, is_mig=True) and not list_facts(path, is_mig=False):
                left = tuple(is_mig for is_mig in self.is_mig if is_mig is is_negated)
                return replace(self, is_mig=left)
        return self


def trace(expression: nodes.Node, scope: VariableScope, found: dict[FieldPath, None]) -> FieldPath | None:
    """Return the path of an expression, if it is one; add the paths in its other parts to ``found``."""
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
        attribute = _find_attribute(expression)
        if path is not None and attribute:
            if expression.name == "map":
                return (*path, attribute)
            found[(*path, attribute)] = None
    for part in parts:
        other = trace(part, scope, found)
        if other is not None:
            found[other] = None
    return path


def _find_attribute(expression: nodes.Filter) -> str:
    """Return the name of the field that a filter uses, or an empty string."""
    named = [pair.value for pair in expression.kwargs if pair.key == "attribute"]
    if expression.name in ("selectattr", "rejectattr"):
        named += expression.args[:1]
    return str(named[0].value) if named and isinstance(named[0], nodes.Const) else ""


def render_key(piece: nodes.Node, scope: VariableScope) -> Iterator[tuple[str, str]]:
    """Yield the parts of a key as text for a pattern, each with its regular expression."""
    if isinstance(piece, nodes.Const):
        yield str(piece.value), re.escape(str(piece.value))
    elif isinstance(piece, nodes.Concat):
        for part in piece.nodes:
            yield from render_key(part, scope)
    elif isinstance(piece, nodes.Name) and piece.name in scope.values:
        yield from render_key(*scope.values[piece.name])
    else:
        path = trace(piece, scope, {})
        yield f"<{_choose_placeholder(piece)}>", f"(?:{find_pattern(path or ('',))})"


def _choose_placeholder(piece: nodes.Node) -> str:
    """Return a word for an expression: ``resource`` for resource.name, ``product`` for model.product."""
    while isinstance(piece, nodes.Filter) and piece.node is not None:
        piece = piece.node
    if isinstance(piece, nodes.Getattr):
        is_name = piece.attr in ("name", "index") and isinstance(piece.node, nodes.Name)
        return piece.node.name if is_name else piece.attr  # type: ignore[attr-defined]
    return piece.name if isinstance(piece, nodes.Name) else "…"


def find_devices(piece: nodes.Node, scope: VariableScope) -> Iterator[nodes.Expr]:
    """Yield the outermost parts of an expression that are devices."""
    while isinstance(piece, nodes.Filter) and piece.node is not None and _is_counting(piece):
        piece = piece.node
    path = trace(piece, scope, {})
    if path is not None:
        if find_type(path) in DEVICES and isinstance(piece, nodes.Expr):
            yield piece
        return
    for child in piece.iter_child_nodes():
        yield from find_devices(child, scope)


def _is_counting(piece: nodes.Filter) -> bool:
    return piece.name in _COUNTING or (piece.name == "map" and bool(piece.args))


def _without(names: Mapping[str, T], name: str) -> dict[str, T]:
    return {each: value for each, value in names.items() if each != name}
