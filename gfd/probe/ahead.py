"""NVML initialised ahead of the session that needs it, beside the imports that come before.

The first nvmlInit of a process takes 20 ms on an H100, and lets Python go on; to import pynvml takes as long.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gfd.probe.library import find_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gfd.limits import Note

_SUCCESS = 0


class _Beginning(threading.Thread):
    def __init__(self, driver_root: Path | None) -> None:
        super().__init__(daemon=True)
        self._path = find_library(driver_root)
        self.library: ctypes.CDLL | None = None
        """Once it is initialised."""

    def run(self) -> None:
        try:
            library = ctypes.CDLL(self._path)
            if library.nvmlInit_v2() == _SUCCESS:
                self.library = library
        except (OSError, AttributeError):
            pass  # the session finds the same, and says so


_begun: list[_Beginning] = []


def begin(driver_root: Path | None, note: Note) -> None:
    """Initialise NVML in a thread; the next :func:`taken` waits for it, and undoes it."""
    note("nvmlInit")
    _begun.append(_Beginning(driver_root))
    _begun[-1].start()


@contextmanager
def taken() -> Iterator[None]:
    """Let the session initialise NVML, for next to nothing where that was begun; then it alone holds it."""
    beginning = _begun.pop() if _begun else None
    if beginning is not None:
        beginning.join()
    try:
        yield
    finally:
        if beginning is not None and beginning.library is not None:
            beginning.library.nvmlShutdown()
