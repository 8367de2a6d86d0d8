"""Parse quantities in Kubernetes' notation."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from math import ceil

_QUANTITY = re.compile(
    r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FAST = (("", 1000), ("m", 1), ("Ki", 1000 << 10), ("Mi", 1000 << 20), ("Gi", 1000 << 30))
"""The usual endings with their factors; whole numbers are read much faster than fractions."""
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse(text: str) -> Fraction:
    """Return the number for a quantity: ``8``, ``1k``, ``500m``, ``40Gi``, ``1e3``. Raises ValueError."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"is not a quantity: {text!r}; write one like 1, 500m or 40Gi")
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    power = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    scale = Fraction(f"1e{power}")
    return number * scale


def parse_count(text: str) -> int:
    """Return a whole number of devices. Raises ValueError for any other quantity.

    Like the API server, round up to thousandths first.
    """
    if text.isascii() and text.isdecimal():
        return int(text)  # the usual case; this is faster, and there are thousands of quantities
    number = Fraction(ceil(parse(text) * 1000), 1000)
    if number.denominator != 1:
        raise ValueError(f"is not a whole number: {text!r}; devices cannot be divided")
    return int(number)


@lru_cache(maxsize=10_000)
def parse_thousandths(text: str) -> int:
    """Return a quantity in thousandths, rounded up as the API server does. Raises ValueError.

    The cache helps because thousands of pods and nodes have equal amounts.
    """
    for ending, factor in _FAST:
        number = text[: len(text) - len(ending)]
        if text.endswith(ending) and number.isascii() and number.isdecimal():
            return int(number) * factor
    return ceil(parse(text) * 1000)


def format_binary(count: int) -> str:
    """Return a whole number with the largest binary ending that leaves it whole: ``80Gi``, ``81559Mi``."""
    for suffix, power in reversed(_BINARY.items()):
        if count and count % (1 << power) == 0:
            return f"{count >> power}{suffix}"
    return str(count)
