"""Write a file atomically, because a browser or web server may be reading the previous one."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from gfd.errors import GfdError


def write(path: Path, text: str) -> None:
    """Replace the content of the file with the ASCII ``text``. Raises GfdError; then the old file stays."""
    try:
        target = Path(os.path.realpath(path))  # keep a symbolic link
        if target.exists() and not target.is_file():
            kind = "a directory" if target.is_dir() else "not a regular file"
            raise GfdError(f"--html {path}: is {kind}; pass a file, or - for standard output")
        _replace(target, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GfdError(f"--html {path}: {reason}; choose a folder that you can write to") from error


def _replace(target: Path, text: str) -> None:
    beside = target.with_name(f".gfd-{secrets.token_hex(8)}")
    try:
        with beside.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
