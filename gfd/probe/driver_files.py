"""Where the driver's files lie below a driver root; for the probe, the doctor and the service's watch.

Links are followed as a process would follow them whose root is the driver root: on Debian the library is an
absolute link into /etc/alternatives, which from outside leads elsewhere.
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
_STEM = "libnvidia-ml.so."

_TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu")
LIBRARY_FOLDERS = (
    "usr/lib64",
    *(f"usr/lib/{triplet}" for triplet in _TRIPLETS),
    "lib64",
    *(f"lib/{triplet}" for triplet in _TRIPLETS),
    "usr/lib",
    "lib",
    *(f"usr/lib/{triplet}/nvidia{current}" for triplet in _TRIPLETS for current in ("", "/current")),
    "usr/lib/wsl/lib",
    "glibc/lib",  # Talos
    "run/opengl-driver/lib",  # NixOS
    "opt/nvidia/lib64",
    "",
)
"""Where distributions put the library, below the driver root; 64-bit folders come first."""

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
"""Where distributions put the driver's programs, such as nvidia-smi, below the driver root."""

_MOST_LINKS = 40
"""As many as the kernel follows."""
_DEEPEST, _MOST_ENTRIES, _MOST_FOUND = 6, 20_000, 3
"""Bounds of a search: folders below each other, files and folders looked at, files found."""
_UNSEARCHED = ("dev", "i386-linux-gnu", "include", "lib32", "proc", "share", "src", "sys", "var")
"""Folders without libraries, with 32-bit ones, or with those of container images."""


def find_library(driver_root: Path | None) -> str:
    """Return what to hand to the loader: the library under ``driver_root`` if it is there, else its name."""
    return find_file(driver_root, LIBRARY_FOLDERS, LIBRARY) or LIBRARY


def find_program(driver_root: Path | None, name: str) -> str:
    """Return the path of one of the driver's programs under ``driver_root`` if it is there, else its name."""
    return find_file(driver_root, PROGRAM_FOLDERS, name) or name


def find_file(root: Path | None, folders: tuple[str, ...], name: str) -> str | None:
    """Return the first file of this name in ``folders`` below ``root``, without links in its path."""
    if root is not None and os.path.isdir(root):  # noqa: PTH112
        for folder in folders:
            if found := resolve(f"{folder}/{name}", str(root)):
                return found
    return None


def resolve(path: str, root: str) -> str | None:
    """Return where ``path`` leads if ``root`` is taken for ``/``, as a path from outside; None if nowhere.

    Nothing leads out of ``root``, and a loop of links leads nowhere.
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
            target = os.readlink(here)  # noqa: PTH115 - each cycle and each poll looks
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


def explain_absence(root: Path) -> str:
    """Return where the library lies below ``root`` outside :data:`LIBRARY_FOLDERS`, and the next step.

    Empty where it is not found. The search is bounded.
    """
    found = list(islice(_search(str(root)), _MOST_FOUND))
    said = f"found {', '.join(found)}"
    for path in found:
        folder, name = os.path.split(path)
        if name == LIBRARY and resolve(name, folder):
            return f"{said}, where gfd does not look: pass --driver-root-ctr-path={folder}"
    for path in found:
        if os.path.islink(path):  # noqa: PTH114
            target = os.readlink(path)  # noqa: PTH115
            return (
                f"{said}, a link to {target}, which is not below {root}: mount the driver's whole root there"
            )
    return f"{said}, but no {LIBRARY} beside it: run ldconfig where the driver is installed" if found else ""


def _search(root: str) -> Iterator[str]:
    """Yield the paths of the library's files below ``root``, the shallow ones first."""
    seen = 0
    folders = [(root.rstrip("/"), 0)]
    for folder, depth in folders:
        if seen >= _MOST_ENTRIES:
            return
        with suppress(OSError), os.scandir(folder or "/") as entries:
            for entry in sorted(islice(entries, _MOST_ENTRIES - seen), key=lambda entry: entry.name):
                seen += 1
                if entry.name.startswith(_STEM):
                    yield f"{folder}/{entry.name}"
                elif entry.name not in _UNSEARCHED and depth < _DEEPEST:
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append((f"{folder}/{entry.name}", depth + 1))
