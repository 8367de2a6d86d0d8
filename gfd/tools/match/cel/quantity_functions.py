"""Kubernetes' functions for quantities and semantic versions.

Sources: ``quantity.go`` and ``semverlib.go`` in ``k8s.io/apiserver/pkg/cel/library``.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from gfd.kube import quantities
from gfd.tools.match.cel.errors import NotSupported
from gfd.tools.match.cel.values import Failure, Quantity, SemanticVersion, WrongType, describe, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable

_KINDS = {
    Quantity: "a quantity",
    SemanticVersion: "a version",
    str: "a string",
    int: "an int",
    bool: "a bool",
}
_NANO = 10**9
_LARGEST = Fraction(2**63 - 1)
_LONG_EXPONENT = re.compile(r"[eE][+-]?[0-9]{3,}$")
_WHOLE = re.compile(r"[+-]?[0-9]+(?:[kMGTPE]|[KMGTPE]i)?")
_LARGEST_PLAIN = 10**13
"""Up to here, Kubernetes surely holds a whole number as one of 64 bits."""


def make_quantity(number: Fraction) -> Quantity:
    """Return a quantity of a device."""
    is_plain = number.denominator == 1 and abs(number) < _LARGEST_PLAIN
    return Quantity(number=number, is_plain=is_plain)


def _parse_quantity(text: Any) -> Quantity:
    """Return a quantity as Kubernetes does: rounded away from zero to billionths; Ki, Mi, Gi have a limit."""
    if _LONG_EXPONENT.search(_expect(str, text)):
        raise NotSupported(f"the quantity {text} is not judged: its exponent is too long")
    try:
        number = quantities.parse(text)
    except ValueError as error:
        raise Failure(f"not a quantity: {text!r}; one is written like 1, 500m or 40Gi") from error
    scaled = number * _NANO
    rounded = Fraction(ceil(scaled) if number > 0 else floor(scaled), _NANO)
    quantity = make_quantity(max(-_LARGEST, min(_LARGEST, rounded)) if text.endswith("i") else rounded)
    return quantity if _WHOLE.fullmatch(text) else Quantity(number=quantity.number, is_plain=False)


def _parse_version(text: Any, is_tolerant: Any = False) -> SemanticVersion:
    text = _expect(str, text)
    return parse_version(_normalize(text) if _expect(bool, is_tolerant) else text)


def _normalize(text: str) -> str:
    """Return a version without a leading v and leading zeros, and with three numbers."""
    parts = [_strip_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and re.search("[+-]", parts[-1]):
        raise Failure(f"not a semantic version: {text!r}; a short one cannot have a pre-release")
    return ".".join([*parts, "0", "0"][:3]) if len(parts) < 3 else ".".join(parts)


def _strip_zeros(part: str) -> str:
    if len(part) < 2:
        return part
    stripped = part.lstrip("0")
    return stripped if re.match("[0-9]", stripped) else f"0{stripped}"


def _succeeds(parse: Callable[..., Any]) -> Callable[..., bool]:
    """Return a function that says whether a text can be parsed."""

    def function(*arguments: Any) -> bool:
        try:
            parse(*arguments)
        except WrongType:
            raise
        except Failure:
            return False
        return True

    return function


def _compare(left: Any, right: Any) -> int:
    if isinstance(left, Quantity):
        first, second = left.number, _expect(Quantity, right).number
    else:
        first, second = _expect(SemanticVersion, left).order, _expect(SemanticVersion, right).order
    return int(first > second) - int(first < second)


def _sign(quantity: Any) -> int:
    number: Fraction = _expect(Quantity, quantity).number
    return (number > 0) - (number < 0)


def _add(left: Any, right: Any, factor: int = 1) -> Quantity:
    first = _expect(Quantity, left)
    second = right if isinstance(right, Quantity) else make_quantity(Fraction(_expect(int, right)))
    total = make_quantity(first.number + factor * second.number)
    is_plain = first.is_plain and second.is_plain and total.is_plain
    return Quantity(number=total.number, is_plain=is_plain)


def _is_integer(quantity: Any) -> bool:
    quantity = _expect(Quantity, quantity)
    if not quantity.is_plain:
        raise NotSupported("isInteger and asInteger are not judged for fractions and large numbers")
    return True


def _to_integer(quantity: Any) -> int:
    _is_integer(quantity)
    return int(quantity.number)


def _read_number(version: Any, index: int) -> int:
    """Return a number of a version; Kubernetes wraps those around that are too large for an int of CEL."""
    number: int = _expect(SemanticVersion, version).numbers[index]
    return number if number < 1 << 63 else number - (1 << 64)


def _expect(kind: type[Any], value: Any) -> Any:
    """Return the value if it has this type, else raise Failure."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WrongType(f"gets {describe(value)} instead of {_KINDS[kind]}")
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quantity": _parse_quantity,
    "isQuantity": _succeeds(_parse_quantity),
    "semver": _parse_version,
    "isSemver": _succeeds(_parse_version),
    "compareTo": _compare,
    "isGreaterThan": lambda left, right: _compare(left, right) > 0,
    "isLessThan": lambda left, right: _compare(left, right) < 0,
    "sign": _sign,
    "add": _add,
    "sub": lambda left, right: _add(left, right, -1),
    "isInteger": _is_integer,
    "asInteger": _to_integer,
    "asApproximateFloat": lambda quantity: float(_expect(Quantity, quantity).number),
    "major": lambda version: _read_number(version, 0),
    "minor": lambda version: _read_number(version, 1),
    "patch": lambda version: _read_number(version, 2),
}
