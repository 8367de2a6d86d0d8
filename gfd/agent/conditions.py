"""What is wrong now: each trouble is told when it begins, counted while it lasts, and told when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger


@dataclass(slots=True, kw_only=True)
class _Trouble:
    event: str
    facts: dict[str, Any]
    since_s: float
    times: int = 1


class Conditions:
    """A ledger of what is wrong, by what it is wrong with: ``read``, ``gpu 3``, ``sink file``.

    Safe to use from several threads.
    """

    def __init__(self, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._open: dict[str, _Trouble] = {}
        self._lock = RLock()

    def report(self, subject: str, event: str, **facts: Any) -> None:
        """Log a trouble when it is new or is another one than before; else count it."""
        with self._lock:
            known = self._open.get(subject)
            if known is not None and (known.event, known.facts) == (event, facts):
                known.times += 1
                self._log.debug(event, **facts, times=known.times)
                return
            self._open[subject] = _Trouble(
                event=event, facts=facts, since_s=known.since_s if known else self._clock()
            )
            self._log.warning(event, **facts)

    def resolve(self, subject: str) -> None:
        """Log the end of a trouble, if there was one."""
        with self._lock:
            healed = self._open.pop(subject, None)
        if healed is not None:
            self._log.info(
                healed.event.partition(".")[0] + ".recovered",
                **healed.facts,
                times=healed.times,
                lasted_s=round(self._clock() - healed.since_s, 1),
            )

    def resolve_others(self, kind: str, subjects: set[str]) -> None:
        """End the conditions whose subject begins with ``kind`` and is none of ``subjects``."""
        with self._lock:
            known = [each for each in self._open if each.startswith(kind)]
        for subject in known:
            if subject not in subjects:
                self.resolve(subject)
