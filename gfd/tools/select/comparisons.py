"""Read comparisons such as ``>=40GB``, ``>=8.0``, ``<560`` and ``=550.54.15`` as constraints on labels.

Compare only the parts of a version that the user wrote: ``>550`` means 551 and newer, ``=550`` any 550.
Values with ``=`` or without an operator are alternatives. All other comparisons must hold together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import ceil, floor
from typing import TYPE_CHECKING

from gfd.clusterview.hardware import read_profile_gb
from gfd.tools.memory_sizes import parse_gb, parse_size
from gfd.tools.select.constraints import AllOf, AnyOf, Choice, Range, intersect, is_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_LEAST, AT_MOST, MORE, LESS, EQUAL = ">=", "<=", ">", "<", "="

_JOINED = re.compile(r"(?:sm_?|compute_?|(?=[2-9][0-9]$|1[0-9]{2}$))([0-9]{1,2})([0-9])")
"""Matches two parts of a version without a dot: ``sm_80``, ``80`` and ``128``, but not ``12``."""
_COMPARISON = re.compile(r"(>=|<=|==|=|>|<)?\s*(.*)", re.DOTALL)
_WRONG = re.compile(r"(=>|=<|≥|≤|=\s+>|=\s+<)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An operator and the text after it."""

    operator: str
    text: str


def split(text: str) -> Comparison:
    """Return the operator and the text after it; without an operator it is ``=``. Raises ValueError."""
    stripped = text.strip()
    if wrong := _WRONG.fullmatch(stripped):
        operator = AT_LEAST if wrong[1][-1] in ">≥" else AT_MOST
        raise ValueError(f"begins with {wrong[1]}, which is not an operator: write '{operator}{wrong[2]}'")
    if stripped.endswith("+") and stripped[:1].isdigit():
        raise ValueError(f"is not a comparison: {text!r}; write '{AT_LEAST}{stripped[:-1]}'")
    match = _COMPARISON.fullmatch(stripped)
    assert match is not None  # the pattern matches any text
    operator = match[1] or EQUAL
    return Comparison(operator=EQUAL if operator == "==" else operator, text=match[2])


def read_memory(texts: Sequence[str], key: str) -> AnyOf:
    """Return the constraints on the label ``key``, which holds MiB, for all comparisons together.

    Raises ValueError for a text that is not a comparison of memory.
    """
    return _combine([(each, _read_memory(each, key)) for each in map(split, texts)], texts)


def read_version(texts: Sequence[str], keys: Sequence[str]) -> AnyOf:
    """Return the constraints on the labels ``keys``: major, minor, revision, for all comparisons together.

    A driver's revision may be empty, which is less than 1. Raises ValueError for a text that is not a
    comparison of versions.
    """
    return _combine([(each, _read_version(each, keys)) for each in map(split, texts)], texts)


def read_mig_memory(texts: Sequence[str], profile: str, key: str) -> AnyOf:
    """Return the constraints on the memory of MIG devices with this profile, for all comparisons together.

    GB are those in the profile's name: ``1g.18gb`` has 18 GB. The label ``key`` holds MiB, and is compared
    with other units. Raises ValueError for a text that is not a comparison of memory.
    """
    named_gb = read_profile_gb(profile)
    pairs: list[tuple[Comparison, AnyOf]] = []
    for each in map(split, texts):
        gb = parse_gb(each.text)
        if gb is None:
            pairs.append((each, _read_memory(each, key)))
        else:
            is_met = _is_within(Fraction(named_gb), _to_range(each.operator, gb, gb))
            pairs.append((each, ({},) if is_met else ()))
    return _union_and_intersect(pairs)


def _combine(pairs: list[tuple[Comparison, AnyOf]], texts: Sequence[str]) -> AnyOf:
    combined = _union_and_intersect(pairs)
    if not combined:
        raise ValueError(f"excludes every value: {', '.join(texts)}")
    return combined


def _union_and_intersect(pairs: list[tuple[Comparison, AnyOf]]) -> AnyOf:
    equal = [found for comparison, found in pairs if comparison.operator == EQUAL]
    alternatives = [tuple(each for found in equal for each in found)] if equal else []
    return reduce(intersect, [*alternatives, *(found for each, found in pairs if each.operator != EQUAL)])


def _read_memory(comparison: Comparison, key: str) -> AnyOf:
    least, most = parse_size(comparison.text)
    numbers = _to_range(comparison.operator, least, most)
    if comparison.operator == EQUAL and is_empty(numbers):
        text = comparison.text
        sold = f"{text}B for cards sold with that much, or " if text[-1:] == "G" else ""
        raise ValueError(
            f"matches no label: {text} is {float(least):g} MiB, and labels hold whole MiB; "
            f"write {sold}'>={text}'"
        )
    return () if is_empty(numbers) else ({key: numbers},)


def _to_range(operator: str, least: Fraction, most: Fraction) -> Range:
    """Return the whole numbers that compare so with a value between ``least`` and ``most``."""
    return {
        AT_LEAST: Range(least=ceil(least)),
        MORE: Range(least=floor(most) + 1),
        AT_MOST: Range(most=floor(most)),
        LESS: Range(most=ceil(least) - 1),
        EQUAL: Range(least=ceil(least), most=floor(most)),
    }[operator]


def _is_within(number: Fraction, numbers: Range) -> bool:
    return numbers.least <= number and (numbers.most is None or number <= numbers.most)


def _read_version(comparison: Comparison, keys: Sequence[str]) -> AnyOf:
    parts = comparison.text.split(".")
    if len(keys) == 2 and (joined := _JOINED.fullmatch(comparison.text)):
        raise ValueError(f"is not a version: {comparison.text!r}; did you mean {joined[1]}.{joined[2]}?")
    # Kubernetes compares labels as 64-bit numbers; no real version is that large.
    is_version = all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts)
    if not is_version or len(parts) > len(keys):
        example = "550.54.15" if len(keys) > 2 else "12.4" if "cuda" in keys[0] else "8.0"
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
