"""Read files within limits, and find files that everybody can write.

A path can lead to anything: a pipe would block for ever, and /dev/zero never ends. Every function that reads
raises OSError, whose ``strerror`` is a message for a person.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
CONFIGURATION_BYTES = MIB
"""The limit for files that people write. A ConfigMap can hold as much."""
MACHINE_TYPE_BYTES = 4096
"""The limit of a sysfs file is a page."""
PROC_BYTES = MIB
"""The limit for procfs files, which have no size."""

_NULL_DEVICE = os.makedev(1, 3)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def read_bytes(path: str | Path, limit_bytes: int) -> bytes:
    """Return the content of a regular file; follow links; read /dev/null as an empty file.

    Raises OSError, also for a file of another kind and for one that holds more than ``limit_bytes``.
    """
    try:
        _check_kind(os.stat(path))  # noqa: PTH116 - opening a device can have effects
        # Another file may have replaced it. If that is a pipe, do not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:  # the path has a NUL byte, or a character that the file system cannot encode
        raise OSError(errno.EINVAL, "no file can have this name") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        _check_kind(os.fstat(descriptor))
        content = bytearray()
        # A procfs file is read in pieces; its size is 0.
        while piece := file.read(limit_bytes + 1 - len(content)):
            content += piece
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"it holds more than {_format_size(limit_bytes)}")
    return bytes(content)


def read_text(path: str | Path, limit_bytes: int, errors: str = "strict") -> str:
    """Return the content of a regular file as UTF-8, without a byte order mark; see :func:`read_bytes`.

    Raises OSError, also for bytes that are not UTF-8 unless ``errors`` is ``replace``.
    """
    content = read_bytes(path, limit_bytes).removeprefix(BOM_UTF8)
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OSError(errno.EILSEQ, f"line {line} is not text in UTF-8") from error


def read_input(path: str | Path) -> bytes:
    """Return the content of a file, or of standard input for ``-``, of any kind and size. Raises OSError."""
    return sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()


def describe_unsafe_directory(path: Path) -> str | None:
    """Return why everybody can change the templates below ``path``, and the next step; None if they are safe.

    The sticky bit does not make a directory safe: everybody can still add files.
    """
    for found in _walk(path):
        mode = _read_writable_mode(found)
        if mode is not None:
            return _explain(found, mode)
        # A link can lead out of the directory, to where others can replace the file.
        reason = describe_unsafe_file(found) if found != path and found.is_symlink() else None
        if reason is not None:
            return reason
    return None


def describe_unsafe_file(path: Path) -> str | None:
    """Return why everybody can change or replace the file ``path``, and the next step; None if it is safe.

    Anybody who can write to its directory can replace a file, unless the directory has the sticky bit. On a
    read-only mount the mode does not matter: the directory of a ConfigMap has 0777.
    """
    if path.is_dir():  # reading it fails with a better error
        return None
    mode = _read_writable_mode(path)
    if mode is not None:
        return _explain(path, mode)
    # A link can be replaced in its own directory, and its target in the directory of the target.
    for directory in (path.parent, Path(os.path.realpath(path)).parent):
        mode = _read_writable_mode(directory)
        if mode is not None and not mode & stat.S_ISVTX:
            return _explain(directory, mode)
    return None


def _check_kind(status: os.stat_result) -> None:
    """Raise OSError unless the file is a regular file or /dev/null."""
    mode = status.st_mode
    if stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and status.st_rdev == _NULL_DEVICE):
        return
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = _KINDS.get(stat.S_IFMT(mode), "of an unknown kind")
    raise OSError(errno.EINVAL, f"it is {kind}, not a regular file")


def _format_size(limit_bytes: int) -> str:
    return f"{limit_bytes // MIB} MiB" if limit_bytes % MIB == 0 else f"{limit_bytes // 1024} KiB"


def _walk(top: Path) -> Iterator[Path]:
    """Yield ``top`` and everything below it, each file once; follow links; skip what cannot be examined."""
    seen: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            yield path
            if stat.S_ISDIR(status.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
        except OSError:
            continue


def _read_writable_mode(path: Path) -> int | None:
    """Return the mode of a file that everybody can write; None for any other, and for a missing one."""
    try:
        mode = path.stat().st_mode
        # A device is safe: data written to /dev/null cannot be read back.
        if not mode & stat.S_IWOTH or stat.S_ISCHR(mode) or os.statvfs(path).f_flag & os.ST_RDONLY:
            return None
    except OSError:  # reading it fails with a better error
        return None
    return stat.S_IMODE(mode)


def _explain(path: Path, mode: int) -> str:
    return (
        f"everybody can write to {path} (mode {mode:04o}), and so change the labels; "
        f"run chmod o-w {path}, or mount it read-only"
    )
