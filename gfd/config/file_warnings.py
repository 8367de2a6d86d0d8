"""Warnings about the config file, and its unknown keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gfd.config.file_keys import MPS, SHARING_KEYS, TIME_SLICING, suggest_place
from gfd.text import shorten

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gfd.documents.value import Value

MAX_UNKNOWN_KEYS = 50
"""The maximum number of unknown keys to list."""


class UnknownKey(NamedTuple):
    """A key that neither gfd nor the device plugin knows; ``hint`` is ``; did you mean X?`` or empty."""

    path: str
    line: int
    hint: str


class FileWarnings:
    """Collects warnings and unknown keys."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str]] = []
        """Pairs of line and text."""
        self.unknown_keys: list[UnknownKey] = []
        self._has_more_unknown_keys = False

    def add(self, value: Value, text: str) -> None:
        """Add a warning about a value."""
        self.messages.append((value.line, text))

    def check_keys(self, members: Mapping[str, Value], known: Collection[str]) -> None:
        """Add the keys of ``members`` that are not ``known``."""
        for key, value in members.items():
            if key not in known:
                self.add_unknown(value, key, known)

    def add_unknown(self, value: Value, key: str, siblings: Collection[str]) -> None:
        """Add an unknown key, with a suggestion: another section, or one of the known ``siblings``."""
        if len(self.unknown_keys) == MAX_UNKNOWN_KEYS:
            if not self._has_more_unknown_keys:
                count = MAX_UNKNOWN_KEYS
                self.add(value, f"there are more than {count} unknown keys; is this a config file?")
            self._has_more_unknown_keys = True
            return
        hint = suggest_place(value.path, key, siblings, is_list=isinstance(value.content, tuple))
        self.unknown_keys.append(UnknownKey(path=shorten(value.path), line=value.line, hint=hint))
        # The sections of sharing, and the keys in them, are misplaced most often.
        if hint.endswith((f" {TIME_SLICING}?", f" {MPS}?")) and isinstance(value.content, dict):
            self.check_keys(value.mapping(), SHARING_KEYS)
