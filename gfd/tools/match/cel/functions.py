"""Find the function that an expression calls: one of those that gfd adds, or one of the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel import collection_functions, network_functions, quantity_functions
from gfd.tools.match.cel.errors import NotSupported
from gfd.tools.match.cel.runtime_functions import find_runtime_function
from gfd.tools.match.cel.syntax import Call, Identifier, Part, walk
from gfd.tools.match.cel.values import Failure, WrongType

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.tools.match.cel.syntax import Syntax

_NAMESPACES = ("base64", "cel", "format", "ip", "lists", "math", "optional", "regex", "sets", "strings")
_NOT_JUDGED = ("format", "isURL", "url")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **quantity_functions.FUNCTIONS,
    **network_functions.FUNCTIONS,
    **collection_functions.FUNCTIONS,
}


def name_function(call: Call) -> tuple[str, tuple[Part, ...]]:
    """Return the full name of the function that is called, such as ``sets.contains``, and its arguments.

    The target of a method is its first argument.
    """
    if isinstance(call.target, Identifier) and call.target.name in _NAMESPACES:
        return f"{call.target.name}.{call.function}", call.arguments
    return call.function, tuple(call.children)


def check_functions(syntax: Syntax) -> None:
    """Raise NotSupported if the expression calls what gfd does not have: URLs, formats, formatted text."""
    for part in walk(syntax.root):
        if isinstance(part, Call):
            name, _ = name_function(part)
            if name in _NOT_JUDGED or name.startswith("format."):
                raise NotSupported(f"{name}() is not judged")


def find_function(name: str, count: int, *, is_member: bool) -> Callable[..., Any]:
    """Return a function of ``count`` arguments, which raises Failure."""
    own = _FUNCTIONS.get(name)
    return (
        find_runtime_function(name, count, is_member=is_member) if own is None else _name_failures(own, name)
    )


def _name_failures(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except WrongType as failure:
            raise Failure(f"{name} {failure.reason}") from failure

    return call
