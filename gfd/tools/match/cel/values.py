"""The values of CEL that have no equal in Python. All others are Python's own: str, int, list, dict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

_VERSION = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?"
)
_UINT64 = 1 << 64


class Failure(Exception):
    """The evaluation of a part of an expression failed: what CEL calls an error value."""

    def __init__(self, reason: str, missing: MissingKey | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing


class WrongType(Failure):
    """A function gets a value of a type that it does not take; the reason lacks the function's name."""


class Crash(Exception):
    """The whole evaluation ends: cel-go panics, and no operator ignores that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingKey:
    """An attribute or a capacity that the device does not have."""

    kind: str
    """``attributes`` or ``capacity``."""
    domain: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity of Kubernetes."""

    number: Fraction
    is_plain: bool
    """Whether Kubernetes surely holds it as a whole number of 64 bits: not so for ``1000m`` or ``1.5Ki``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticVersion:
    """A semantic version; its build metadata count for nothing."""

    numbers: tuple[int, int, int]
    prerelease: tuple[tuple[bool, int, str], ...] = ()
    """Each part as what orders it: numbers come before words."""

    @property
    def order(self) -> Any:
        """What orders versions: a version comes after its own pre-releases."""
        return self.numbers, not self.prerelease, self.prerelease


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeName:
    """A type as a value, such as ``string`` or ``type(1)``."""

    name: str


@dataclass(frozen=True, slots=True)
class OptionalValue:
    """A value that may be absent."""

    values: tuple[Any, ...] = ()
    """The value; nothing if it is absent."""


ABSENT = OptionalValue()


class NamedMap(dict[Any, Any]):
    """The attributes, or the capacity, of a device in one domain."""

    def __init__(self, kind: str, domain: str) -> None:
        super().__init__()
        self.kind = kind
        self.domain = domain


class DomainMap(dict[Any, Any]):
    """The attributes, or the capacity, of a device by domain; an absent domain is an empty map."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, domain: str, name: str, value: Any) -> None:
        """Add an attribute or a capacity."""
        names = self.get(domain)
        if names is None:
            names = self[domain] = NamedMap(self.kind, domain)
        names[name] = value


_TYPE_NAMES: tuple[tuple[Any, str], ...] = (
    (type(None), "null_type"),
    (bool, "bool"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    (list, "list"),
    (dict, "map"),
    (TypeName, "type"),
    (OptionalValue, "optional_type"),
    (Quantity, "kubernetes.Quantity"),
    (SemanticVersion, "kubernetes.Semver"),
    ((IPv4Interface, IPv6Interface), "net.CIDR"),
    ((IPv4Address, IPv6Address), "net.IP"),
)
_DESCRIPTIONS = {
    "null_type": "null",
    "int": "an int",
    "optional_type": "an optional value",
    "kubernetes.Quantity": "a quantity",
    "kubernetes.Semver": "a version",
    "net.CIDR": "a network",
    "net.IP": "an IP address",
}


def name_type(value: Any) -> str:
    """Return the type of a value as CEL names it."""
    return next(name for kinds, name in _TYPE_NAMES if isinstance(value, kinds))


def describe(value: Any) -> str:
    """Return what a value is, for a message: ``a string``, ``a version``."""
    name = name_type(value)
    return _DESCRIPTIONS.get(name, f"a {name}")


@lru_cache(maxsize=4096)
def parse_version(text: str) -> SemanticVersion:
    """Return a semantic version. Raises Failure if the text is not one.

    Source: ``github.com/blang/semver/v4``, which Kubernetes uses.
    """
    match = _VERSION.fullmatch(text)
    if match is None or any(int(number) >= _UINT64 for number in match.groups()[:3]):
        raise Failure(f"not a semantic version: {text!r}; one has three numbers, such as 1.2.3")
    prerelease = tuple(_order(part, text) for part in match[4].split(".")) if match[4] else ()
    if match[5] and not all(match[5].split(".")):
        raise Failure(f"not a semantic version: {text!r}; its build metadata have an empty part")
    major, minor, patch = (int(number) for number in match.groups()[:3])
    return SemanticVersion(numbers=(major, minor, patch), prerelease=prerelease)


def _order(part: str, text: str) -> tuple[bool, int, str]:
    """Return what orders a part of a pre-release."""
    if not part.isdecimal():
        if not part:
            raise Failure(f"not a semantic version: {text!r}; its pre-release has an empty part")
        return True, 0, part
    if len(part) > 1 and part.startswith("0"):
        raise Failure(f"not a semantic version: {text!r}; its pre-release has a number with a leading zero")
    if int(part) >= _UINT64:
        raise Failure(f"not a semantic version: {text!r}; its pre-release has too large a number")
    return False, int(part), ""
