"""Read files that anybody may have put there: regular files only, never more of one than a limit.

A FIFO in the place of a file would block for ever, and /dev/zero never ends. What is wrong with a file is
always an OSError whose ``strerror`` can be shown to a person, so that callers need no second way to fail.
"""

from __future__ import annotations

import errno
import os
import stat
from codecs import BOM_UTF8
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
CONFIGURATION_BYTES = MIB
"""The limit for files that people write. Kubernetes gives a ConfigMap as much."""
MACHINE_TYPE_BYTES = 4096
"""The limit of a file of sysfs is a page."""
PROC_BYTES = MIB
"""The limit for files of procfs, which have no size."""

_NULL_DEVICE = os.makedev(1, 3)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def read_bytes(path: str | Path, limit_bytes: int) -> bytes:
    """Return the content of a regular file, by whichever links; /dev/null is an empty file.

    Raises OSError, also for what is no regular file and for one that holds more than ``limit_bytes``.
    """
    try:
        _check(os.stat(path))  # noqa: PTH116 - opening a device can have effects
        # The file may be another one by now: a pipe is opened without waiting for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:  # a NUL byte in the path, or what the file system's encoding lacks
        raise OSError(errno.EINVAL, "no file can have this name") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        _check(os.fstat(descriptor))
        content = bytearray()
        # A file of procfs is read in pieces; its size is 0.
        while piece := file.read(limit_bytes + 1 - len(content)):
            content += piece
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"it holds more than {_size(limit_bytes)}")
    return bytes(content)


def read_text(path: str | Path, limit_bytes: int, errors: str = "strict") -> str:
    """Return the content of a regular file as UTF-8, see :func:`read_bytes`; a byte order mark is dropped.

    Raises OSError, also for what is not UTF-8 unless ``errors`` is ``replace``.
    """
    content = read_bytes(path, limit_bytes).removeprefix(BOM_UTF8)
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OSError(errno.EILSEQ, f"line {line} is not text in UTF-8") from error


def _check(found: os.stat_result) -> None:
    """Raise OSError for what is neither a regular file nor /dev/null."""
    if stat.S_ISREG(found.st_mode) or (stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL_DEVICE):
        return
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
    raise OSError(errno.EINVAL, f"it is {kind}, not a regular file")


def _size(limit_bytes: int) -> str:
    return f"{limit_bytes // MIB} MiB" if limit_bytes % MIB == 0 else f"{limit_bytes // 1024} KiB"
