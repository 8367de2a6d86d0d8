"""Find the driver's files below a driver root.

Follow links as if the driver root were ``/``: on Debian the library is an absolute link into
/etc/alternatives, which outside the driver root is a different folder.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"

_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu")
LIBRARY_FOLDERS = (
    "usr/lib64",
    *(f"usr/lib/{triplet}" for triplet in _TRIPLETS),
    "lib64",
    *(f"lib/{triplet}" for triplet in _TRIPLETS),
    "usr/lib",
    "lib",
    *(f"usr/lib/{triplet}/nvidia{current}" for triplet in _TRIPLETS for current in ("", "/current")),
    "usr/lib/aarch64-linux-gnu/tegra",  # JetPack 5 and older
    "usr/lib/wsl/lib",
    "glibc/lib",  # Talos
    "run/opengl-driver/lib",  # NixOS
    "opt/nvidia/lib64",
    "",
)
"""The folders below the driver root where distributions put the libraries; 64-bit folders first."""

PROGRAM_FOLDERS = (
    "usr/bin",
    "bin",
    "usr/local/bin",
    "usr/lib/nvidia/current",  # Debian
    "usr/lib/wsl/lib",
    "glibc/bin",  # Talos
    "run/current-system/sw/bin",  # NixOS
    "opt/nvidia/bin",
    "",
)
"""The folders below the driver root where distributions put programs such as nvidia-smi."""

_MOST_LINKS = 40
"""The kernel's limit for links in a path."""
_DEEPEST, _MOST_ENTRIES, _MOST_FOUND = 6, 20_000, 3
"""Limits of a search: depth of folders, entries looked at, files found."""
_UNSEARCHED = ("dev", "i386-linux-gnu", "include", "lib32", "proc", "share", "src", "sys", "var")
"""Folders without libraries, with 32-bit libraries, or with the libraries of container images."""


def find_library(driver_root: Path | None, library: str = LIBRARY) -> str:
    """Return the path of a library under ``driver_root``, or only its name if it is not there."""
    return _find_file(driver_root, LIBRARY_FOLDERS, library) or library


def find_program(driver_root: Path | None, name: str) -> str:
    """Return a program's path under ``driver_root``, or only its name if it is not there."""
    return _find_file(driver_root, PROGRAM_FOLDERS, name) or name


def _find_file(root: Path | None, folders: tuple[str, ...], name: str) -> str | None:
    """Return the path of the first file ``name`` in ``folders`` below ``root``, with links resolved."""
    if root is not None and os.path.isdir(root):  # noqa: PTH112
        for folder in folders:
            if found := resolve(f"{folder}/{name}", str(root)):
                return found
    return None


def resolve(path: str, root: str) -> str | None:
    """Resolve the links in ``path`` as if ``root`` were ``/``; return None if it does not exist.

    The result is a path on the real file system, always below ``root``.
    """
    root = root.rstrip("/")
    current, links = root, 0
    to_go = path.split("/")[::-1]
    while to_go:
        part = to_go.pop()
        if part in ("", "."):
            continue
        if part == "..":
            current = current.rpartition("/")[0] if current != root else root
            continue
        here = f"{current}/{part}"
        try:
            target = os.readlink(here)  # noqa: PTH115 - faster, and every poll calls this
        except OSError as error:
            if error.errno != errno.EINVAL:  # not a link
                return None
            current = here
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        current = root if target.startswith("/") else current
        to_go += target.split("/")[::-1]
    return current or "/"


def find_mapped_path(stem: str) -> str:
    """Return the path of a library in this process, by a part of it; empty if /proc does not show it."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return ""
    return next((line[line.index("/") :] for line in lines if stem in line), "")


def explain_absence(root: Path, library: str = LIBRARY) -> str:
    """Search for a library outside :data:`LIBRARY_FOLDERS`; return its place and the next step.

    Return an empty text if it is not found. The search has limits.
    """
    found = list(islice(_search(str(root), library.removesuffix("1")), _MOST_FOUND))
    where = f"found {', '.join(found)}"
    for path in found:
        folder, name = os.path.split(path)
        if name == library and resolve(name, folder):
            return f"{where}, where gfd does not look: pass --driver-root-ctr-path={folder}"
    for path in found:
        if os.path.islink(path):  # noqa: PTH114
            target = os.readlink(path)  # noqa: PTH115
            return (
                f"{where}, a link to {target}, which is not below {root}: mount the driver's whole root there"
            )
    return f"{where}, but no {library} beside it: run ldconfig where the driver is installed" if found else ""


def _search(root: str, stem: str) -> Iterator[str]:
    """Yield the paths of the files below ``root`` whose names begin with ``stem``, breadth first."""
    seen = 0
    folders = [(root.rstrip("/"), 0)]
    for folder, depth in folders:
        if seen >= _MOST_ENTRIES:
            return
        with suppress(OSError), os.scandir(folder or "/") as entries:
            for entry in sorted(islice(entries, _MOST_ENTRIES - seen), key=lambda entry: entry.name):
                seen += 1
                if entry.name.startswith(stem):
                    yield f"{folder}/{entry.name}"
                elif entry.name not in _UNSEARCHED and depth < _DEEPEST:
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append((f"{folder}/{entry.name}", depth + 1))
