"""A thread that runs scheduled actions, and its own periodic work in between."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Act = Callable[[], None]

STACK_BYTES = 256 * 1024
"""With the default of 8 MiB, thousands of threads would not fit into memory."""


class Actor:
    """Subclasses define the periodic work; times are monotonic."""

    def __init__(self) -> None:
        self._inbox: SimpleQueue[tuple[float, int, Act | None]] = SimpleQueue()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def tell(self, due_s: float, act: Act | None) -> None:
        """Run ``act`` at ``due_s``; None ends the thread."""
        self._inbox.put((due_s, next(self._order), act))

    def join(self) -> None:
        """Wait until the thread ends."""
        self._thread.join()

    @property
    def wait_s(self) -> float | None:
        """Seconds until the next periodic work; None if there is none."""
        raise NotImplementedError

    def beat(self) -> None:
        """Do the periodic work that is due."""
        raise NotImplementedError

    def _run(self) -> None:
        agenda: list[tuple[float, int, Act | None]] = []
        while True:
            waits = [] if self.wait_s is None else [self.wait_s]
            if agenda:
                waits.append(max(0.0, agenda[0][0] - time.monotonic()))
            with contextlib.suppress(Empty):
                heapq.heappush(agenda, self._inbox.get(timeout=min(waits) if waits else None))
            while agenda and agenda[0][0] <= time.monotonic():
                act = heapq.heappop(agenda)[2]
                if act is None:
                    return
                act()
            if self.wait_s == 0:
                self.beat()
