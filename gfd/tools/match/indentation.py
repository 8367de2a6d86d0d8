"""What is probably meant by a text that is not YAML, or not the object that it looks like.

Documents that are copied out of a page often lose their indentation; so NVIDIA's about MIG did.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.fields import Part

_KEY = re.compile(r"( *(?:- +)*)([^\s#:'\"\[{-][^:#]*):(?: +(\S.*))?\s*")
"""What stands before a key, the key, and a value on the same line."""
_SHELL = re.compile(r"\s*(\$ |EOF\s*$|cat\s*<<)")
_TEMPLATE = re.compile(r"[^'\"#]*\{\{")
_NESTED = ("metadata", "spec")
_TOP = ("apiVersion", "kind", *_NESTED, "status")
_LOST = "the file has lost its indentation"


def explain(text: str, number: int) -> str:
    """Return what was probably meant by the line of that number, which is not YAML; empty if unknown."""
    lines = text.splitlines()
    number = min(number, len(lines))
    for index in (number - 1, max(number - 2, 0)):
        if _SHELL.match(lines[index]):
            return f"; line {index + 1} is for a shell: leave it out"
    line = lines[number - 1]
    if _TEMPLATE.match(line):
        return "; it is a template: match what helm template, or whatever fills it in, prints"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "; it is indented with a tab: YAML wants blanks"
    return _explain_depth(lines[:number])


def _explain_depth(lines: Sequence[str]) -> str:
    """Return where the last line's key probably belongs, where it stands below the text of another key."""
    above = next((index for index in range(len(lines) - 2, -1, -1) if lines[index].strip()), 0)
    before, here = _KEY.fullmatch(lines[above]), _KEY.fullmatch(lines[-1])
    if not before or not here or not before[3] or "-" in here[1]:
        return ""
    wanted, found = len(before[1]), len(here[1])
    if found <= wanted:
        return ""
    where = f"beside {before[2]}: (line {above + 1})"
    return f"; {here[2]}: probably belongs {where}: indent it by {wanted}, not {found}{_find_empty(lines)}"


def _find_empty(lines: Sequence[str]) -> str:
    """Return which keys have nothing below them that is indented."""
    matches = [_KEY.fullmatch(line) for line in lines]
    found = [
        f"{one[2]}: (line {number})"
        for number, (one, other) in enumerate(pairwise(matches), 1)
        if one and other and one[2] in _NESTED and not one[3] and len(other[1]) <= len(one[1])
    ]
    return f"; nothing is indented below {' and '.join(found)}: {_LOST}" if found else ""


def find_lost(part: Part) -> str:
    """Return what of an object stands beside an empty ``spec`` or ``metadata``; empty if nothing does."""
    members = part.value if isinstance(part.value, dict) else {}
    empty = [name for name in _NESTED if name in members and members[name].content is None]
    strays = [name for name in members if name not in _TOP]
    if not empty or not strays:
        return ""
    nothing, beside = (
        [f"{name}: (line {members[name].line})" for name in names] for names in (empty, strays)
    )
    return f"; nothing is indented below {' and '.join(nothing)}, beside stand {', '.join(beside)}: {_LOST}"
