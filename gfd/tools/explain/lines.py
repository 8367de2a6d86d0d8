"""The lines of the templates that write labels, read from the templates' own source.

A comment of two signs, ``{## … #}``, describes the line below it: of a label its unit, in brackets, and its
meaning; of an ``if`` or ``for`` the words for when what is inside gets written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jinja2 import nodes

from gfd.config.options import EXTRA_LABELS
from gfd.labels.rendered_label import split_lines
from gfd.labels.strategies import STRATEGIES
from gfd.tools.explain.expressions import Scope, select, slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gfd.labels.templates import Templates
    from gfd.tools.explain.facts import Path

_COMMENT = re.compile(r"\{##(.*?)#\}[ \t]*\n", re.DOTALL)
_MEANING = re.compile(r"(?:\[(?P<unit>[^]]*)\] )?(?P<meaning>.*)")
_SLOT = re.compile("\x03([0-9]+)\x04")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An ``if`` or ``for`` around a line, and the assignments before it."""

    words: str
    """When it lets something be written."""
    test: nodes.Node | None = None
    loop: nodes.For | None = None
    assignments: tuple[nodes.Assign, ...] = ()
    paths: tuple[Path, ...] = ()
    """What that depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a template that writes a label, or several."""

    template: str
    number: int
    source: str
    """The line as it stands in the template."""
    pattern: str
    """The key, with ``<…>`` for what depends on the node: ``nvidia.com/<resource>.memory``."""
    expression: re.Pattern[str]
    """Of the keys that it may write."""
    unit: str
    meaning: str
    """Both empty where the template does not say."""
    blocks: tuple[Block, ...]
    """From the outermost."""
    assignments: tuple[nodes.Assign, ...]
    """Between the innermost block and the line."""
    key: nodes.Expr
    paths: tuple[Path, ...]
    """What the value is made of."""
    is_mig: tuple[bool, ...]
    """Whether it writes of full GPUs, of MIG devices, or both."""
    selections: tuple[nodes.Expr, ...]
    """Parts of the value that are devices."""
    loops: Mapping[str, Path]
    """What variables go through."""
    roots: frozenset[str]
    """The templates, of those that are rendered, which the line is in or included by."""

    @property
    def words(self) -> str:
        """Return when it writes, apart from the configuration."""
        return ", ".join(dict.fromkeys(block.words for block in self.blocks if block.words))

    @property
    def literal_length(self) -> int:
        """Return how many characters of the key are always the same."""
        return len(re.sub("<[^>]*>", "", self.pattern))


def read(templates: Templates) -> tuple[Line, ...]:
    """Return every line of the templates that writes labels. Raises TemplateError."""
    found: dict[tuple[str, int, str], Line] = {}
    added = templates.list_names("none")[1:]
    roots = (*(f"{name}.j2" for name in STRATEGIES), *(f"extra/{name}.j2" for name in EXTRA_LABELS), *added)
    for root in roots:
        text, tree = _parse(templates, root)
        for line in _Place(templates=templates, root=root, text=text).go(tree.body):
            place = (line.template, line.number, line.words)
            known = found.get(place)
            found[place] = replace(known, roots=known.roots | line.roots) if known else line
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A template as it is written."""

    name: str
    lines: tuple[str, ...]
    comments: Mapping[int, str]
    """By the line that they describe."""

    def source(self, number: int) -> str:
        return self.lines[number - 1].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a reader is: it goes through a template that is rendered, and through what that includes."""

    templates: Templates
    root: str
    text: _Text
    outer: tuple[str, ...] = ()
    """Templates that include this one."""
    blocks: tuple[Block, ...] = ()
    assignments: tuple[nodes.Assign, ...] = ()
    """Since the innermost block."""
    scope: Scope = field(default_factory=Scope)

    def go(self, body: Iterable[nodes.Node]) -> Iterator[Line]:
        place = self
        for node in body:
            if isinstance(node, nodes.Output):
                yield from place._write(node)
            elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
                scope = place.scope.set(node.target.name, node.node)
                place = replace(place, assignments=(*place.assignments, node), scope=scope)
            elif isinstance(node, nodes.Include) and isinstance(node.template, nodes.Const):
                yield from place._include(node.template.value)
            elif isinstance(node, nodes.If):
                for test, inner, words in place._branches(node):
                    yield from place._enter(Block(words=words, test=test)).go(inner)
            elif isinstance(node, nodes.For):
                yield from place._enter(Block(words=place._words(node), loop=node)).go(node.body)

    def _include(self, name: str) -> Iterator[Line]:
        if name not in (self.text.name, *self.outer):
            text, tree = _parse(self.templates, name)
            yield from replace(self, text=text, outer=(self.text.name, *self.outer)).go(tree.body)

    def _enter(self, block: Block) -> _Place:
        scope, test = self.scope, block.test
        paths = scope.find(block.test) if block.test is not None else ()
        if block.loop is not None:
            test, paths = block.loop.test, scope.find(block.loop.iter)
            if isinstance(block.loop.target, nodes.Name):
                scope = scope.go_through(block.loop.target.name, block.loop.iter)
        if test is not None:
            scope = scope.narrow(test)
        block = replace(block, assignments=self.assignments, paths=paths)
        return replace(self, blocks=(*self.blocks, block), assignments=(), scope=scope)

    def _words(self, node: nodes.Node) -> str:
        return self.text.comments.get(node.lineno) or self.text.source(node.lineno)

    def _branches(self, node: nodes.If) -> Iterator[tuple[nodes.Node, list[nodes.Node], str]]:
        before: list[nodes.Node] = []
        for branch in (node, *node.elif_):
            yield _all(*before, branch.test), branch.body, self._words(branch)
            before.append(nodes.Not(branch.test))
        if node.else_:
            yield _all(*before), node.else_, f"not {self._words(node)}"

    def _write(self, output: nodes.Output) -> Iterator[Line]:
        text = ""
        for number, node in enumerate(output.nodes):
            text += node.data if isinstance(node, nodes.TemplateData) else f"\x03{number}\x04"
        for _, number, content in split_lines(self.text.name, text):
            key, equals, value = (part.strip() for part in content.partition("="))
            if equals:
                yield self._describe(number, _pieces(key, output), _pieces(value, output))

    def _describe(self, number: int, key: list[nodes.Expr], value: list[nodes.Expr]) -> Line:
        told = _MEANING.fullmatch(self.text.comments.get(number, ""))
        paths = dict.fromkeys(path for piece in value for path in self.scope.find(piece))
        looks = [look for piece in key for look in slots(piece, self.scope)]
        return Line(
            template=self.text.name,
            number=number,
            source=self.text.source(number),
            pattern="".join(name for name, _ in looks),
            expression=re.compile("".join(form for _, form in looks)),
            unit=(told["unit"] or "") if told else "",
            meaning=told["meaning"] if told else "",
            blocks=self.blocks,
            assignments=self.assignments,
            key=nodes.Concat(key),
            paths=tuple(paths),
            selections=tuple(part for piece in value for part in select(piece, self.scope)),
            loops=self.scope.loops,
            is_mig=self.scope.is_mig,
            roots=frozenset((self.root,)),
        )


def _parse(templates: Templates, name: str) -> tuple[_Text, nodes.Template]:
    source, tree = templates.engine.parse(name)
    comments = {
        source.count("\n", 0, found.end()) + 1: " ".join(found[1].split())
        for found in _COMMENT.finditer(source)
    }
    return _Text(name=name, lines=tuple(source.splitlines()), comments=comments), tree


def _all(first: nodes.Node, *others: nodes.Node) -> nodes.Node:
    return nodes.And(first, _all(*others)) if others else first


def _pieces(text: str, output: nodes.Output) -> list[nodes.Expr]:
    """Return what a part of a line consists of: constants, and the expressions that stand in it."""
    pieces: list[nodes.Expr] = []
    for number, piece in enumerate(_SLOT.split(text)):
        if number % 2:
            pieces.append(output.nodes[int(piece)])
        elif piece:
            pieces.append(nodes.Const(piece))
    return pieces
