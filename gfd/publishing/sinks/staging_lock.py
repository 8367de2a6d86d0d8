"""Lock a feature file for one gfd. The lock file contains the holder's process id."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from gfd.publishing.sinks.staging_files import StagingError, is_same

if TYPE_CHECKING:
    from gfd.publishing.sinks.staging_files import StagingFiles

_HOLDER_BYTES = 32
"""More bytes than a process id needs."""


def acquire(files: StagingFiles, lock_name: str, temporary_name: str) -> int:
    """Return a descriptor that holds the lock. Raises StagingError if another gfd holds it, and OSError."""
    while True:
        current = _open(files, lock_name)
        try:
            _flock(current)
            # The process that held the lock before may have removed or replaced the file.
            if not is_same(current, lock_name, files.folder):
                continue
            if _read_holder(current) == str(os.getpid()):
                return os.dup(current)
            return _replace(files, lock_name, temporary_name)
        finally:
            os.close(current)


def _open(files: StagingFiles, name: str) -> int:
    """Return a descriptor to read the lock file; create it if it is missing or was not made by gfd."""
    while True:
        with contextlib.suppress(FileExistsError):
            os.close(files.create(name))
        with contextlib.suppress(FileNotFoundError):  # another gfd has just removed it
            found = os.stat(name, dir_fd=files.folder, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
                return files.open_to_read(name)
        files.remove(name)


def _replace(files: StagingFiles, lock_name: str, temporary_name: str) -> int:
    """Replace the lock file with a new, locked one that contains this process's id; return a descriptor."""
    lock = files.write(temporary_name, f"{os.getpid()}\n", 0o600)
    try:
        _flock(lock)
        os.rename(temporary_name, lock_name, src_dir_fd=files.folder, dst_dir_fd=files.folder)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _flock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _read_holder(descriptor) or "unknown"
        reason = f"another gfd (process {holder}) writes this file"
        raise StagingError(reason, "stop it, or give this one another --output-file", "locked") from error


def _read_holder(lock: int) -> str:
    return os.pread(lock, _HOLDER_BYTES, 0).decode(errors="replace").strip()
