"""Where the driver's NVML library may lie; for the probe, which loads it, and the service, which must not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
LIBRARY_FOLDERS = (
    "usr/lib64",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib64",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib",
)
"""Where distributions put the library, below the driver root."""


def find_library(driver_root: Path | None) -> str:
    """Return what to hand to the loader: the library under ``driver_root`` if it is there, else its name."""
    if driver_root is not None and os.path.isdir(driver_root):  # noqa: PTH112
        for folder in LIBRARY_FOLDERS:
            candidate = f"{driver_root}/{folder}/{LIBRARY}"
            if os.path.exists(candidate):  # noqa: PTH110 - pathlib makes it dear, and each cycle looks
                return candidate
    return LIBRARY
