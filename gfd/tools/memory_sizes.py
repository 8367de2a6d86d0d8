"""Read amounts of memory as people write them: ``80GB`` for a card sold as 80 GB, ``40Gi`` to the byte.

NVML, and so the label, counts less than the number on the box: ECC takes up to a sixteenth of GDDR memory,
and the driver keeps a part for itself. A T4 with 16 GB has 15360 MiB, or 15109 with an older driver; an L40S
with 48 GB has 46068; an H100 with 80 GB has 81559. The known cards have 92 to 100 % of as many GiB as the
number says. Most sizes are further apart. Only 94 and 96 GB, 141 and 144 GB, and 180 to 192 GB are not.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from gfd.kube.quantities import parse as parse_quantity
from gfd.kube.requirements import MAX_INT64, parse_integer

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1 << 20
LEAST_SHARE = Fraction(9, 10)
"""A card sold as N GB has more than this share of N GiB, and at most N GiB."""

_LEAST_MIB = 1000
"""A number without a unit that is as large as this means MiB, as nvidia-smi prints them; a smaller one GB."""
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WHOLE_GB = re.compile(r"([0-9]{1,4})\s*Gi?B?", re.IGNORECASE)
_SOLD = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*GB", re.IGNORECASE)
_BINARY = re.compile(r"([0-9.]+)\s*([KMGT])i(?:B)?", re.IGNORECASE)
_GI = re.compile(r"(?<=[0-9])\s*Gi?B?$", re.IGNORECASE)
_OTHER_UNIT = re.compile(r"([0-9.]+)\s*([kmgt])b?", re.IGNORECASE)


def parse_gb(text: str) -> Fraction | None:
    """Return the number in ``80GB``; None for a text with another unit."""
    match = _SOLD.fullmatch(text.strip())
    return Fraction(match[1]) if match else None


def to_sold(texts: Iterable[str]) -> tuple[str, ...]:
    """Return comparisons with GB, which mean the memory that a card is sold with, in place of G and Gi."""
    return tuple(_GI.sub("GB", text) for text in texts)


def find_sold_mib(gb: Fraction | int) -> tuple[int, int]:
    """Return the least and the most MiB that NVML counts on a card that is sold with ``gb`` GB."""
    return floor(gb * 1024 * LEAST_SHARE) + 1 if gb else 0, floor(gb * 1024)


def read_bound_gb(bound: str) -> int | None:
    """Return the GB of a card that a bound on a label means: 80 for 80Gi, 80GB, 80, 80000 and 81920."""
    if found := _WHOLE_GB.fullmatch(bound):
        return int(found[1])
    number = parse_integer(bound)
    if number is None or number <= 0:
        return None
    if number < _LEAST_MIB:
        return number
    return next((round(number / unit) for unit in (1024, 1000) if number % unit in (0, unit - 1)), None)


def read_bound_mib(bound: str) -> int | None:
    """Return the MiB of a bound with a unit, rounded up; None if it is a number, or cannot be read."""
    if parse_integer(bound) is not None:
        return None
    try:
        return ceil(parse_quantity(bound.removesuffix("B")) / MIB)
    except ValueError:
        return None


def parse_size(text: str) -> tuple[Fraction, Fraction]:
    """Return the least and the most MiB that a text means. Raises ValueError.

    ``40Gi`` means one number, which may be a fraction. ``80GB`` means all cards that are sold as 80 GB.
    """
    sold = parse_gb(text)
    if sold is not None:
        least, most = find_sold_mib(sold)
        if most * MIB > MAX_INT64:
            raise ValueError(f"is not an amount of memory: {text!r}; write one like 80GB or 40Gi")
        return Fraction(least), Fraction(most)
    mib = _parse_bytes(text.strip()) / MIB
    return mib, mib


def _parse_bytes(text: str) -> Fraction:
    if _NUMBER.fullmatch(text):
        unit = "GB" if Fraction(text) < _LEAST_MIB else "Mi"
        raise ValueError(f"has no unit: {text!r}; did you mean {text}{unit}?")
    if binary := _BINARY.fullmatch(text):
        text = f"{binary[1]}{binary[2].upper()}i"
    try:
        size = parse_quantity(text)
    except ValueError:
        if other := _OTHER_UNIT.fullmatch(text):
            letter = other[2].upper()
            known = f"{other[1]}GB or {other[1]}Gi" if letter == "G" else f"{other[1]}{letter}i"
            raise ValueError(f"is not an amount of memory: {text!r}; did you mean {known}?") from None
        size = Fraction(-1)
    if not 0 <= size <= MAX_INT64:
        raise ValueError(f"is not an amount of memory: {text!r}; write one like 80GB or 40Gi")
    return size
