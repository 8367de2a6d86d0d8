"""gfd's own templates to Python, so that labels need neither jinja2 nor its compiling at run time.

It knows what those templates are made of and no more: what it does not know it refuses, by template and line.
What it makes yields the lines that jinja2 writes, each after the template and line that wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from gfd.labels.rendered_label import split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gfd.labels.template_engine import TemplateEngine

_HOLE = "\x03"
"""Around the number of an expression, in place of what it will say."""

_ESCAPED = str.maketrans({"{": "{{", "}": "}}", '"': '\\"', "\\": "\\\\"})

HEADER = '''\
"""The templates as Python, made by :mod:`gfd.labels.compiler`; do not edit.

``pytest --update-golden tests/labels/test_compiler.py`` makes it anew.
"""

'''


def compile_all(engine: TemplateEngine, names: Iterable[str]) -> str:
    """Return a module with a function for each template in ``names``, by name in ``TEMPLATES``."""
    names = tuple(names)
    functions = "\n\n".join(
        "".join(f"{line}\n" for line in _Template(name).function(engine)) for name in names
    )
    table = "".join(f'    "{name}": {_function(name)},\n' for name in names if not name.startswith("_"))
    return f"{HEADER}\n{functions}\n\nTEMPLATES = {{\n{table}}}\n"


def _function(name: str) -> str:
    return name.removesuffix(".j2")


class _Template:
    """A template on its way to Python."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._statements: dict[type, Callable[[Any], Iterator[str]]] = {
            nodes.Output: self._output,
            nodes.If: self._if,
            nodes.For: self._for,
            nodes.Assign: self._assign,
            nodes.Include: self._include,
        }
        self._expressions: dict[type, Callable[[Any], str]] = {
            nodes.Name: lambda node: node.name,
            nodes.Const: lambda node: repr(node.value),
            nodes.Getattr: lambda node: f"{self._expression(node.node)}.{node.attr}",
            nodes.Not: lambda node: f"not {self._expression(node.node)}",
            nodes.Concat: self._concat,
            nodes.Test: self._test,
            nodes.Filter: self._filter,
        }

    def function(self, engine: TemplateEngine) -> Iterator[str]:
        """Yield the lines of the function."""
        statements = engine.parse(self._name)[1].body
        yield f"def {_function(self._name)}(node, inventory, say):"
        yield from self._block(statements)

    def _output(self, node: nodes.Output) -> Iterator[str]:
        """Yield a statement for each line that is written."""
        expressions: list[str] = []
        text = ""
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                text += part.data
            else:
                text += f"{_HOLE}{len(expressions)}{_HOLE}"
                expressions.append(f"{{say({self._expression(part)})}}")
        if any(split_lines(self._name, text.rpartition("\n")[2])):
            raise self._refusal(node)  # a line has to be written by one piece
        for template, line, content in split_lines(self._name, text):
            pieces = content.split(_HOLE)
            pieces[::2] = (piece.translate(_ESCAPED) for piece in pieces[::2])
            pieces[1::2] = (expressions[int(piece)] for piece in pieces[1::2])
            yield f'yield "{template}", {line}, f"{"".join(pieces)}"'

    def _if(self, node: nodes.If) -> Iterator[str]:
        if node.elif_ or node.else_:
            raise self._refusal(node)
        yield f"if {self._expression(node.test)}:"
        yield from self._block(node.body)

    def _for(self, node: nodes.For) -> Iterator[str]:
        if node.else_ or node.test or node.recursive:
            raise self._refusal(node)
        yield f"for {self._expression(node.target)} in {self._expression(node.iter)}:"
        yield from self._block(node.body)

    def _block(self, statements: Iterable[nodes.Node]) -> Iterator[str]:
        lines = [line for statement in statements for line in self._statement(statement)]
        for line in lines or ["yield from ()"]:
            yield f"    {line}"

    def _statement(self, node: nodes.Node) -> Iterator[str]:
        make = self._statements.get(type(node))
        if make is None:
            raise self._refusal(node)
        return make(node)

    def _assign(self, node: nodes.Assign) -> Iterator[str]:
        yield f"{self._expression(node.target)} = {self._expression(node.node)}"

    def _include(self, node: nodes.Include) -> Iterator[str]:
        if not isinstance(node.template, nodes.Const) or node.ignore_missing:
            raise self._refusal(node)
        yield f"yield from {_function(node.template.value)}(node, inventory, say)"

    def _expression(self, node: nodes.Node) -> str:
        make = self._expressions.get(type(node))
        if make is None:
            raise self._refusal(node)
        return make(node)

    def _concat(self, node: nodes.Concat) -> str:
        return " + ".join(f"str({self._expression(part)})" for part in node.nodes)

    def _test(self, node: nodes.Test) -> str:
        if node.name != "none":
            raise self._refusal(node)
        return f"({self._expression(node.node)} is None)"

    def _filter(self, node: nodes.Filter) -> str:
        if node.name != "lower" or node.node is None:
            raise self._refusal(node)
        return f"str({self._expression(node.node)}).lower()"

    def _refusal(self, node: nodes.Node) -> ValueError:
        return ValueError(
            f"{self._name}:{node.lineno}: {type(node).__name__.lower()} of this form is unknown to "
            f"{__name__}; write the line more plainly, or teach it there"
        )
