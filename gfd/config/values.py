"""Text to value and back: the forms that flags, environment variables and the config file share.

Durations and booleans follow Go's ``time.ParseDuration`` and ``strconv.ParseBool``, because cluster
manifests were written for a Go program. Every refusal is a ValueError whose text completes the
sentence "this value …", so that the caller can put the option and its origin in front.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.text import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

INFINITE = "infinite"
OFF = "off"
"""What a duration is that is not in force; only an option whose default it is may be."""

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
"""Of a number below 2^63; Python refuses to read one of more than 4,300."""
_PART = re.compile(r"([0-9]*)(?:(\.)([0-9]*))?([^0-9.]*)")

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def duration_ns(text: str) -> int:
    """Return the nanoseconds that ``text`` means to Go: ``1m30s``, ``1.5h``, ``-500ms``, ``0``.

    Raises ValueError, naming the unit that was probably meant, or the ones there are.
    """
    body = text[1:] if text[:1] in {"+", "-"} else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f"is not a duration: {quote(text)}; write one like 60s or 1m30s")
    total = position = 0
    unit = ""
    while position < len(body):
        part = _PART.match(body, position)
        assert part is not None  # every group may be empty, so it always matches
        whole, fraction, previous = part[1], part[3] or "", unit
        unit = part[4]
        if not whole and not fraction:
            raise ValueError(f"is not a duration: {quote(text)}; write one like 60s or 1m30s")
        if not unit:
            meant = _NEXT_UNIT.get(previous, "ns")
            hint = f"was {text}{meant} meant?" if len(text) < 20 else "write one like 60s or 1m30s"
            raise ValueError(f"has no unit: {quote(text)}; {hint}")
        if unit not in _UNITS_NS:
            raise ValueError(
                f"has the unknown unit {unit!r} in {quote(text)}; there are h, m, s, ms, us and ns"
            )
        if len(whole.lstrip("0")) > _MAX_DIGITS:
            raise ValueError(_too_long(text))
        total += _scaled(int(whole or "0"), fraction, _UNITS_NS[unit])
        position = part.end()
    is_negative = text[0] == "-"
    if total > (_LIMIT_NS if is_negative else _MAX_NS):
        raise ValueError(_too_long(text))
    return -total if is_negative else total


def _too_long(text: str) -> str:
    return f"is too long: {quote(text)}; the longest duration is 2562047h, or {INFINITE}"


def _scaled(whole: int, fraction: str, unit_ns: int) -> int:
    """Return ``whole.fraction`` units in nanoseconds, rounded the way Go rounds: in binary, then cut."""
    digits, scale = 0, 1.0
    for digit in fraction:
        following = digits * 10 + int(digit)
        if following > _LIMIT_NS:
            break  # Go stops adding digits here too
        digits, scale = following, scale * 10
    return whole * unit_ns + int(float(digits) * (unit_ns / scale))


def parse_duration(text: str) -> float | None:
    """Return seconds; None for ``infinite`` and for the longest duration, which mean the same to Go."""
    if text == INFINITE:
        return None
    nanoseconds = duration_ns(text)
    return None if nanoseconds == _MAX_NS else nanoseconds / 1e9


def parse_bool(text: str) -> bool:
    """Return the truth of ``text`` as Go's ``strconv.ParseBool`` knows it."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"is neither true nor false: {quote(text)}; write true or false (1, 0, t, f work too)")


def parse_int(text: str) -> int:
    """Return a whole number; ``0x10`` and its like work, as in Go."""
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"is not a whole number: {quote(text)}") from None
    if abs(number) >= _LIMIT_NS:
        raise ValueError(f"is too large: {quote(text)}")
    return number


def parse_float(text: str) -> float:
    """Return a finite number."""
    from math import isfinite

    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"is not a number: {quote(text)}") from None
    if not isfinite(number):
        raise ValueError(f"is not a finite number: {quote(text)}")
    return number


def parse_list(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the items of comma lists in order, each once, without blanks around them."""
    items = (item.strip() for text in texts for item in text.split(","))
    return tuple(dict.fromkeys(item for item in items if item))


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[::1]:port`` or ``:port``; an empty host is every address."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(
            f"is not an address: {quote(text)}; put an IPv6 host into brackets, as in [::1]:8080"
        )
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65_536:
        raise ValueError(
            f"has no port from 1 to 65535: {quote(text)}; write one like :8080 or 127.0.0.1:8080"
        )
    return host, int(port)


def parse_choice(text: str, known: Iterable[str]) -> str:
    """Return ``text`` if it is among ``known``; else raise ValueError with the nearest and with all."""
    names = tuple(known)
    if text in names:
        return text
    raise ValueError(f"is unknown: {quote(text)}; there are {', '.join(names)}{suggest(text, names)}")


def format_value(value: object) -> str:
    """Return a parsed value as it would be written in an option; a missing one is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
