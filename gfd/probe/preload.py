"""NVML initialised, and GPUs opened, ahead of the session that needs it, beside the imports that come before.

The first nvmlInit of a process takes 12 ms and each GPU's first handle 7 (H100). Python goes on meanwhile: to
import pynvml takes 20.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gfd.probe.driver_files import find_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gfd.limits import Note

_SUCCESS = 0


class _Beginning(threading.Thread):
    def __init__(self, driver_root: Path | None, note: Note) -> None:
        super().__init__(daemon=True)
        self._path = find_library(driver_root)
        self._note = note
        self.library: ctypes.CDLL | None = None
        """Once it is initialised."""

    def run(self) -> None:
        # Whatever fails here fails again in the session, which says so.
        with suppress(OSError, AttributeError):
            self._note(f"loading {self._path}")
            library = ctypes.CDLL(self._path)
            self._note("nvmlInit")
            if library.nvmlInit_v2() == _SUCCESS:
                self.library = library
                self._open(library)

    def _open(self, library: ctypes.CDLL) -> None:
        count, handle = ctypes.c_uint(), ctypes.c_void_p()
        self._note("nvmlDeviceGetCount")
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        for index in range(count.value):
            self._note(f"nvmlDeviceGetHandleByIndex on GPU {index}")
            if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != _SUCCESS:
                break  # a GPU that fails may take its time to


_begun: list[_Beginning] = []


def begin(driver_root: Path | None, note: Note) -> None:
    """Initialise NVML in a thread; the next :func:`taken` waits for that."""
    _begun.append(_Beginning(driver_root, note))
    _begun[-1].start()


@contextmanager
def taken() -> Iterator[None]:
    """Let a session initialise NVML, for next to nothing where that was begun; then it alone holds it."""
    beginning = _begun.pop() if _begun else None
    if beginning is not None:
        beginning.join()
    try:
        yield
    finally:
        if beginning is not None and beginning.library is not None:
            beginning.library.nvmlShutdown()
