"""Touch a changed file again, so that nfd-worker reads it again.

nfd-worker reads at the first change in its directory and then ignores changes until the next tick of a
one-second clock. It would see an ignored change only at its next interval, up to a minute later.
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
"""The time between a change and the touch. By then nfd-worker's clock has ticked."""

_pending: set[Timer] = set()


def touch_later(descriptor: int, then: Callable[[], None] | None = None) -> None:
    """Return at once; after :data:`DELAY_S` touch an open file or directory, close it and call ``then``.

    The open file is touched, not its path: another file may have replaced it by then.
    """
    timer = Timer(DELAY_S, lambda: _touch(descriptor, timer, then))
    _pending.add(timer)
    timer.start()


@atexit.register
def wait() -> None:
    """Wait for pending touches, at most :data:`DELAY_S`; called when Python exits."""
    with contextlib.suppress(KeyboardInterrupt):  # the user does not want to wait
        for timer in _pending.copy():
            timer.join()


def _touch(descriptor: int, timer: Timer, then: Callable[[], None] | None) -> None:
    # The file system may be read-only by now. Then nfd-worker reads the file at its next interval.
    with contextlib.suppress(OSError):
        os.utime(descriptor)
    os.close(descriptor)
    _pending.discard(timer)
    if then is not None:
        then()
