"""Functions for lists, optional values, regular expressions and types that the runtime does not have.

Sources: ``lists.go`` and ``regex.go`` in Kubernetes' CEL library, and ``cel/library.go`` of cel-go.
"""

from __future__ import annotations

from functools import cmp_to_key
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.equality import is_equal
from gfd.tools.match.cel.errors import NotSupported
from gfd.tools.match.cel.runtime_functions import compile_runtime_expression, find_runtime_function
from gfd.tools.match.cel.values import ABSENT, Failure, OptionalValue, TypeName, describe, name_type

if TYPE_CHECKING:
    from collections.abc import Callable


def _take_value(optional: Any) -> Any:
    if not isinstance(optional, OptionalValue) or not optional.values:
        raise Failure("value() is called on an optional value that is absent")
    return optional.values[0]


def _keep_nonzero(value: Any) -> OptionalValue:
    return OptionalValue((value,)) if value not in (None, False, 0, "", [], {}) else ABSENT


def _find(text: Any, pattern: Any) -> str:
    return next(iter(_find_all(text, pattern, 1)), "")


def _find_all(text: Any, pattern: Any, limit: Any = -1) -> list[str]:
    """Return the matches of a pattern, by the same regular expressions as Kubernetes': RE2."""
    if "(" in str(pattern):
        raise NotSupported("find and findAll are not judged if the regular expression has parentheses")
    extract = compile_runtime_expression("regex.extractAll(a0, a1)")
    found: list[str] = extract({"a0": text, "a1": f"({pattern})"})
    return found if limit < 0 else found[:limit]


def _measure(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise Failure(f"size gets {describe(value)}")
    return len(value)


def _sort_by(values: Any, keys: Any) -> list[Any]:
    """Return the values in the order of their keys, which have one type."""
    is_less = find_runtime_function("_<_", 2, is_member=False)

    def compare(left: Any, right: Any) -> int:
        return int(is_less(right[1], left[1])) - int(is_less(left[1], right[1]))

    return [value for value, _ in sorted(zip(values, keys, strict=True), key=cmp_to_key(compare))]


def _find_index(values: list[Any], item: Any, step: int) -> int:
    indices = range(len(values))[::step]
    return next((index for index in indices if _matches(values[index], item)), -1)


def _matches(left: Any, right: Any) -> bool:
    try:
        return is_equal(left, right)
    except Failure:
        return False


def _choose_index(step: int) -> Callable[..., Any]:
    """Return indexOf or lastIndexOf, which exist for texts and for lists."""
    name = "indexOf" if step > 0 else "lastIndexOf"

    def function(container: Any, *arguments: Any) -> Any:
        if isinstance(container, list):
            return _find_index(container, arguments[0], step)
        return find_runtime_function(name, 1 + len(arguments), is_member=True)(container, *arguments)

    return function


def _add_up(values: Any) -> Any:
    if not isinstance(values, list):
        raise Failure(f"sum gets {describe(values)}, which is not a list")
    add = find_runtime_function("_+_", 2, is_member=False)
    total: Any = 0
    for value in values:
        total = add(total, value) if values.index(value) or total else value
    return total


def _choose(values: Any, name: str, sign: str) -> Any:
    if not isinstance(values, list) or not values:
        raise Failure(f"{name} is called on an empty list")
    is_better = find_runtime_function(f"_{sign}_", 2, is_member=False)
    best = values[0]
    for value in values[1:]:
        best = value if is_better(value, best) else best
    return best


def _is_sorted(values: Any) -> bool:
    if not isinstance(values, list):
        raise Failure(f"isSorted gets {describe(values)}, which is not a list")
    is_greater = find_runtime_function("_>_", 2, is_member=False)
    return not any(is_greater(*pair) for pair in pairwise(values))


def _insert(values: Any, key: Any, value: Any = None) -> dict[Any, Any]:
    """Add an entry, or all entries of a map, in a loop that makes a map."""
    entries = key if isinstance(key, dict) else {key: value}
    if double := values.keys() & entries.keys():
        raise Failure(f"insert failed: key {min(double)} already exists")
    return {**values, **entries}


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": _measure,
    "@sortByAssociatedKeys": _sort_by,
    "dyn": lambda value: value,
    "type": lambda value: TypeName(name=name_type(value)),
    "optional.of": lambda value: OptionalValue((value,)),
    "optional.none": lambda: ABSENT,
    "optional.ofNonZeroValue": _keep_nonzero,
    "hasValue": lambda optional: bool(optional.values),
    "value": _take_value,
    "optional.unwrap": lambda values: [each.values[0] for each in values if each.values],
    "unwrapOpt": lambda values: [each.values[0] for each in values if each.values],
    "first": lambda values: OptionalValue(tuple(values[:1])),
    "last": lambda values: OptionalValue(tuple(values[-1:])),
    "find": _find,
    "findAll": _find_all,
    "indexOf": _choose_index(1),
    "lastIndexOf": _choose_index(-1),
    "sum": _add_up,
    "min": lambda values: _choose(values, "min", "<"),
    "max": lambda values: _choose(values, "max", ">"),
    "isSorted": _is_sorted,
    "cel.@mapInsert": _insert,
}
