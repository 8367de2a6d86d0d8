"""Render one line of a template alone, within its blocks, to find out what it writes on a node, and why."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from gfd.tools.explain.facts import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.labels.templates import Templates
    from gfd.tools.explain.facts import Device, FieldPath
    from gfd.tools.explain.label_lines import LabelLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The values from which a line wrote one label."""

    objects: Mapping[FieldPath, Any]
    """The values of the line's loop variables, by the path of the loop."""
    devices: tuple[Device, ...]
    """The devices in the label's value."""


@dataclasses.dataclass(slots=True, kw_only=True)
class LineRun:
    """The result of rendering one line."""

    depth: int = 0
    """How many of the line's blocks were entered."""
    bindings: dict[str, Binding] = dataclasses.field(default_factory=dict)
    """The bindings, by the label's key."""


def run_line(templates: Templates, line: LabelLine, roots: Mapping[str, Any]) -> LineRun:
    """Render a line with the variables ``roots`` and return the result."""
    seen = LineRun()

    def enter(depth: int) -> str:
        seen.depth = max(seen.depth, depth)
        return ""

    def write(key: str, variables: tuple[Any, ...], selections: tuple[Any, ...]) -> str:
        objects = dict(zip(line.loops.values(), variables, strict=True))
        seen.bindings[key] = Binding(objects=objects, devices=tuple(_list_devices(selections)))
        return ""

    templates.engine.render_tree(_wrap_in_blocks(line), {**roots, "enter": enter, "write": write})
    return seen


def _wrap_in_blocks(line: LabelLine) -> nodes.Template:
    variables = nodes.Tuple([nodes.Name(name, "load") for name in line.loops], "load")
    selections = nodes.Tuple(list(line.selections), "load")
    body: list[nodes.Node] = [*line.assignments, _make_call("write", line.key, variables, selections)]
    for depth, block in reversed(tuple(enumerate(line.blocks, 1))):
        body.insert(0, _make_call("enter", nodes.Const(depth)))
        if block.loop is not None:
            loop = block.loop
            inner: nodes.Node = nodes.For(loop.target, loop.iter, body, [], loop.test, loop.recursive)
        else:
            inner = nodes.If(block.test, body, [], [])
        body = [*block.assignments, inner]
    return nodes.Template(body)


def _make_call(name: str, *arguments: nodes.Expr) -> nodes.Output:
    return nodes.Output([nodes.Call(nodes.Name(name, "load"), list(arguments), [], None, None)])


def _list_devices(value: Any) -> Iterator[Device]:
    if isinstance(value, DEVICES):
        yield value
    elif hasattr(value, "__iter__") and not isinstance(value, str):
        for each in value:
            yield from _list_devices(each)
