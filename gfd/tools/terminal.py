"""Find out what a terminal can show: its width and colours."""

from __future__ import annotations

import os
from typing import TextIO

from gfd.text import escape

BOLD, DIM, GREEN, RED, YELLOW = "1", "2", "32", "31", "33"
"""SGR parameters for :func:`paint`."""


def width_of(stream: TextIO) -> int | None:
    """Return how many characters a line of this terminal has; None if it is not a terminal."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def is_coloured(stream: TextIO) -> bool:
    """Return whether to write colours: to a terminal, unless ``TERM=dumb`` or ``NO_COLOR`` is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, *, is_coloured: bool) -> str:
    """Return ``text`` in a style if there are colours, else unchanged."""
    return f"\x1b[{style}m{text}\x1b[0m" if is_coloured and text else text


def cut(text: str, width: int | None, used: int = 0) -> str:
    """Return a line with control characters made visible, cut at the terminal's ``width``.

    ``used`` is the number of characters already on the line. Without a width, cut nothing.
    """
    line = escape(text)
    return line if width is None or len(line) + used <= width else line[: max(width - used - 1, 0)] + "…"


def pluralize(number: int, noun: str) -> str:
    """Return the number with its noun: ``1 node``, ``2 nodes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
