"""Check an expression as the API server does, and return its tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.complexity import check_complexity
from gfd.tools.match.cel.declarations import make_environment
from gfd.tools.match.cel.device_fields import check_device
from gfd.tools.match.cel.errors import CompileError, NotSupported
from gfd.tools.match.cel.functions import check_functions
from gfd.tools.match.cel.literals import check_literals, check_types
from gfd.tools.match.cel.syntax import Syntax
from gfd.tools.match.cel.syntax_reader import read_syntax

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 10 * 1024
"""The longest expression in bytes: CELSelectorExpressionMaxLength of ``k8s.io/api/resource/v1/types.go``."""
_UNHELPFUL = re.compile(r" \(in container ''\)| expecting \{.*\}|\[INVALID_ARGUMENT\]$")
"""What says nothing to a person: all that the syntax would have allowed, for one."""
_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_LIST_ATTRIBUTE = re.compile(
    r"expression of type 'any' cannot be the range|undeclared reference to 'includes'"
)
_TEXT_OF_ADDRESS = re.compile(r"found no matching overload for 'string' applied to '\(net\.")


def check(text: str) -> Syntax:
    """Return the tree of a valid expression. Raises CompileError, NotSupported and CelMissing."""
    if (length := len(text.encode())) > MAX_LENGTH:
        raise CompileError(f"the expression has {length} bytes; the API server accepts {MAX_LENGTH}", 1, 1)
    environment = make_environment(has_lists=False)
    parsed = _compile(lambda: environment.compile(text, disable_check=True))
    check_functions(parsed)
    check_device(parsed, text)
    try:
        checked = _compile(lambda: environment.compile(text))
    except CompileError as error:
        _explain(error, text)
        raise
    syntax = Syntax(root=parsed.root, offsets=parsed.offsets, types=checked.types)
    check_types(syntax, text)
    check_literals(syntax, text)
    check_complexity(syntax, text)
    return syntax


def _compile(compile_text: Callable[[], Any]) -> Syntax:
    try:
        return read_syntax(compile_text().serialize())
    except RuntimeError as error:
        match = _MESSAGE.search(str(error))
        if match is None:
            raise NotSupported(f"the CEL runtime cannot read the expression: {error}") from error
        message = _UNHELPFUL.sub("", match[3]).strip()
        raise CompileError(message, int(match[1]), int(match[2])) from None


def _explain(error: CompileError, text: str) -> None:
    """Raise NotSupported if an expression is invalid only for the type checker that gfd has."""
    if _TEXT_OF_ADDRESS.search(error.message):
        raise NotSupported("string() of an IP address or network is not judged") from error
    if _LIST_ATTRIBUTE.search(error.message):
        try:
            _compile(lambda: make_environment(has_lists=True).compile(text))
        except CompileError:
            return
        raise NotSupported(
            "attributes that are lists are not judged: the API server accepts the expression only with the "
            "feature gate DRAListTypeAttributes"
        ) from error
