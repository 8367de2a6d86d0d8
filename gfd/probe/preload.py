"""Initialise NVML and open the GPUs in a thread, while the main thread imports Python modules.

On an H100 the first nvmlInit of a process takes 12 ms and the first handle of a GPU 7 ms; importing pynvml
takes 20 ms.
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

    from gfd.inventory.progress import Progress

_SUCCESS = 0


class _Preload(threading.Thread):
    def __init__(self, driver_root: Path | None, progress: Progress) -> None:
        super().__init__(daemon=True)
        self._path = find_library(driver_root)
        self._progress = progress
        self.library: ctypes.CDLL | None = None
        """The library, once it is initialised."""

    def run(self) -> None:
        # Ignore errors: the session gets the same ones and reports them.
        with suppress(OSError, AttributeError):
            self._progress(f"loading {self._path}")
            library = ctypes.CDLL(self._path)
            self._progress("nvmlInit")
            if library.nvmlInit_v2() == _SUCCESS:
                self.library = library
                self._open_gpus(library)

    def _open_gpus(self, library: ctypes.CDLL) -> None:
        count, handle = ctypes.c_uint(), ctypes.c_void_p()
        self._progress("nvmlDeviceGetCount")
        library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        for index in range(count.value):
            self._progress(f"nvmlDeviceGetHandleByIndex on GPU {index}")
            if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != _SUCCESS:
                break  # a broken GPU can be slow


_started: list[_Preload] = []


def start(driver_root: Path | None, progress: Progress) -> None:
    """Start the thread. The next :func:`finish` waits for it."""
    _started.append(_Preload(driver_root, progress))
    _started[-1].start()


@contextmanager
def finish() -> Iterator[None]:
    """Wait for the thread if one was started; after the ``with`` block only the caller holds NVML open."""
    preload = _started.pop() if _started else None
    if preload is not None:
        preload.join()
    try:
        yield
    finally:
        if preload is not None and preload.library is not None:
            preload.library.nvmlShutdown()
