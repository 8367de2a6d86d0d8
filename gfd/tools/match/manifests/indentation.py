"""Explain what the author probably meant in a file that is not YAML or has lost its indentation.

Text that is copied from a web page often loses its indentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.match.manifests.placeholders import explain_placeholder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.documents.value import Value

_HINTS = (
    (re.compile(r"\s*(\$ |EOF\s*$|cat\s*<<)"), "is for a shell; remove it"),
    (re.compile(r" *\t"), "is indented with a tab; use spaces"),
)
_KEY = re.compile(r"( *(?:- +)*)([^\s#:'\"\[{-][^:#]*):(?: +(\S.*))?\s*")
"""Matches the text before a key, the key, and a value on the same line."""
_TWO_KEYS = re.compile(r"\s*(?:- +)*([^\s#:'\"\[{]+):(?: +[^\s#:'\"\[{]*)* +([^\s#:'\"\[{]+):(?:\s.*)?")
"""Matches two keys in one line."""
_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_EMPTY = re.compile(rf"^(metadata|spec): *\n(?=[a-zA-Z])(?!(?:{'|'.join(_TOP)}):)", re.MULTILINE)
_LOST = "nothing is indented below it; the file has probably lost its indentation"


def explain(text: str, number: int) -> str:
    """Return what is probably wrong near a line that is not YAML; empty if unknown."""
    lines = text.splitlines()
    for near in (number, number - 1):
        code = lines[near - 1].partition("#")[0] if 0 < near <= len(lines) else ""
        if hint := explain_placeholder(code):
            return f"; line {near}: {hint.removeprefix('; ')}"
        for pattern, hint in _HINTS:
            if 0 < near <= len(lines) and pattern.match(lines[near - 1]):
                return f"; line {near} {hint}"
    if 0 < number <= len(lines) and (both := _TWO_KEYS.fullmatch(lines[number - 1])):
        return f"; line {number} has two keys, {both[1]} and {both[2]}; put each in a line of its own"
    if empty := _EMPTY.search(text):
        line = text.count("\n", 0, empty.start()) + 1
        return f"; {empty[1]}: in line {line}: {_LOST}"
    return _compare_with_above(lines[:number])


def _compare_with_above(lines: Sequence[str]) -> str:
    """Return a hint if the last line's key is indented below a key that already has a value."""
    filled = [(number, match) for number, line in enumerate(lines, 1) if (match := _KEY.fullmatch(line))]
    if len(filled) < 2 or filled[-1][0] != len(lines):
        return ""
    (above_number, above), (_, here) = filled[-2:]
    wanted, found = len(above[1]), len(here[1])
    if not above[3] or "-" in here[1] or found <= wanted:
        return ""
    belongs = f"; {here[2]}: probably belongs beside {above[2]}: in line {above_number}"
    return f"{belongs}; indent it by {wanted}, not {found}"


def check_indentation(value: Value) -> None:
    """Raise DocumentError if the keys of ``metadata`` or ``spec`` are not indented below it."""
    keys = value.mapping()
    if any(key not in _TOP for key in keys):
        for name in ("metadata", "spec"):
            if name in keys and keys[name].content is None:
                raise keys[name].error(_LOST)
