"""What a process prints that should print nothing: its first lines, and a count of the rest."""

from __future__ import annotations

from typing import NamedTuple

MAX_LINES = 10
MAX_CHARACTERS = 200
"""Of one line."""

_MAX_BYTES = 4 * MAX_CHARACTERS + 4
"""UTF-8 takes four for a character; the rest shows that the line goes on."""


class LibraryOutput(NamedTuple):
    """What was printed."""

    lines: tuple[str, ...]
    dropped: int = 0
    """How many lines more there were."""


class OutputLimiter:
    """Keeps the first lines of what is printed, and counts the others; blank lines are none."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._dropped = 0
        self._begun = b""
        """A line that has not ended."""

    def feed(self, data: bytes) -> None:
        """Take in what was printed next."""
        *ended, begun = (self._begun + data).split(b"\n")
        self._begun = begun[:_MAX_BYTES]
        lines = [line for line in ended if line.strip()]
        kept = tuple(map(_cut, lines[:MAX_LINES]))
        self.add(LibraryOutput(lines=kept, dropped=len(lines) - len(kept)))

    def add(self, printed: LibraryOutput) -> None:
        """Take in lines that were cut already."""
        room = MAX_LINES - len(self._lines)
        self._lines += printed.lines[:room]
        self._dropped += len(printed.lines[room:]) + printed.dropped

    def take(self) -> LibraryOutput | None:
        """Return what was printed since the last time; None if nothing was."""
        if self._begun:
            self.feed(b"\n")
        if not self._lines:
            return None
        printed = LibraryOutput(lines=tuple(self._lines), dropped=self._dropped)
        self._lines, self._dropped = [], 0
        return printed


def _cut(line: bytes) -> str:
    text = line[:_MAX_BYTES].decode(errors="replace").rstrip("\r")
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
