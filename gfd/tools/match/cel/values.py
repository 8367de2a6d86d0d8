"""The functions that Kubernetes adds to CEL for quantities and semantic versions.

The runtime knows both as maps with one entry, which are equal if the quantities or versions are. Sources:
``quantity.go`` and ``semverlib.go`` in ``k8s.io/apiserver/pkg/cel/library``.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.clusterview.dra.model import Version
from gfd.kube import quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.clusterview.dra.model import Scalar

    Opaque = Mapping[str, str]

QUANTITY, VERSION, OPAQUE = "kubernetes.Quantity", "kubernetes.Semver", "map<string,string>"
UNJUDGED = "not judged: "
_LIMIT, _NANO = 2**63, 10**9
_VERSION = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)


class Unjudged(Exception):
    """The text after ``UNJUDGED`` says what gfd cannot judge; the runtime keeps only the text."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{UNJUDGED}{what}")


def convert(value: Scalar | Fraction) -> Any:
    """Return an attribute or a capacity as the runtime knows it. Raises ValueError."""
    if isinstance(value, Fraction):
        return {QUANTITY: str(value)}
    return _parse_version(value.text) if isinstance(value, Version) else value


def _parse_quantity(text: str) -> Opaque:
    try:
        number = quantities.parse(text)
    except ValueError:
        raise ValueError(f"not a quantity: {text!r}; one is written like 1, 500m or 40Gi") from None
    if abs(number) >= _LIMIT or (number * _NANO).denominator != 1:
        raise Unjudged(f"the quantity {text}: Kubernetes rounds it")
    return {QUANTITY: str(number)}


def _parse_version(text: str, is_tolerant: bool = False) -> Opaque:
    match = _VERSION.fullmatch(_normalize(text) if is_tolerant else text)
    if match is None or (match[4] is not None and any(map(_is_refused, match[4].split(".")))):
        raise ValueError(f"not a semantic version: {text!r}; one has three numbers, such as 1.2.3")
    if any(int(number) >= _LIMIT for number in match.groups()[:3]):
        raise Unjudged(f"the version {text}: its numbers are too large")
    return {VERSION: ".".join(match.groups()[:3]) + (f"-{match[4]}" if match[4] else "")}


def _normalize(text: str) -> str:
    """Return a version without a leading v and leading zeros, and with three numbers."""
    parts = [re.sub("^0+(?=[0-9])", "", part) for part in text.removeprefix("v").split(".", 2)]
    is_short = len(parts) < 3 and not re.search("[+-]", parts[-1])
    return ".".join([*parts, "0", "0"][:3] if is_short else parts)


def _is_refused(part: str) -> bool:
    """Return whether a part of a pre-release is empty, or a number with a leading zero."""
    return not part or (part.isdecimal() and len(part) > 1 and part.startswith("0"))


@lru_cache(maxsize=4096)
def _order_version(text: str) -> Any:
    """Return the sort key of a version: it comes after its own pre-releases, and numbers before words."""
    numbers, _, prerelease = text.partition("-")
    parts = [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in prerelease.split(".")
    ]
    return [int(number) for number in numbers.split(".")], not prerelease, parts


def _order(value: Opaque) -> Any:
    return Fraction(value[QUANTITY]) if QUANTITY in value else _order_version(value[VERSION])


def _compare(left: Opaque, right: Opaque) -> int:
    if left.keys() != right.keys():
        raise ValueError("a quantity is compared with a version")
    first, second = _order(left), _order(right)
    return int(first > second) - int(first < second)


def _add(left: Opaque, right: Opaque | int, factor: int = 1) -> Opaque:
    second = right if isinstance(right, int) else Fraction(right[QUANTITY])
    return {QUANTITY: str(Fraction(left[QUANTITY]) + factor * second)}


def _read_number(version: Opaque, index: int) -> int:
    return int(version[VERSION].partition("-")[0].split(".")[index])


class Function(NamedTuple):
    """A function with the types that it takes and returns, the target of a method first."""

    name: str
    parameters: tuple[str, ...]
    result: str
    implementation: Callable[..., Any]
    is_member: bool = True


FUNCTIONS = (
    Function("quantity", ("string",), QUANTITY, _parse_quantity, False),
    Function("semver", ("string",), VERSION, _parse_version, False),
    Function("semver", ("string", "bool"), VERSION, _parse_version, False),
    *(
        Function(name, (kind, kind), result, implementation)
        for kind in (QUANTITY, VERSION)
        for name, result, implementation in (
            ("compareTo", "int", _compare),
            ("isGreaterThan", "bool", lambda left, right: _compare(left, right) > 0),
            ("isLessThan", "bool", lambda left, right: _compare(left, right) < 0),
        )
    ),
    Function("add", (QUANTITY, QUANTITY), QUANTITY, _add),
    Function("add", (QUANTITY, "int"), QUANTITY, _add),
    Function("sub", (QUANTITY, QUANTITY), QUANTITY, lambda left, right: _add(left, right, -1)),
    Function("sub", (QUANTITY, "int"), QUANTITY, lambda left, right: _add(left, right, -1)),
    Function("major", (VERSION,), "int", lambda version: _read_number(version, 0)),
    Function("minor", (VERSION,), "int", lambda version: _read_number(version, 1)),
    Function("patch", (VERSION,), "int", lambda version: _read_number(version, 2)),
)
