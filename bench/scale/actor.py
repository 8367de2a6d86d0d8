"""A thread that does what it is told, when it is told to, and in between what it has to do by itself."""

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
"""Thousands of threads of the default eight megabytes would not be had."""


class Actor:
    """Subclasses say what is to do by itself, and when; times are those of the monotonic clock."""

    def __init__(self) -> None:
        self._inbox: SimpleQueue[tuple[float, int, Act | None]] = SimpleQueue()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to do what it is told."""
        self._thread.start()

    def tell(self, due_s: float, act: Act | None) -> None:
        """Let ``act`` be done at ``due_s``; None ends the thread."""
        self._inbox.put((due_s, next(self._order), act))

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    @property
    def wait_s(self) -> float | None:
        """Seconds until there is something to do by itself; None where there is nothing."""
        raise NotImplementedError

    def beat(self) -> None:
        """Do what is due by itself."""
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
