"""Draw a progress bar on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

BAR = 20
"""The number of characters between the brackets of the bar."""


@contextmanager
def progress(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function that draws the number of finished items and their total, None if that is unknown.

    The bar appears with the first call and is erased at the end. Nothing is drawn unless standard error is
    a terminal that can erase a line.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _ignore
        return
    has_drawn = False

    def draw(done: int, total: int | None) -> None:
        nonlocal has_drawn
        has_drawn = True
        filled = BAR * done // total if total else 0
        bar = "#" * filled + "-" * (BAR - filled)
        count = f"{done}/{'?' if total is None else total}"
        _rewrite(f"{description} [{bar}] {count}"[: _read_width() - 1])

    try:
        yield draw
    finally:
        if has_drawn:
            _rewrite("")


def track(items: Sequence[T], description: str) -> Iterator[T]:
    """Yield ``items`` and draw how many are done; draw nothing for a single item."""
    with progress(description) as draw:
        for number, item in enumerate(items):
            if len(items) > 1:
                draw(number, len(items))
            yield item


def _rewrite(line: str) -> None:
    sys.stderr.write(f"\r{line}\x1b[K")
    sys.stderr.flush()


def _read_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _ignore(done: int, total: int | None) -> None:
    """Draw nothing."""
