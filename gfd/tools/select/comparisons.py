"""Read comparisons such as ``>=40Gi``, ``>=8.0``, ``<560`` and ``=550.54.15`` as constraints on labels.

Compare only the parts of a version that the user wrote: ``>550`` means 551 and newer, ``=550`` any 550.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor
from typing import TYPE_CHECKING

from gfd.kube.quantities import parse as parse_quantity
from gfd.kube.requirements import MAX_INT64
from gfd.tools.select.constraints import AllOf, AnyOf, Choice, Range, intersect, is_empty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

MIB = 1 << 20
AT_LEAST, AT_MOST, MORE, LESS, EQUAL = ">=", "<=", ">", "<", "="

_COMPARISON = re.compile(r"(>=|<=|==|=|>|<)?\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_OTHER_UNIT = re.compile(r"([0-9.]+)\s*([KMGT])i?[Bb]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An operator and the text after it."""

    operator: str
    text: str


def split(text: str) -> Comparison:
    """Return the operator and the text after it; without an operator it is ``=``."""
    match = _COMPARISON.fullmatch(text.strip())
    assert match is not None  # the pattern matches any text
    operator = match[1] or EQUAL
    return Comparison(operator=EQUAL if operator == "==" else operator, text=match[2])


def read_memory(texts: Sequence[str], key: str) -> AnyOf:
    """Return the constraints on the label ``key``, which holds MiB, for all comparisons together.

    Raises ValueError for a text that is not a comparison of memory.
    """
    return _combine([_read_memory(split(text), key) for text in texts], texts)


def read_version(texts: Sequence[str], keys: Sequence[str]) -> AnyOf:
    """Return the constraints on the labels ``keys``: major, minor, revision, for all comparisons together.

    A driver's revision may be empty, which is less than 1. Raises ValueError for a text that is not a
    comparison of versions.
    """
    return _combine([_read_version(split(text), keys) for text in texts], texts)


def _combine(each: list[AnyOf], texts: Sequence[str]) -> AnyOf:
    combined = reduce(intersect, each)
    if not combined:
        raise ValueError(f"excludes every value: {', '.join(texts)}")
    return combined


def _read_memory(comparison: Comparison, key: str) -> AnyOf:
    mib = _parse_bytes(comparison.text) / MIB
    if comparison.operator == EQUAL and mib.denominator != 1:
        raise ValueError(
            f"matches no label: {comparison.text} is {float(mib):g} MiB, and labels hold whole MiB"
        )
    numbers = {
        AT_LEAST: Range(least=ceil(mib)),
        MORE: Range(least=floor(mib) + 1),
        AT_MOST: Range(most=floor(mib)),
        LESS: Range(most=ceil(mib) - 1),
        EQUAL: Range(least=int(mib), most=int(mib)),
    }[comparison.operator]
    return () if is_empty(numbers) else ({key: numbers},)


def _parse_bytes(text: str) -> Fraction:
    if _NUMBER.fullmatch(text):
        raise ValueError(
            f"has no unit: {text!r}; did you mean {text}Gi? Labels hold MiB, so 40536 is 40536Mi"
        )
    if unit := _OTHER_UNIT.fullmatch(text):
        raise ValueError(
            f"is not a quantity: {text!r}; did you mean {unit[1]}{unit[2]}i or {unit[1]}{unit[2]}?"
        )
    size = parse_quantity(text)
    if not 0 <= size <= MAX_INT64:
        raise ValueError(f"is not an amount of memory: {text!r}; write one like 40Gi")
    return size


def _read_version(comparison: Comparison, keys: Sequence[str]) -> AnyOf:
    parts = comparison.text.split(".")
    # Kubernetes compares labels as 64-bit numbers; no real version is that large.
    is_version = all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts)
    if not is_version or len(parts) > len(keys):
        example = ".".join(("550", "54", "15") if len(keys) > 2 else ("8", "0"))
        raise ValueError(f"is not a version: {comparison.text!r}; write one like {example} or >={example}")
    numbers = [int(part) for part in parts]
    if comparison.operator in {AT_LEAST, LESS}:
        # >=8.0 means the same as >=8, and needs fewer terms.
        while len(numbers) > 1 and not numbers[-1]:
            numbers.pop()
    if comparison.operator == EQUAL:
        return _allow_empty_revision([dict(zip(keys, map(_exactly, numbers), strict=False))], keys)
    found = []
    for index, number in enumerate(numbers):
        is_last = index == len(numbers) - 1
        is_included = is_last and comparison.operator in {AT_LEAST, AT_MOST}
        bound = _beyond(comparison.operator, number, is_included=is_included)
        if not is_empty(bound):
            same = dict(zip(keys, map(_exactly, numbers[:index]), strict=False))
            found.append({**same, keys[index]: bound})
    return _allow_empty_revision(found, keys)


def _exactly(number: int) -> Range:
    return Range(least=number, most=number)


def _beyond(operator: str, number: int, *, is_included: bool) -> Range:
    if operator in {AT_LEAST, MORE}:
        return Range(least=number if is_included else number + 1)
    return Range(most=number if is_included else number - 1)


def _allow_empty_revision(alternatives: Sequence[dict[str, Range]], keys: Sequence[str]) -> AnyOf:
    """Return the alternatives; for each that allows the revision 0, add one that allows an empty revision."""
    found: list[AllOf] = []
    for each in alternatives:
        found.append(each)
        found.extend(
            {**each, key: Choice(texts=frozenset({""}))}
            for key in keys[2:]
            if key in each and not each[key].least
        )
    return tuple(found)
