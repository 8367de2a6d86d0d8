"""How long to wait before trying again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Doubling delays, each spread by half so that many nodes do not try at once."""

    def __init__(self, first_s: float, longest_s: float, spread: Callable[[], float] = random.random) -> None:
        """``spread`` returns a number from 0 to 1."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._spread = spread
        self._failures = 0

    def fail(self) -> float:
        """Count a failure; return how many seconds to wait now."""
        delay_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return delay_s * (0.5 + self._spread() / 2)

    def succeed(self) -> None:
        """Begin anew."""
        self._failures = 0
