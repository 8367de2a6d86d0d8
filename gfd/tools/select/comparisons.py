"""Comparisons as people write: ``>=40Gi``, ``>=8.0``, ``<560``, ``=550.54.15``, and what labels are then.

A version is compared as far as it is written: ``>550`` is 551 and newer, ``=550`` any 550.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

from gfd.kube.quantities import parse as parse_quantity
from gfd.kube.requirements import MAX_INT64
from gfd.tools.select.constraints import Box, Boxes, Numbers, Values, both, is_nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

MIB = 1 << 20
AT_LEAST, AT_MOST, MORE, LESS, EQUAL = ">=", "<=", ">", "<", "="

_COMPARISON = re.compile(r"(>=|<=|==|=|>|<)?\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_UNIT = re.compile(r"([0-9.]+)\s*([KMGT])i?[Bb]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An operator and what stands after it."""

    operator: str
    text: str


def split(text: str) -> Comparison:
    """Return operator and text; without an operator it is ``=``."""
    match = _COMPARISON.fullmatch(text.strip())
    assert match is not None  # the rest is any text
    operator = match[1] or EQUAL
    return Comparison(operator=EQUAL if operator == "==" else operator, text=match[2])


def read_memory(texts: Sequence[str], key: str) -> Boxes:
    """Return what the label ``key``, in MiB, may be. Raises ValueError for what is no amount of memory."""
    return _all([_memory(split(text), key) for text in texts], texts)


def read_version(texts: Sequence[str], keys: Sequence[str]) -> Boxes:
    """Return what the labels ``keys`` may be: major, minor, and so on. Raises ValueError for no version.

    The third of them, a driver's revision, is empty where there is none, which is less than 1.
    """
    return _all([_version(split(text), keys) for text in texts], texts)


def _all(each: list[Boxes], texts: Sequence[str]) -> Boxes:
    met = each[0]
    for boxes in each[1:]:
        met = both(met, boxes)
    if not met:
        raise ValueError(f"takes no value at all: {', '.join(texts)}")
    return met


def _memory(asked: Comparison, key: str) -> Boxes:
    mib = _read_bytes(asked.text) / MIB
    if asked.operator == EQUAL and mib.denominator != 1:
        raise ValueError(f"is never met: {asked.text} are {float(mib):g} MiB, and labels hold whole ones")
    numbers = {
        AT_LEAST: Numbers(least=ceil(mib)),
        MORE: Numbers(least=floor(mib) + 1),
        AT_MOST: Numbers(most=floor(mib)),
        LESS: Numbers(most=ceil(mib) - 1),
        EQUAL: Numbers(least=int(mib), most=int(mib)),
    }[asked.operator]
    return () if is_nothing(numbers) else ({key: numbers},)


def _read_bytes(text: str) -> Fraction:
    if _NUMBER.fullmatch(text):
        raise ValueError(f"has no unit: {text!r}; was {text}Gi meant? Labels are in MiB, such as 40536Mi")
    if unit := _UNIT.fullmatch(text):
        raise ValueError(f"is not a quantity: {text!r}; was {unit[1]}{unit[2]}i or {unit[1]}{unit[2]} meant?")
    size = parse_quantity(text)
    if not 0 <= size <= MAX_INT64:
        raise ValueError(f"is no amount of memory: {text!r}")
    return size


def _version(asked: Comparison, keys: Sequence[str]) -> Boxes:
    parts = asked.text.split(".")
    # Go's numbers have 64 bits; no version comes near.
    is_one = all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts)
    if not is_one or len(parts) > len(keys):
        example = ".".join(("550", "54", "15") if len(keys) > 2 else ("8", "0"))
        raise ValueError(f"is no version: {asked.text!r}; write one like {example} or >={example}")
    numbers = [int(part) for part in parts]
    if asked.operator in {AT_LEAST, LESS}:
        # 8.0 is where 8 begins.
        while len(numbers) > 1 and not numbers[-1]:
            numbers.pop()
    if asked.operator == EQUAL:
        return _spell_empty([dict(zip(keys, map(_exactly, numbers), strict=False))], keys)
    found = []
    for index, number in enumerate(numbers):
        is_last = index == len(numbers) - 1
        bound = _beyond(asked.operator, number, is_included=is_last and asked.operator in {AT_LEAST, AT_MOST})
        if not is_nothing(bound):
            same = dict(zip(keys, map(_exactly, numbers[:index]), strict=False))
            found.append({**same, keys[index]: bound})
    return _spell_empty(found, keys)


def _exactly(number: int) -> Numbers:
    return Numbers(least=number, most=number)


def _beyond(operator: str, number: int, *, is_included: bool) -> Numbers:
    if operator in {AT_LEAST, MORE}:
        return Numbers(least=number if is_included else number + 1)
    return Numbers(most=number if is_included else number - 1)


def _spell_empty(boxes: Sequence[dict[str, Numbers]], keys: Sequence[str]) -> Boxes:
    """Return ``boxes``, and beside each that takes revision 0 one that takes the empty one."""
    found: list[Box] = []
    for box in boxes:
        found.append(box)
        found.extend(
            {**box, key: Values(texts=frozenset({""}))}
            for key in keys[2:]
            if key in box and not box[key].least
        )
    return tuple(found)
