"""Decide when a change of the readiness of the GPUs counts; all times are of one monotonic clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.agent.gpu_readiness import Readiness

SETTLE_S = 10.0
"""A change must last for so long before it counts."""
MAX_SETTLE_S = 600.0
CALM_S = 1800.0
"""After so long without a failure, a recovery counts after SETTLE_S again."""


class ReadinessDebouncer:
    """Lets a change count when it has lasted long enough.

    A recovery has to last longer each time, up to MAX_SETTLE_S, if the GPUs failed again within CALM_S.
    """

    def __init__(self) -> None:
        self.settled: Readiness | None = None
        """What counts now; None before the first observation."""
        self._next: Readiness | None = None
        self._next_since_s = 0.0
        self._recovery_s = SETTLE_S
        self._failed_s: float | None = None
        """When the GPUs last failed."""

    def begin(self, published: Readiness) -> None:
        """Start with what an earlier process has published."""
        seen = self._next
        if seen is not None and (seen.reason, seen.message) == (published.reason, published.message):
            published, self._next = seen, None
        self.settled = published

    def observe(self, seen: Readiness, now_s: float) -> bool:
        """Take in the result of a read; return whether it is new, so that another read should confirm it."""
        if self.settled is not None and seen.is_like(self.settled):
            self.settled, self._next = seen, None
            return False
        is_new = self._next is None or not seen.is_like(self._next)
        self._next_since_s = now_s if is_new else self._next_since_s
        self._next = seen
        return is_new

    @property
    def due_s(self) -> float | None:
        """When the observed change counts; None without one."""
        if self._next is None:
            return None
        if self.settled is None:
            return self._next_since_s
        return self._next_since_s + (self._recovery_s if self._next.is_ready else SETTLE_S)

    def take(self, now_s: float) -> Readiness | None:
        """Return the change that counts from now on, if there is one, and make it the settled state."""
        if self.due_s is None or now_s < self.due_s:
            return None
        if self.settled is not None and self.settled.is_ready:
            is_calm = self._failed_s is None or now_s - self._failed_s > CALM_S
            self._recovery_s = SETTLE_S if is_calm else min(2 * self._recovery_s, MAX_SETTLE_S)
            self._failed_s = now_s
        self.settled, self._next = self._next, None
        return self.settled
