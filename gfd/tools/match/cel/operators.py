"""The operators of CEL that decide by themselves which of their arguments they evaluate, and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.equality import differs, is_equal
from gfd.tools.match.cel.lookup import look_up, look_up_optional
from gfd.tools.match.cel.values import Failure, OptionalValue, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Variables = dict[str, Any]
    Evaluator = Callable[[Variables], Any]


def evaluate_all(evaluators: Sequence[Evaluator], variables: Variables) -> list[Any]:
    """Return the arguments of a function. The second of two can crash even if the first fails."""
    try:
        return [each(variables) for each in evaluators]
    except Failure:
        if len(evaluators) == 2:
            attempt(evaluators[1], variables)
        raise


def attempt(evaluator: Evaluator, variables: Variables) -> Any:
    """Return the value, or the failure as a value, which counts only where it is used."""
    try:
        return evaluator(variables)
    except Failure as failure:
        return failure


def _make_and(left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda variables: _decide(left, right, variables, deciding=False)


def _make_or(left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda variables: _decide(left, right, variables, deciding=True)


def _decide(left: Evaluator, right: Evaluator, variables: Variables, *, deciding: bool) -> bool:
    """Return the result of ``&&`` or ``||``: if one side decides, a failure of the other side is ignored."""
    first: object = attempt(left, variables)
    second = None if first is deciding else attempt(right, variables)
    if first is deciding or second is deciding:
        return deciding
    for value in (first, second):
        if isinstance(value, Failure):
            raise value
        if not isinstance(value, bool):
            raise Failure(f"&& or || gets {describe(value)}")
    return not deciding


def _make_choice(condition: Evaluator, positive: Evaluator, negative: Evaluator) -> Evaluator:
    def evaluate(variables: Variables) -> Any:
        chosen = condition(variables)
        if not isinstance(chosen, bool):
            raise Failure(f"the condition of ?: is {describe(chosen)}")
        return (positive if chosen else negative)(variables)

    return evaluate


def _make_tolerant(condition: Evaluator) -> Evaluator:
    """Make ``@not_strictly_false``, the condition of loops: only false ends them."""
    return lambda variables: attempt(condition, variables) is not False


def _make_optional_alternative(first: Evaluator, second: Evaluator) -> Evaluator:
    """Make ``or``: the second optional value counts if the first is absent."""

    def evaluate(variables: Variables) -> Any:
        value = _expect_optional(first(variables))
        return value if value.values else _expect_optional(second(variables))

    return evaluate


def _make_optional_default(first: Evaluator, second: Evaluator) -> Evaluator:
    """Make ``orValue``: the second value counts if the first is absent."""

    def evaluate(variables: Variables) -> Any:
        value = _expect_optional(first(variables))
        return value.values[0] if value.values else second(variables)

    return evaluate


def _expect_optional(value: Any) -> OptionalValue:
    if not isinstance(value, OptionalValue):
        raise Failure(f"or() or orValue() is called on {describe(value)}, which is not optional")
    return value


OPERATORS: dict[str, Callable[..., Evaluator]] = {
    "_&&_": _make_and,
    "_||_": _make_or,
    "_?_:_": _make_choice,
    "@not_strictly_false": _make_tolerant,
    "_==_": lambda left, right: lambda variables: is_equal(*evaluate_all((left, right), variables)),
    "_!=_": lambda left, right: lambda variables: differs(*evaluate_all((left, right), variables)),
    "_[_]": lambda container, key: lambda variables: look_up(container(variables), key(variables)),
    "_[?_]": lambda container, key: lambda variables: look_up_optional(container(variables), key(variables)),
    "_?._": lambda container, key: lambda variables: look_up_optional(container(variables), key(variables)),
    "or": _make_optional_alternative,
    "orValue": _make_optional_default,
}
LAZY_METHODS = ("or", "orValue")
