"""Check expressions as the API server does, and evaluate them on devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.limits import MAX_EXPRESSION_BYTES
from gfd.tools.match.cel.environments import describe_device, make_checker, make_evaluator
from gfd.tools.match.cel.errors import CompileError, EvaluationError, NotSupported
from gfd.tools.match.cel.references import find_comparison_edits, find_missing, find_references
from gfd.tools.match.cel.support import (
    check_device,
    check_fields,
    check_functions,
    check_lists,
    check_support,
)
from gfd.tools.match.cel.text import edit, find_closing, find_domain_edits, locate, split
from gfd.tools.match.cel.values import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.clusterview.dra.model import Device

_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNHELPFUL = re.compile(r" \(in container ''\)| expecting \{.*\}|\[INVALID_ARGUMENT\]$")
"""What says nothing to a person: all that the syntax would have allowed, for one."""
_MIXED_NUMBERS = re.compile(r"'_[<>]=?_' applied to '\((?:int|uint|double), (?:int|uint|double)\)'")
_ERROR_CODE = re.compile("^[A-Z_]+: ")
_MISSING_KEY = re.compile('Key not found in map : "(.*)"')
_ERROR = "ERROR"
_RESULTS = ("BOOL", _ERROR)
"""The runtime names the type ``any`` of an attribute as it names an error."""


def make_program(text: str) -> Callable[[Device], bool]:
    """Return a function that says whether an expression selects a device.

    It raises EvaluationError and NotSupported. Raises CompileError, NotSupported and CelMissing.
    """
    _check(text)
    try:
        edits = (*find_domain_edits(text), *find_comparison_edits(text))
        program = make_evaluator().compile(edit(text, edits))
    except RuntimeError as error:
        raise NotSupported(f"the CEL runtime cannot evaluate the expression: {error}") from error

    references = tuple(find_references(text))

    def evaluate(device: Device) -> bool:
        check_device(references, device)
        try:
            variables = describe_device(device)
        except ValueError as error:
            raise EvaluationError(str(error)) from None
        try:
            result = program.eval(data=variables)
        except RuntimeError as error:
            raise NotSupported(f"the CEL runtime cannot evaluate the expression: {error}") from error
        if result.type().name() == _ERROR:
            raise _explain(_shorten(result), text, device)
        value = result.value()
        if not isinstance(value, bool):
            raise EvaluationError(f"the result is {value!r}, neither true nor false")
        return value

    return evaluate


def _check(text: str) -> None:
    """Raise CompileError if the API server refuses an expression, NotSupported if gfd cannot judge it."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise CompileError("the expression has a character that is no Unicode character", 1, 1) from None
    if length > MAX_EXPRESSION_BYTES:
        reason = f"the expression has {length} bytes; the API server accepts {MAX_EXPRESSION_BYTES}"
        raise CompileError(reason, 1, 1)
    check_fields(text)
    compiled = _compile(make_checker(), text)
    check_functions(text)
    check_lists(text)
    check_support(text)
    _check_patterns(text)
    kind = compiled.return_type()
    if repr(kind) not in _RESULTS:
        raise CompileError(f"must evaluate to bool or the unknown type, not {kind.name().lower()}", 1, 1)


def _check_patterns(text: str) -> None:
    """Raise CompileError for a literal that is not a regular expression."""
    words = split(text)
    for index, name in enumerate(words[:-3]):
        # The pattern is the last argument of x.matches(pattern) and matches(x, pattern).
        last = find_closing(words, index + 1) - 1
        literal = words[last]
        is_alone = words[last - 1].text in ("(", ",")
        if name.text == "matches" and literal.kind == "literal" and is_alone:
            result = make_evaluator().compile(f"''.matches({literal.text})").eval(data={})
            if result.type().name() == _ERROR:
                raise CompileError(
                    f"invalid regular expression: {_shorten(result)}", *locate(literal.start, text)
                )


def _compile(environment: Any, text: str) -> Any:
    try:
        return environment.compile(text)
    except RuntimeError as error:
        match = _MESSAGE.search(str(error))
        # The runtime reads 32 levels; then it names a line that is not there.
        if match is None or int(match[1]) > text.count("\n") + 1:
            raise NotSupported(f"the CEL runtime cannot read the expression: {error}") from error
        if "Syntax error" not in match[3]:
            check_functions(text)
        message = _UNHELPFUL.sub("", match[3]).strip()
        if _MIXED_NUMBERS.search(message):
            raise NotSupported("the comparison of numbers of two types is not judged") from None
        raise CompileError(message, int(match[1]), int(match[2])) from None


def _explain(error: str, text: str, device: Device) -> EvaluationError | NotSupported:
    if match := _MISSING_KEY.search(error):
        return find_missing(match[1], text, device)
    if UNJUDGED in error:
        return NotSupported(error.partition(UNJUDGED)[2])
    return EvaluationError(error)


def _shorten(result: Any) -> str:
    """Return the text of an error value."""
    return _ERROR_CODE.sub("", str(result.value()))
