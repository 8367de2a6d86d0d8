"""Parse quantities in Kubernetes' notation."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

_QUANTITY = re.compile(
    r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
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
