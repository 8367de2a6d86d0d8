"""Hide this machine's GPUs from a Python process: its NVIDIA drivers, its PCI devices and its model.

Only LD_LIBRARY_PATH has a driver. Otherwise the tests would read the machine that runs them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any

LIBRARIES = ("libnvidia-ml.so.1", "libcuda.so.1", "libdxcore.so")
FOLDERS = ("/sys/bus/pci/", "/sys/devices/soc0/", "/sys/class/dmi/", "/proc/driver/nvidia")


class _Library(ctypes.CDLL):
    def __init__(self, name: str | None, *arguments: Any, **options: Any) -> None:
        folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        if name not in LIBRARIES or any(os.path.exists(f"{folder}/{name}") for folder in folders if folder):
            super().__init__(name, *arguments, **options)
            return
        try:
            # One that was loaded by its path is found by its name, too.
            super().__init__(name, mode=os.RTLD_NOLOAD)
        except OSError:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory") from None


def _hide(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(FOLDERS):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), arguments[0])


sys.addaudithook(_hide)
ctypes.CDLL = _Library  # type: ignore[misc]
