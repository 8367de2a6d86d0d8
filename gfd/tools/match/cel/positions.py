"""Say where a part of an expression stands."""

from __future__ import annotations


def locate(offset: int, text: str) -> tuple[int, int]:
    """Return line and column of a character, from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
