"""Turn the tree of an expression into Python functions that evaluate it, with the rules of cel-go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.equality import contains
from gfd.tools.match.cel.errors import NotSupported
from gfd.tools.match.cel.functions import find_function, name_function
from gfd.tools.match.cel.lookup import look_up, look_up_optional
from gfd.tools.match.cel.operators import LAZY_METHODS, OPERATORS, attempt, evaluate_all
from gfd.tools.match.cel.syntax import (
    Call,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Part,
    Selection,
)
from gfd.tools.match.cel.values import (
    Crash,
    DomainMap,
    Failure,
    SemanticVersion,
    TypeName,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.tools.match.cel.operators import Evaluator, Variables

_TYPES = ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")


def make_evaluator(part: Part) -> Evaluator:
    """Return a function from the variables to the value of a part. It raises Failure, as CEL's error values.

    Raises NotSupported if the part calls what gfd does not have.
    """
    return _MAKERS[type(part)](part)


def _make_constant(part: Constant) -> Evaluator:
    return lambda _: part.value


def _make_identifier(part: Identifier) -> Evaluator:
    name = part.name

    def evaluate(variables: Variables) -> Any:
        if name not in variables and name in _TYPES:
            return TypeName(name=name)
        value = variables[name]
        if isinstance(value, Failure):
            raise value
        return value

    return evaluate


def _make_selection(part: Selection) -> Evaluator:
    operand, field = make_evaluator(part.operand), part.field
    if part.is_test:
        return lambda variables: bool(look_up_optional(operand(variables), field).values)
    return lambda variables: look_up(operand(variables), field)


def _make_list(part: ListLiteral) -> Evaluator:
    elements = [(make_evaluator(each), index in part.optional) for index, each in enumerate(part.elements)]

    def evaluate(variables: Variables) -> list[Any]:
        found: list[Any] = []
        for element, is_optional in elements:
            value = element(variables)
            found.extend(value.values if is_optional else (value,))
        return found

    return evaluate


def _make_map(part: MapLiteral) -> Evaluator:
    if part.type_name:
        raise NotSupported(f"a value of type {part.type_name} is not judged")
    entries = [
        (make_evaluator(entry.key), make_evaluator(entry.value), entry.is_optional) for entry in part.entries
    ]

    def evaluate(variables: Variables) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_of, value_of, is_optional in entries:
            key, value = key_of(variables), value_of(variables)
            for each in value.values if is_optional else (value,):
                found[key] = each
        return found

    return evaluate


def _make_call(part: Call) -> Evaluator:
    if part.function == "@in":
        return _make_membership(*part.arguments)
    operator = OPERATORS.get(part.function)
    if operator is not None and (part.target is None or part.function in LAZY_METHODS):
        return operator(*map(make_evaluator, part.children))
    name, arguments = name_function(part)
    function = find_function(name, len(arguments), is_member=len(arguments) > len(part.arguments))
    evaluators = tuple(map(make_evaluator, arguments))
    return lambda variables: function(*evaluate_all(evaluators, variables))


def _make_membership(value_part: Part, container_part: Part) -> Evaluator:
    """Make ``in``. cel-go turns a list of constants into a set, which changes what it does with versions."""
    value, container = make_evaluator(value_part), make_evaluator(container_part)
    elements = container_part.elements if isinstance(container_part, ListLiteral) else (None,)
    if not elements:
        return lambda _: False
    is_set = all(isinstance(element, Constant) for element in elements)

    def evaluate(variables: Variables) -> bool:
        found, values = evaluate_all((value, container), variables)
        if is_set and isinstance(found, SemanticVersion):
            raise Crash("in looks for a version in a list of constants; write semver() around each of them")
        return contains(values, found)

    return evaluate


def _make_loop(part: Comprehension) -> Evaluator:
    elements, start = make_evaluator(part.range), make_evaluator(part.start)
    condition, step = make_evaluator(part.condition), make_evaluator(part.step)
    result, accumulator, names = make_evaluator(part.result), part.accumulator, part.variables

    def evaluate(variables: Variables) -> Any:
        container = elements(variables)
        inner = dict(variables)
        first = attempt(start, variables)
        # cel-go replaces an empty map by one of its own, which knows nothing of absent domains.
        inner[accumulator] = {} if first == {} and isinstance(first, DomainMap) else first
        for values in _iterate(container, len(names)):
            inner.update(zip(names, values, strict=True))
            if condition(inner) is not True:
                break
            inner[accumulator] = attempt(step, inner)
        return result(inner)

    return evaluate


def _iterate(container: Any, count: int) -> list[tuple[Any, ...]]:
    """Return what the variables of a loop become, in turn."""
    if isinstance(container, dict):
        return list(container.items()) if count == 2 else [(key,) for key in container]
    if isinstance(container, list):
        return list(enumerate(container)) if count == 2 else [(element,) for element in container]
    raise Failure(f"a loop gets {describe(container)}, which is neither a list nor a map")


_MAKERS: dict[type[Part], Callable[[Any], Evaluator]] = {
    Constant: _make_constant,
    Identifier: _make_identifier,
    Selection: _make_selection,
    Call: _make_call,
    ListLiteral: _make_list,
    MapLiteral: _make_map,
    Comprehension: _make_loop,
}
