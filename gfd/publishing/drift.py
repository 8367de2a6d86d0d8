"""What somebody else changed in a place for labels, and whether another gfd does so again and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

What = Literal["labels", "owner", "deleted"]

MIN_WRITES = 3
MIN_SPAN_S = 15.0
"""Two agents overlap for a moment when one replaces the other; two that stay fight for longer."""
CALM_S = 150.0
"""Each of two agents that fight repairs at the latest after 60 s, so after this one of them has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change by somebody else."""

    sink: str
    what: What = "labels"
    keys: tuple[str, ...] = ()
    """Labels that changed, sorted; empty where they are not known or none did."""
    writer: str = ""
    """The field manager, and what else is known of it; empty where nothing is."""
    is_rival: bool = False
    """Whether the writer is another gfd."""
    is_urgent: bool = False
    """Whether the labels are lost unless it is repaired at once: the object belongs to somebody else now."""


class RivalDetector:
    """Whether another gfd writes to the same place. One a sink."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: Drift | None = None
        """The latest change by another gfd, with the keys of all since the first."""
        self._first_s = self._latest_s = 0.0
        self._writes = 0

    def note(self, drift: Drift) -> None:
        """Take in a change by another gfd."""
        now_s = self._clock()
        if self._latest is None or now_s - self._latest_s > CALM_S:
            self._first_s, self._writes = now_s, 0
        else:
            drift = replace(drift, keys=tuple(sorted({*drift.keys, *self._latest.keys})))
        self._latest, self._latest_s = drift, now_s
        self._writes += 1

    @property
    def current(self) -> Drift | None:
        """What the other gfd changed, as long as there is one; None else."""
        is_lasting = self._writes >= MIN_WRITES and self._latest_s - self._first_s >= MIN_SPAN_S
        return self._latest if is_lasting and self.calm_in_s > 0 else None

    @property
    def calm_in_s(self) -> float:
        """Seconds until the other gfd counts as gone, unless it writes again."""
        return self._latest_s + CALM_S - self._clock() if self._latest is not None else 0.0
