"""Hide this machine's NVIDIA driver from a Python process: only LD_LIBRARY_PATH has one.

Without it the tests of a machine without a driver would read the real GPUs of the machine that runs them.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

LIBRARY = "libnvidia-ml.so.1"


class _Library(ctypes.CDLL):
    def __init__(self, name: str | None, *arguments: Any, **options: Any) -> None:
        folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        if name != LIBRARY or any(os.path.exists(f"{folder}/{name}") for folder in folders if folder):
            super().__init__(name, *arguments, **options)
            return
        try:
            # One that was loaded by its path is found by its name, too.
            super().__init__(name, mode=os.RTLD_NOLOAD)
        except OSError:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory") from None


ctypes.CDLL = _Library  # type: ignore[misc]
