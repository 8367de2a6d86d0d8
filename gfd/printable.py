"""Text for people: whatever an outsider put into it is shown, and nothing in it is obeyed by a terminal."""

from __future__ import annotations

import os
import sys
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that can move the cursor, colour, or turn the direction of writing."""


def shown(text: str) -> str:
    r"""Return ``text`` with what a terminal would obey, or not show, written as ``\x1b`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _HIDDEN else each
        for each in text
    )


def complain(text: str) -> None:
    """Say on standard error what went wrong, or may have: one line."""
    try:
        sys.stderr.write(f"gfd: {shown(text)}\n")
    except BrokenPipeError:
        # Nobody reads it any more, and the work must go on. What its buffer still holds would raise again.
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
