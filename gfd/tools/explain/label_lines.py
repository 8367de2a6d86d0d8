"""Find the lines that write labels in the source of the templates.

A comment ``{## … #}`` describes the line below it. For a label it has the unit in brackets and the meaning,
for an ``if`` or ``for`` the condition in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jinja2 import nodes

from gfd.config.options import EXTRA_LABELS
from gfd.labels.rendered_label import split_lines
from gfd.labels.strategies import STRATEGIES
from gfd.tools.explain.expressions import VariableScope, find_devices, render_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gfd.labels.templates import Templates
    from gfd.tools.explain.facts import FieldPath

_COMMENT = re.compile(r"\{##(.*?)#\}[ \t]*\n", re.DOTALL)
_MEANING = re.compile(r"(?:\[(?P<unit>[^]]*)\] )?(?P<meaning>.*)")
_SLOT = re.compile("\x03([0-9]+)\x04")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An ``if`` or ``for`` around a line, and the assignments before it."""

    condition: str
    """The condition, in words."""
    test: nodes.Node | None = None
    loop: nodes.For | None = None
    assignments: tuple[nodes.Assign, ...] = ()
    paths: tuple[FieldPath, ...] = ()
    """The fields in the condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLine:
    """A line of a template that writes one or more labels."""

    template: str
    number: int
    source: str
    """The text of the line."""
    pattern: str
    """The key, with ``<…>`` for a part that depends on the node: ``nvidia.com/<resource>.memory``."""
    expression: re.Pattern[str]
    """Matches the keys that the line can write."""
    unit: str
    meaning: str
    """Unit and meaning are empty if the template does not describe the line."""
    blocks: tuple[Block, ...]
    """The blocks around the line, the outermost first."""
    assignments: tuple[nodes.Assign, ...]
    """The assignments between the innermost block and the line."""
    key: nodes.Expr
    paths: tuple[FieldPath, ...]
    """The fields in the value."""
    is_mig: tuple[bool, ...]
    """Whether the line is about MIG devices: only full GPUs (False,), only MIG (True,), or both."""
    selections: tuple[nodes.Expr, ...]
    """The parts of the value that are devices."""
    loops: Mapping[str, FieldPath]
    """Loop variable -> the path of its loop."""
    roots: frozenset[str]
    """The rendered templates that contain or include the line."""

    @property
    def condition(self) -> str:
        """Return the conditions of its blocks, in words."""
        return ", ".join(dict.fromkeys(block.condition for block in self.blocks if block.condition))

    @property
    def literal_length(self) -> int:
        """Return the number of fixed characters in the key."""
        return len(re.sub("<[^>]*>", "", self.pattern))


def read_lines(templates: Templates) -> tuple[LabelLine, ...]:
    """Return all lines of the templates that write labels. Raises TemplateError."""
    found: dict[tuple[str, int, str], LabelLine] = {}
    added = templates.list_names("none")[1:]
    roots = (*(f"{name}.j2" for name in STRATEGIES), *(f"extra/{name}.j2" for name in EXTRA_LABELS), *added)
    for root in roots:
        text, tree = _parse(templates, root)
        for line in _Walker(templates=templates, root=root, text=text).walk(tree.body):
            position = (line.template, line.number, line.condition)
            known = found.get(position)
            found[position] = replace(known, roots=known.roots | line.roots) if known else line
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateText:
    """The source of a template."""

    name: str
    lines: tuple[str, ...]
    comments: Mapping[int, str]
    """Line number -> the comment that describes the line."""

    def source(self, number: int) -> str:
        return self.lines[number - 1].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walker:
    """Walks through a rendered template and the templates that it includes."""

    templates: Templates
    root: str
    text: _TemplateText
    outer: tuple[str, ...] = ()
    """The templates that include this one."""
    blocks: tuple[Block, ...] = ()
    assignments: tuple[nodes.Assign, ...] = ()
    """The assignments since the innermost block."""
    scope: VariableScope = field(default_factory=VariableScope)

    def walk(self, body: Iterable[nodes.Node]) -> Iterator[LabelLine]:
        walker = self
        for node in body:
            if isinstance(node, nodes.Output):
                yield from walker._read_output(node)
            elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
                scope = walker.scope.assign(node.target.name, node.node)
                walker = replace(walker, assignments=(*walker.assignments, node), scope=scope)
            elif isinstance(node, nodes.Include) and isinstance(node.template, nodes.Const):
                yield from walker._include(node.template.value)
            elif isinstance(node, nodes.If):
                for test, inner, condition in walker._list_branches(node):
                    yield from walker._enter(Block(condition=condition, test=test)).walk(inner)
            elif isinstance(node, nodes.For):
                yield from walker._enter(Block(condition=walker._read_condition(node), loop=node)).walk(
                    node.body
                )

    def _include(self, name: str) -> Iterator[LabelLine]:
        if name not in (self.text.name, *self.outer):
            text, tree = _parse(self.templates, name)
            yield from replace(self, text=text, outer=(self.text.name, *self.outer)).walk(tree.body)

    def _enter(self, block: Block) -> _Walker:
        scope, test = self.scope, block.test
        paths = scope.find(block.test) if block.test is not None else ()
        if block.loop is not None:
            test, paths = block.loop.test, scope.find(block.loop.iter)
            if isinstance(block.loop.target, nodes.Name):
                scope = scope.enter_loop(block.loop.target.name, block.loop.iter)
        if test is not None:
            scope = scope.narrow(test)
        block = replace(block, assignments=self.assignments, paths=paths)
        return replace(self, blocks=(*self.blocks, block), assignments=(), scope=scope)

    def _read_condition(self, node: nodes.Node) -> str:
        return self.text.comments.get(node.lineno) or self.text.source(node.lineno)

    def _list_branches(self, node: nodes.If) -> Iterator[tuple[nodes.Node, list[nodes.Node], str]]:
        before: list[nodes.Node] = []
        for branch in (node, *node.elif_):
            yield _join_tests(*before, branch.test), branch.body, self._read_condition(branch)
            before.append(nodes.Not(branch.test))
        if node.else_:
            yield _join_tests(*before), node.else_, f"not {self._read_condition(node)}"

    def _read_output(self, output: nodes.Output) -> Iterator[LabelLine]:
        text = ""
        for number, node in enumerate(output.nodes):
            text += node.data if isinstance(node, nodes.TemplateData) else f"\x03{number}\x04"
        for _, number, content in split_lines(self.text.name, text):
            key, equals, value = (part.strip() for part in content.partition("="))
            if equals:
                yield self._make_line(number, _split_pieces(key, output), _split_pieces(value, output))

    def _make_line(self, number: int, key: list[nodes.Expr], value: list[nodes.Expr]) -> LabelLine:
        found = _MEANING.fullmatch(self.text.comments.get(number, ""))
        paths = dict.fromkeys(path for piece in value for path in self.scope.find(piece))
        parts = [part for piece in key for part in render_key(piece, self.scope)]
        return LabelLine(
            template=self.text.name,
            number=number,
            source=self.text.source(number),
            pattern="".join(name for name, _ in parts),
            expression=re.compile("".join(form for _, form in parts)),
            unit=(found["unit"] or "") if found else "",
            meaning=found["meaning"] if found else "",
            blocks=self.blocks,
            assignments=self.assignments,
            key=nodes.Concat(key),
            paths=tuple(paths),
            selections=tuple(part for piece in value for part in find_devices(piece, self.scope)),
            loops=self.scope.loops,
            is_mig=self.scope.is_mig,
            roots=frozenset((self.root,)),
        )


def _parse(templates: Templates, name: str) -> tuple[_TemplateText, nodes.Template]:
    source, tree = templates.engine.parse(name)
    comments = {
        source.count("\n", 0, found.end()) + 1: " ".join(found[1].split())
        for found in _COMMENT.finditer(source)
    }
    return _TemplateText(name=name, lines=tuple(source.splitlines()), comments=comments), tree


def _join_tests(first: nodes.Node, *others: nodes.Node) -> nodes.Node:
    return nodes.And(first, _join_tests(*others)) if others else first


def _split_pieces(text: str, output: nodes.Output) -> list[nodes.Expr]:
    """Return the constants and expressions of a part of a line."""
    pieces: list[nodes.Expr] = []
    for number, piece in enumerate(_SLOT.split(text)):
        if number % 2:
            pieces.append(output.nodes[int(piece)])
        elif piece:
            pieces.append(nodes.Const(piece))
    return pieces
