"""Makes one answer of many changes."""

from __future__ import annotations

QUIET_S = 0.5
"""After so long without a change, changes are answered. mig-parted pauses for up to 0.4 s."""
LIMIT_S = 9.0
"""After so long since the first change, changes are answered even if more follow."""


class Debouncer:
    """Collects changes until they are to be answered. Times are of one monotonic clock."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the first change was seen that is not answered; None if all are."""
        self._latest_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When to answer if nothing more changes; None if all changes are answered."""
        return None if self.since_s is None else min(self._latest_s + QUIET_S, self.since_s + LIMIT_S)

    def add(self, now_s: float, since_s: float | None = None) -> None:
        """Add a change; ``since_s`` is when it was first seen, if an earlier answer was not good enough."""
        known_s = (time_s for time_s in (self.since_s, since_s, now_s) if time_s is not None)
        self.since_s = min(known_s)
        self._latest_s = now_s

    def take(self, now_s: float) -> float | None:
        """Return when the first change was seen, once an answer is due; None before and after."""
        if self.due_s is None or now_s < self.due_s:
            return None
        since_s, self.since_s = self.since_s, None
        return since_s
