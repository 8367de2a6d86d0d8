"""Compute delays before the next attempt, at random so that many nodes do not act at once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _draw() -> float:
    """Return a random number from 0 to 1.

    Do not use :mod:`random`: its import takes 2 ms, and other code may have seeded it.
    """
    return int.from_bytes(os.urandom(4)) / 2**32


def spread_s(shortest_s: float, longest_s: float) -> float:
    """Return a random time between ``shortest_s`` and ``longest_s``."""
    return shortest_s + (longest_s - shortest_s) * _draw()


class Backoff:
    """Delays that double with each failure, each shortened by up to half at random."""

    def __init__(self, first_s: float, longest_s: float, spread: Callable[[], float] = _draw) -> None:
        """``spread`` returns a number from 0 to 1."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._spread = spread
        self._failures = 0

    def next_delay_s(self) -> float:
        """Count a failure; return how long to wait after it."""
        delay_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return delay_s * (0.5 + self._spread() / 2)

    def reset(self) -> None:
        """Start again with the first delay."""
        self._failures = 0


class Resync:
    """When to read an object again even if no change was reported: an interval, varied by up to a tenth."""

    def __init__(
        self,
        interval_s: float | None,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] = _draw,
    ) -> None:
        """If ``interval_s`` is None, it is never due. ``spread`` returns a number from 0 to 1."""
        self._interval_s = interval_s
        self._clock = clock
        self._spread = spread
        self._due_s: float | None = None

    def restart(self) -> None:
        """Start the interval again: the object was just read."""
        if self._interval_s is not None:
            self._due_s = self._clock() + self._interval_s * (0.9 + self._spread() / 5)

    @property
    def is_due(self) -> bool:
        """Whether the interval is over."""
        return self._due_s is not None and self._clock() >= self._due_s
