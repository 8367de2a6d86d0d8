"""Look at the feature file without changing it."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from gfd.files import read_bytes
from gfd.publishing.sinks.feature_text import MAX_BYTES, parse_features
from gfd.publishing.sinks.file_errors import make_type_error

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.labels.syntax import Labels

FileStatus = tuple[tuple[int, int] | None, tuple[int, int, int] | None]
"""Device and inode of a directory; inode, size and change time of a file in it. None if one is absent."""


def stat_file(path: Path) -> FileStatus:
    """Return a value that changes when the file at ``path`` or its directory is replaced or changed."""
    try:
        directory = path.parent.stat()
    except OSError:
        return None, None
    try:
        file = path.lstat()
    except OSError:
        return (directory.st_dev, directory.st_ino), None
    return (directory.st_dev, directory.st_ino), (file.st_ino, file.st_size, file.st_ctime_ns)


def check_target(path: Path) -> None:
    """Raise PublishError if ``path`` exists and is not a file: a directory, a pipe, /dev/stdout."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise make_type_error(path, "a directory" if stat.S_ISDIR(mode) else "not a regular file")


def is_regular(path: Path) -> bool:
    """Return whether ``path`` is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_own(path: Path) -> str | None:
    """Return the content of the file; None if gfd cannot have written it."""
    if not is_regular(path):
        return None
    try:
        return read_bytes(path, MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError):  # gfd's own file is readable and smaller than this
        return None


def read_features(path: Path) -> Labels:
    """Return the labels that NFD reads from a file now; none if it is too large for NFD. Raises OSError."""
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return {}
    return parse_features(content.decode(errors="replace"), time.time())


def is_same(descriptor: int, path: Path) -> bool:
    """Return whether an open file is the one at ``path``."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
