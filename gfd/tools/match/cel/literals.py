"""Check what Kubernetes' own validators check, and find types that gfd does not evaluate.

Sources: ``environment/base.go`` of ``k8s.io/apiserver/pkg/cel``, and ``cel/validator.go`` of cel-go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.match.cel.errors import CompileError, NotSupported
from gfd.tools.match.cel.positions import locate
from gfd.tools.match.cel.runtime_functions import find_runtime_function
from gfd.tools.match.cel.syntax import Call, Constant, ListLiteral, MapLiteral, Part, walk
from gfd.tools.match.cel.values import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.cel.syntax import Syntax

_RESULTS = ("bool", "any")
_UNJUDGED_TYPES = re.compile(r"\b(bytes|duration|timestamp|uint)\b")
_PATTERNS = ("find", "findAll", "matches")
"""The functions with a regular expression as their first argument."""
_CONVERSIONS = ("bytes", "double", "duration", "int", "string", "timestamp", "uint")
"""The functions that cel-go calls while it compiles, if the argument is a literal."""
_SAME_TYPE = ("indexOf", "lastIndexOf")


def check_types(syntax: Syntax, text: str) -> None:
    """Raise CompileError if the result is not bool, or the elements of a list have different types."""
    for part in walk(syntax.root):
        if isinstance(part, ListLiteral):
            _check_same(part.elements, syntax, text)
        elif isinstance(part, MapLiteral):
            _check_same([entry.key for entry in part.entries], syntax, text)
            _check_same([entry.value for entry in part.entries], syntax, text)
    result = syntax.types.get(syntax.root.id, "dyn")
    if result not in _RESULTS:
        raise CompileError(f"must evaluate to bool or the unknown type, not {result}", 1, 1)


def check_literals(syntax: Syntax, text: str) -> None:
    """Raise CompileError for a literal that cannot be read, NotSupported for types that are not judged."""
    for part in walk(syntax.root):
        if isinstance(part, Call) and part.function in (*_PATTERNS, *_CONVERSIONS):
            _check_literal(part, syntax, text)
        if isinstance(part, Call) and part.function in _SAME_TYPE:
            _check_element(part, syntax, text)
    for name in syntax.types.values():
        if found := _UNJUDGED_TYPES.search(name):
            raise NotSupported(f"values of type {found[1]} are not judged")


def _check_literal(call: Call, syntax: Syntax, text: str) -> None:
    literal = call.arguments[0] if call.arguments else None
    if not isinstance(literal, Constant):
        return
    is_pattern = call.function in _PATTERNS
    function, arguments = (
        ("matches", ("", literal.value)) if is_pattern else (call.function, (literal.value,))
    )
    try:
        find_runtime_function(function, len(arguments), is_member=is_pattern)(*arguments)
    except Failure as failure:
        shown = (
            f"the regular expression {literal.value!r}" if is_pattern else f"{function}({literal.value!r})"
        )
        message = f"{shown} is invalid: {failure.reason}"
        raise CompileError(message, *locate(syntax.offsets.get(literal.id, 0), text)) from failure


def _check_element(call: Call, syntax: Syntax, text: str) -> None:
    """Raise CompileError if something is looked for that a list of its type cannot have."""
    container, element = (syntax.types.get(part.id, "dyn") for part in list(call.children)[:2])
    if container.startswith("list(") and "dyn" not in container + element and container != f"list({element})":
        message = f"found no matching overload for '{call.function}' applied to '({container}, {element})'"
        raise CompileError(message, *locate(syntax.offsets.get(call.id, 0), text))


def _check_same(parts: Sequence[Part], syntax: Syntax, text: str) -> None:
    """Raise CompileError if the parts have different types."""
    names = [syntax.types.get(part.id, "dyn") for part in parts]
    for part, name in zip(parts, names, strict=True):
        if name != names[0]:
            line, column = locate(syntax.offsets.get(part.id, 0), text)
            raise CompileError(f"expected type '{names[0]}' but found '{name}'", line, column)
