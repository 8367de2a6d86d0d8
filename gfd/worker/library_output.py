"""Limit the output of the driver's library: keep its first lines, and count the rest."""

from __future__ import annotations

from typing import NamedTuple

MAX_LINES = 10
MAX_CHARACTERS = 200
"""The maximum number of characters of one line."""

_MAX_BYTES = 4 * MAX_CHARACTERS + 4
"""The maximum number of bytes to keep: four per character, and four to know that the line was longer."""


class LibraryOutput(NamedTuple):
    """The output of the library."""

    lines: tuple[str, ...]
    dropped: int = 0
    """The number of other lines."""


class OutputLimiter:
    """Keeps the first :data:`MAX_LINES` lines and counts the others; ignores blank lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._dropped = 0
        self._unfinished = b""
        """The start of a line that has not ended yet."""

    def feed(self, data: bytes) -> None:
        """Add bytes as the library printed them."""
        *finished, rest = (self._unfinished + data).split(b"\n")
        self._unfinished = rest[:_MAX_BYTES]
        lines = [line for line in finished if line.strip()]
        kept = tuple(map(_shorten, lines[:MAX_LINES]))
        self.add(LibraryOutput(lines=kept, dropped=len(lines) - len(kept)))

    def add(self, output: LibraryOutput) -> None:
        """Add output that another limiter returned."""
        room = MAX_LINES - len(self._lines)
        self._lines += output.lines[:room]
        self._dropped += len(output.lines[room:]) + output.dropped

    def take(self) -> LibraryOutput | None:
        """Return the output since the last call; None if it is empty."""
        if self._unfinished:
            self.feed(b"\n")
        if not self._lines:
            return None
        output = LibraryOutput(lines=tuple(self._lines), dropped=self._dropped)
        self._lines, self._dropped = [], 0
        return output


def _shorten(line: bytes) -> str:
    text = line[:_MAX_BYTES].decode(errors="replace").rstrip("\r")
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
