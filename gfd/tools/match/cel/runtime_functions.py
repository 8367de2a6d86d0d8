"""Call the operators and functions that the runtime has, by one small expression for each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.text import join_words
from gfd.tools.match.cel.errors import NotSupported
from gfd.tools.match.cel.library import load_cel, make_runtime
from gfd.tools.match.cel.values import Failure, describe

if TYPE_CHECKING:
    from collections.abc import Callable

_OPERATORS = {
    "!_": "!a0",
    "-_": "-a0",
    **{f"_{sign}_": f"a0 {sign} a1" for sign in ("+", "-", "*", "/", "%", "<", "<=", ">", ">=")},
}
_NO_OVERLOAD = "No matching overloads found"
_PLAIN = (str, int, float, type(None))


def find_runtime_function(name: str, count: int, *, is_member: bool) -> Callable[..., Any]:
    """Return a function or an operator of the runtime; it raises Failure if it fails.

    It raises NotSupported if it gets a list or a map with values that the runtime does not know.
    """
    names = [f"a{index}" for index in range(count)]
    call = f"{names[0]}.{name}({', '.join(names[1:])})" if is_member else f"{name}({', '.join(names)})"
    evaluate = compile_runtime_expression(_OPERATORS.get(name, call))

    def function(*arguments: Any) -> Any:
        plain = [_convert(argument, name) for argument in arguments]
        try:
            return evaluate(dict(zip(names, plain, strict=True)))
        except Failure as failure:
            if failure.reason.startswith(_NO_OVERLOAD):
                given = join_words(map(describe, arguments), "and")
                raise Failure(f"{_show(name)} gets {given}") from failure
            raise

    return function


@cache
def compile_runtime_expression(expression: str) -> Callable[[dict[str, Any]], Any]:
    """Return a function from variables to the value of an expression. It raises Failure."""
    cel = load_cel()
    compiled = _make_environment().compile(expression, disable_check=True)

    def evaluate(variables: dict[str, Any]) -> Any:
        result = compiled.eval(data=variables)
        if result.type() == cel.Type.ERROR:
            raise Failure(_clean(str(result.value())))
        return result.plain_value()

    return evaluate


@cache
def _make_environment() -> Any:
    cel = load_cel()
    return make_runtime("regex", variables={f"a{index}": cel.Type.DYN for index in range(5)})


def _show(function: str) -> str:
    """Return the name of a function, or an operator without its placeholders."""
    return function.strip("_") if function in _OPERATORS else function


def _clean(text: str) -> str:
    """Return an error of the runtime without the code in front of it."""
    code, separator, rest = text.partition(": ")
    return rest if separator and code.isupper() else text


def _convert(value: Any, function: str) -> Any:
    """Return an argument as the runtime knows it. Raises Failure, and NotSupported within a list or map."""
    if isinstance(value, list | dict):
        try:
            return _convert_collection(value, function)
        except Failure as failure:
            message = f"{function} is not judged for a list or map of quantities, versions or addresses"
            raise NotSupported(message) from failure
    if not isinstance(value, _PLAIN):
        is_comparison = _show(function) in ("<", "<=", ">", ">=")
        advice = "; use isLessThan, isGreaterThan or compareTo" if is_comparison else ""
        raise Failure(f"{_show(function)} gets {describe(value)}{advice}")
    return value


def _convert_collection(value: list[Any] | dict[Any, Any], function: str) -> Any:
    if isinstance(value, list):
        return [_convert(each, function) for each in value]
    return {key: _convert(each, function) for key, each in value.items()}
