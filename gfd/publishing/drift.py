"""Changes that others make to published labels, and whether another gfd keeps making them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

What = Literal["labels", "owner", "deleted"]

MIN_WRITES = 3
MIN_SPAN_S = 15.0
"""Changes by another gfd for at least this long are a conflict.

An update of the DaemonSet also lets two agents overlap, but only for a moment.
"""
QUIET_S = 150.0
"""Two conflicting agents each repair within 60 s, so after this time one of them is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change by somebody else."""

    sink: str
    what: What = "labels"
    keys: tuple[str, ...] = ()
    """The keys of the changed labels, sorted; empty if unknown or if no label changed."""
    writer: str = ""
    """The field manager and other details about the writer; empty if unknown."""
    is_rival: bool = False
    """Whether the writer is another gfd."""
    is_urgent: bool = False
    """Whether labels are lost unless gfd repairs at once, such as when the object gets another owner."""


class RivalDetector:
    """Decides whether another gfd writes to the target of one sink."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: Drift | None = None
        """The rival's latest change, with the keys of all its changes so far."""
        self._first_s = self._latest_s = 0.0
        self._writes = 0

    def record(self, drift: Drift) -> None:
        """Count a change by another gfd."""
        now_s = self._clock()
        if self._latest is None or now_s - self._latest_s > QUIET_S:
            self._first_s, self._writes = now_s, 0
        else:
            drift = replace(drift, keys=tuple(sorted({*drift.keys, *self._latest.keys})))
        self._latest, self._latest_s = drift, now_s
        self._writes += 1

    @property
    def current(self) -> Drift | None:
        """The rival's latest change, with the keys of all its changes; None without a rival."""
        is_lasting = self._writes >= MIN_WRITES and self._latest_s - self._first_s >= MIN_SPAN_S
        return self._latest if is_lasting and self.gone_in_s > 0 else None

    @property
    def gone_in_s(self) -> float:
        """Seconds until the rival counts as gone, unless it writes again."""
        return self._latest_s + QUIET_S - self._clock() if self._latest is not None else 0.0
