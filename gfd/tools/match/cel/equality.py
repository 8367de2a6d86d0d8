"""Compare values as cel-go does."""

from __future__ import annotations

from typing import Any

from gfd.tools.match.cel.values import Failure, OptionalValue, Quantity, SemanticVersion, describe


def is_equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal. Values of different types are not.

    Raises Failure if the left value is a quantity or a version and the right one is something else: in
    Kubernetes, this comparison fails (``Equal`` in ``k8s.io/apiserver/pkg/cel/semver.go``).
    """
    if left is None or right is None:
        return left is right
    if isinstance(left, Quantity | SemanticVersion):
        return _is_equal_value(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float):
        return isinstance(right, int | float) and left == right
    if isinstance(left, list | dict | OptionalValue):
        return _is_equal_collection(left, right)
    return type(left) is type(right) and bool(left == right)


def differs(left: Any, right: Any) -> bool:
    """Return whether two values are not equal; those that cannot be compared are not."""
    return not _equals(left, right)


def contains(container: Any, value: Any) -> bool:
    """Return whether a list has an element, or a map a key. Raises Failure for any other container."""
    if isinstance(container, list):
        return any(_equals(value, element) for element in container)
    if isinstance(container, dict):
        return _is_key(value) and value in container
    raise Failure(f"in looks into {describe(container)}, which is neither a list nor a map")


def _is_equal_collection(left: Any, right: Any) -> bool:
    if isinstance(left, list):
        is_alike = isinstance(right, list) and len(left) == len(right)
        return is_alike and not any(map(_differs, left, right))
    if isinstance(left, dict):
        is_alike = isinstance(right, dict) and left.keys() == right.keys()
        return is_alike and not any(_differs(value, right[key]) for key, value in left.items())
    is_alike = isinstance(right, OptionalValue) and len(left.values) == len(right.values)
    return is_alike and all(map(is_equal, left.values, right.values))


def _is_equal_value(left: Quantity | SemanticVersion, right: Any) -> bool:
    if type(left) is not type(right):
        advice = "quantity('1Gi')" if isinstance(left, Quantity) else "semver('1.2.3')"
        raise Failure(f"== compares {describe(left)} with {describe(right)}; compare it with {advice}")
    return bool(_simplify(left) == _simplify(right))


def _simplify(value: Quantity | SemanticVersion) -> Any:
    return value.number if isinstance(value, Quantity) else value.order


def _differs(left: Any, right: Any) -> bool:
    """Return whether two elements differ; cel-go holds those that cannot be compared for equal."""
    try:
        return not is_equal(left, right)
    except Failure:
        return False


def _equals(left: Any, right: Any) -> bool:
    """Return whether two elements are equal; those that cannot be compared are not."""
    try:
        return is_equal(left, right)
    except Failure:
        return False


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
