"""A stand-in for NVIDIA's driver library, so that tests can run real NVML clients on any machine.

:func:`build` compiles ``nvml.c`` into a ``libnvidia-ml.so.1``, a :class:`Standin` describes the machine it
plays, and :func:`environment` gives both to a child process.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.standin.inventory import from_inventory
from tests.standin.machine import Fault, Standin, StandinGpu, StandinMig, StandinProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HOOK",
    "Fault",
    "Standin",
    "StandinGpu",
    "StandinMig",
    "StandinProfile",
    "build",
    "environment",
    "from_inventory",
]

LIBRARY = "libnvidia-ml.so.1"
HOOK = Path(__file__).parents[1] / "hook" / "alone"
"""A folder for PYTHONPATH. With it, a Python process finds no driver other than the stand-in."""

_SOURCES = Path(__file__).parent
_CODE = {LIBRARY: "nvml.c", "libcuda.so.1": "cuda.c"}
_OPTIONS = (
    *("-shared", "-fPIC", "-O1", "-std=gnu11", "-fvisibility=hidden", "-pthread"),
    *("-Wall", "-Wextra", "-Werror"),
)


def build(directory: Path, *, without: Sequence[str] = (), library: str = LIBRARY) -> Path:
    """Build the library in ``directory`` and return ``directory``, for LD_LIBRARY_PATH.

    The library lacks the functions in ``without``, as an older driver does. The system's temporary folder
    caches compiled libraries.
    """
    renames = [f"-D{function}=left_out_{number}" for number, function in enumerate(sorted(without))]
    options = [*_OPTIONS, f"-Wl,-soname,{library}", *renames]
    digest = hashlib.sha256("\0".join(options).encode())
    for source in sorted(_SOURCES.glob("*.[ch]")):
        digest.update(source.read_bytes())
    cache = Path(tempfile.gettempdir()) / f"gfd-standin-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    cached = cache / f"{digest.hexdigest()}.so"
    if not cached.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            compiled = Path(folder) / library
            subprocess.run(["gcc", *options, "-o", compiled, _SOURCES / _CODE[library]], check=True)
            compiled.replace(cached)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        Path(shutil.copyfile(cached, Path(folder) / library)).replace(directory / library)
    return directory


def environment(library: Path, description: Path, log: Path | None = None) -> dict[str, str]:
    """Return this process's environment, changed so that a child loads the stand-in with its machine."""
    changed = {"LD_LIBRARY_PATH": str(library), "GFD_STANDIN": str(description), "PYTHONPATH": str(HOOK)}
    kept = {name: value for name, value in os.environ.items() if name != "GFD_STANDIN_LOG"}
    return kept | changed | ({"GFD_STANDIN_LOG": str(log)} if log else {})
