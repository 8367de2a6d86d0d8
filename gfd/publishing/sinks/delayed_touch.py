"""Touch a changed file a second later, so that nfd-worker reads it again.

nfd-worker reads its directory at the first change and then ignores changes for up to a second. Without the
touch it would see an ignored change only at its next interval, up to a minute later.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DELAY_S = 1.1
"""The time between a change and the touch. By then nfd-worker accepts changes again."""

_pending: set[Timer] = set()


def touch_later(descriptor: int, then: Callable[[], None] | None = None) -> None:
    """Touch an open file or directory after :data:`DELAY_S`, close it and call ``then``; return at once.

    Use the descriptor, not a path: by then another file may have replaced this one.
    """
    timer = Timer(DELAY_S, lambda: _touch(descriptor, timer, then))
    _pending.add(timer)
    timer.start()


@atexit.register
def wait() -> None:
    """Wait for pending touches, at most :data:`DELAY_S`; called when Python exits."""
    with contextlib.suppress(KeyboardInterrupt):  # the user pressed Ctrl-C instead of waiting
        for timer in _pending.copy():
            timer.join()


def _touch(descriptor: int, timer: Timer, then: Callable[[], None] | None) -> None:
    # The file system may have become read-only. Then nfd-worker reads the file at its next interval.
    with contextlib.suppress(OSError):
        os.utime(descriptor)
    os.close(descriptor)
    _pending.discard(timer)
    if then is not None:
        then()
