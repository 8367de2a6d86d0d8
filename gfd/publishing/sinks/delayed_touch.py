"""Touch what was changed once more, so that nfd-worker reads it again.

nfd-worker hears of each change in its directory and reads at the first. Then it ignores changes until the
next tick of a one-second clock. It sees a change that it ignored at its next interval, up to a minute later.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

AGAIN_S = 1.1
"""After a change. By then nfd-worker's clock has ticked."""

_pending: set[Timer] = set()


def touch_later(descriptor: int, then: Callable[[], None] | None = None) -> None:
    """Touch an open file or directory after :data:`AGAIN_S`, close it and call ``then``; return at once.

    An open file is touched, and not a path: what has taken its place by then is left alone.
    """
    timer = Timer(AGAIN_S, lambda: _touch(descriptor, timer, then))
    _pending.add(timer)
    timer.start()


@atexit.register
def wait() -> None:
    """Wait until all is touched: at the exit, at most for :data:`AGAIN_S`."""
    with contextlib.suppress(KeyboardInterrupt):  # of somebody who does not want to wait
        for timer in _pending.copy():
            timer.join()


def _touch(descriptor: int, timer: Timer, then: Callable[[], None] | None) -> None:
    # It may lie on a file system that is read-only by now. nfd-worker then reads it at its next interval.
    with contextlib.suppress(OSError):
        os.utime(descriptor)
    os.close(descriptor)
    _pending.discard(timer)
    if then is not None:
        then()
