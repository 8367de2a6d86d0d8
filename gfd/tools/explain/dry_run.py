"""What becomes of one line of a template on one node: how far its blocks let it come, and what it writes of.

The line is rendered alone, within its blocks, as its template would be.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from gfd.tools.explain.facts import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.labels.templates import Templates
    from gfd.tools.explain.facts import Device, Path
    from gfd.tools.explain.lines import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a line wrote one label of."""

    objects: Mapping[Path, Any]
    """What its variables stood for, by the path that they go through."""
    devices: tuple[Device, ...]
    """What its value selects."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Rehearsal:
    """What became of a line."""

    depth: int = 0
    """How many of its blocks let something be written."""
    bindings: dict[str, Binding] = dataclasses.field(default_factory=dict)
    """By the label's key."""


def rehearse(templates: Templates, line: Line, roots: Mapping[str, Any]) -> Rehearsal:
    """Return what becomes of a line where templates see ``roots``."""
    seen = Rehearsal()

    def enter(depth: int) -> str:
        seen.depth = max(seen.depth, depth)
        return ""

    def write(key: str, variables: tuple[Any, ...], selections: tuple[Any, ...]) -> str:
        objects = dict(zip(line.loops.values(), variables, strict=True))
        seen.bindings[key] = Binding(objects=objects, devices=tuple(_devices(selections)))
        return ""

    templates.engine.render_tree(_wrap(line), {**roots, "enter": enter, "write": write})
    return seen


def _wrap(line: Line) -> nodes.Template:
    variables = nodes.Tuple([nodes.Name(name, "load") for name in line.loops], "load")
    selections = nodes.Tuple(list(line.selections), "load")
    body: list[nodes.Node] = [*line.assignments, _call("write", line.key, variables, selections)]
    for depth, block in reversed(tuple(enumerate(line.blocks, 1))):
        body.insert(0, _call("enter", nodes.Const(depth)))
        if block.loop is not None:
            loop = block.loop
            inner: nodes.Node = nodes.For(loop.target, loop.iter, body, [], loop.test, loop.recursive)
        else:
            inner = nodes.If(block.test, body, [], [])
        body = [*block.assignments, inner]
    return nodes.Template(body)


def _call(name: str, *arguments: nodes.Expr) -> nodes.Output:
    return nodes.Output([nodes.Call(nodes.Name(name, "load"), list(arguments), [], None, None)])


def _devices(value: Any) -> Iterator[Device]:
    if isinstance(value, DEVICES):
        yield value
    elif hasattr(value, "__iter__") and not isinstance(value, str):
        for each in value:
            yield from _devices(each)
