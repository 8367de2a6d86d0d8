"""Read the fields of Kubernetes objects as Go's decoder does: null counts as absent."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.documents.value import Value


def find(value: Value, *names: str) -> Value | None:
    """Return the value at the path ``names``, each inside the one before; None if absent or null."""
    found: Value | None = value
    for name in names:
        found = found.member(name) if found else None
    return found


def require(value: Value, name: str) -> Value:
    """Return the value under ``name``. Raises DocumentError if it is absent or null."""
    found = value.member(name)
    if found is None:
        raise value.field(name).error("is missing")
    return found


def read_items(value: Value, *names: str) -> list[Value]:
    """Return the items of the list at the path ``names``; none if it is absent. Raises DocumentError."""
    found = find(value, *names)
    return found.items() if found and found.content is not None else []


def read_text(value: Value, *names: str) -> str:
    """Return the string at the path ``names``; empty if it is absent. Raises DocumentError."""
    found = find(value, *names)
    return "" if found is None or found.content is None else found.text()


def check_spelling(value: Value, names: Iterable[str]) -> None:
    """Raise DocumentError for a key that is almost one of ``names``; other keys are not checked."""
    by_folded = {name.lower(): name for name in names}
    for key, member in value.mapping().items():
        near = get_close_matches(key.lower(), by_folded, n=1, cutoff=0.85)
        if near and key not in by_folded.values():
            raise member.error(f"unknown key; did you mean {by_folded[near[0]]}?")
