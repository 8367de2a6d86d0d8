"""Log a problem when it begins and when it ends, and count how often it occurs in between."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger


@dataclass(slots=True, kw_only=True)
class _Problem:
    event: str
    facts: dict[str, Any]
    since_s: float
    times: int = 1


class Conditions:
    """The current problems, by subject: ``read``, ``gpu 3``, ``sink file``.

    Safe to use from several threads.
    """

    def __init__(self, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._open: dict[str, _Problem] = {}
        self._lock = RLock()

    def report(self, subject: str, event: str, **facts: Any) -> None:
        """Log a problem of ``subject`` as a warning; count it if it is the same as before."""
        with self._lock:
            known = self._open.get(subject)
            if known is not None and (known.event, known.facts) == (event, facts):
                known.times += 1
                self._log.debug(event, **facts, times=known.times)
                return
            self._open[subject] = _Problem(
                event=event, facts=facts, since_s=known.since_s if known else self._clock()
            )
            self._log.warning(event, **facts)

    def resolve(self, subject: str) -> None:
        """Log the end of the problem of ``subject``, if there was one."""
        with self._lock:
            resolved = self._open.pop(subject, None)
        if resolved is not None:
            self._log.info(
                resolved.event.partition(".")[0] + ".recovered",
                **resolved.facts,
                times=resolved.times,
                lasted_s=round(self._clock() - resolved.since_s, 1),
            )

    def resolve_others(self, kind: str, subjects: set[str]) -> None:
        """Resolve the problems of all subjects that begin with ``kind``, except for ``subjects``."""
        with self._lock:
            known = [each for each in self._open if each.startswith(kind)]
        for subject in known:
            if subject not in subjects:
                self.resolve(subject)
