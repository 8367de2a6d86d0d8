"""Collect many changes, so that one reaction follows instead of many."""

from __future__ import annotations

QUIET_S = 0.5
"""After so long without a change, changes are answered. mig-parted pauses for up to 0.4 s."""
LIMIT_S = 9.0
"""After so long since the first change, changes are answered even if more follow."""


class Debouncer:
    """Collects changes until it is time to react to them. All times are of one monotonic clock."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the first change without a reaction was seen; None if there is no such change."""
        self._latest_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When to react if nothing else changes; None without a change to react to."""
        return None if self.since_s is None else min(self._latest_s + QUIET_S, self.since_s + LIMIT_S)

    def add(self, now_s: float, since_s: float | None = None) -> None:
        """Add a change. If an earlier reaction to it failed, ``since_s`` is when it was first seen."""
        known_s = (time_s for time_s in (self.since_s, since_s, now_s) if time_s is not None)
        self.since_s = min(known_s)
        self._latest_s = now_s

    def take(self, now_s: float) -> float | None:
        """Return when the first change was seen if a reaction is due, and forget all changes; else None."""
        if self.due_s is None or now_s < self.due_s:
            return None
        since_s, self.since_s = self.since_s, None
        return since_s
