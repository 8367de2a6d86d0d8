"""A file that is whole or not there: a browser, or a web server, may be reading the one before."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from gfd.errors import GfdError


def write(path: Path, text: str) -> None:
    """Put ``text``, ASCII, in the place of the file. Raises GfdError; the file before stays then."""
    try:
        target = Path(os.path.realpath(path))  # a link stays one
        if target.exists() and not target.is_file():
            what = "a directory" if target.is_dir() else "not a regular file"
            raise GfdError(f"--html {path}: is {what}; name a file, or - for standard output")
        _replace(target, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GfdError(f"--html {path}: {reason}; name a file where one can be written") from error


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
