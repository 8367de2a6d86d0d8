"""Whether files that gfd acts on could have been written by everybody.

What a template or a config file says becomes labels that decide where pods run. On a mount that is
read-only the mode says nothing: a ConfigMap's folder has 0777, and nobody can write to it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def distrust_directory(path: Path) -> str | None:
    """Return why the templates below ``path`` are not to be trusted, and what to do; None if they are.

    Nobody but its owner may add to it either, so that the sticky bit makes nothing good.
    """
    for found in _walk(path):
        mode = _writable_mode(found)
        if mode is not None:
            return _explain(found, mode)
        # A link may lead out of it, to where others can put something else in place.
        reason = distrust_file(found) if found != path and found.is_symlink() else None
        if reason is not None:
            return reason
    return None


def distrust_file(path: Path) -> str | None:
    """Return why ``path`` is not to be trusted, and what to do; None if it is.

    Who may write to its directory can put another file in its place, unless that has the sticky bit.
    """
    if path.is_dir():  # whoever reads it will say that it is no file
        return None
    mode = _writable_mode(path)
    if mode is not None:
        return _explain(path, mode)
    # A link can be replaced where it lies, and what it leads to where that lies.
    for folder in (path.parent, Path(os.path.realpath(path)).parent):
        mode = _writable_mode(folder)
        if mode is not None and not mode & stat.S_ISVTX:
            return _explain(folder, mode)
    return None


def _walk(top: Path) -> Iterator[Path]:
    """Yield ``top`` and all that it leads to, by whichever links; what cannot be looked at is left out."""
    seen: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            found = path.stat()
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            yield path
            if stat.S_ISDIR(found.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
        except OSError:
            continue


def _writable_mode(path: Path) -> int | None:
    """Return the mode of what everybody can write to; None for all else, and for what is not there."""
    try:
        mode = path.stat().st_mode
        # Nothing written to a device such as /dev/null comes back out of it.
        if not mode & stat.S_IWOTH or stat.S_ISCHR(mode) or os.statvfs(path).f_flag & os.ST_RDONLY:
            return None
    except OSError:  # whoever reads it will say so
        return None
    return stat.S_IMODE(mode)


def _explain(path: Path, mode: int) -> str:
    return (
        f"{path} can be written by everybody (mode {mode:04o}), and so could the labels; "
        f"chmod o-w {path}, or mount it read-only"
    )
