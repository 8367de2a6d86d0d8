"""Parse the values of options, and format them.

Durations and booleans have the syntax of Go's ``time.ParseDuration`` and ``strconv.ParseBool``, because
existing manifests were written for a Go program. Functions that parse raise ValueError; its text follows the
option and its origin in the error message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.text import join_words, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

INFINITE = "infinite"
OFF = "off"
"""The duration that turns something off. Only an option that has it as its default accepts it."""

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_NEXT_UNIT = {"": "s", "h": "m", "m": "s", "s": "ms", "ms": "us"}
_LIMIT_NS = 2**63
_MAX_NS = _LIMIT_NS - 1
_MAX_DIGITS = 19
"""The maximum number of digits: 2^63 has 19, and Python refuses a number with more than 4,300."""
_PART = re.compile(r"([0-9]*)(?:(\.)([0-9]*))?([^0-9.]*)")
_DURATION_EXAMPLE = "use one like 60s or 1m30s"

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def parse_duration_ns(text: str) -> int:
    """Return the nanoseconds of a duration such as ``1m30s``, ``1.5h``, ``-500ms`` or ``0``."""
    body = text[1:] if text[:1] in {"+", "-"} else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f"{quote(text)} is not a duration; {_DURATION_EXAMPLE}")
    total = position = 0
    unit = ""
    while position < len(body):
        part = _PART.match(body, position)
        assert part is not None  # every group can be empty, so it always matches
        whole, fraction, previous = part[1], part[3] or "", unit
        unit = part[4]
        if not whole and not fraction:
            raise ValueError(f"{quote(text)} is not a duration; {_DURATION_EXAMPLE}")
        if not unit:
            likely = f"{text}{_NEXT_UNIT.get(previous, 'ns')}"
            hint = f"did you mean {likely}?" if len(text) < 20 else _DURATION_EXAMPLE
            raise ValueError(f"{quote(text)} has no unit; {hint}")
        if unit not in _UNITS_NS:
            raise ValueError(f"{quote(text)} has the unknown unit {unit!r}; use h, m, s, ms, us or ns")
        if len(whole.lstrip("0")) > _MAX_DIGITS:
            raise ValueError(_describe_limit(text))
        total += _scale(int(whole or "0"), fraction, _UNITS_NS[unit])
        position = part.end()
    is_negative = text[0] == "-"
    if total > (_LIMIT_NS if is_negative else _MAX_NS):
        raise ValueError(_describe_limit(text))
    return -total if is_negative else total


def _describe_limit(text: str) -> str:
    return f"{quote(text)} is too long; the longest duration is 2562047h, or {INFINITE}"


def _scale(whole: int, fraction: str, unit_ns: int) -> int:
    """Return ``whole.fraction`` units in nanoseconds. Like Go, compute in floating point and cut."""
    digits, scale = 0, 1.0
    for digit in fraction:
        following = digits * 10 + int(digit)
        if following > _LIMIT_NS:
            break  # Go stops here too
        digits, scale = following, scale * 10
    return whole * unit_ns + int(float(digits) * (unit_ns / scale))


def parse_duration(text: str) -> float | None:
    """Return seconds; None for ``infinite`` and for the longest duration, which Go uses for it."""
    if text == INFINITE:
        return None
    nanoseconds = parse_duration_ns(text)
    return None if nanoseconds == _MAX_NS else nanoseconds / 1e9


def parse_bool(text: str) -> bool:
    """Return a boolean."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"{quote(text)} is not a boolean; use true, false, t, f, 1 or 0")


def is_bool(text: str) -> bool:
    """Return whether :func:`parse_bool` accepts the text."""
    return text in _TRUE | _FALSE


def parse_int(text: str) -> int:
    """Return a whole number. Like Go, accept ``0x10``."""
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"{quote(text)} is not a whole number; use one like 10") from None
    if abs(number) >= _LIMIT_NS:
        raise ValueError(f"{quote(text)} is too large")
    return number


def parse_float(text: str) -> float:
    """Return a finite number."""
    from math import isfinite

    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{quote(text)} is not a number; use one like 5") from None
    if not isfinite(number):
        raise ValueError(f"{quote(text)} is not a finite number")
    return number


def parse_list(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the items of comma-separated lists in order, each once, without spaces around them."""
    items = (item.strip() for text in texts for item in text.split(","))
    return tuple(dict.fromkeys(item for item in items if item))


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[::1]:port`` or ``:port``; an empty host is every address."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{quote(text)} is not an address; put an IPv6 host in brackets, such as [::1]:8080")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65_536:
        raise ValueError(f"{quote(text)} has no port from 1 to 65535; use one like :8080 or 127.0.0.1:8080")
    return host, int(port)


def parse_choice(text: str, choices: Iterable[str]) -> str:
    """Return ``text`` if it is one of ``choices``."""
    names = tuple(choices)
    if text in names:
        return text
    raise ValueError(f"{quote(text)} is not a valid value; choose {join_words(names)}{suggest(text, names)}")


def format_value(value: object) -> str:
    """Return a value as a user would write it; empty for None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
