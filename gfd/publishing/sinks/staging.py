"""The hidden folder beside the feature file, where that is written before it gets its place, and its lock.

The folder belongs to gfd alone: another user could plant links in it that lead to other files. What lies in
it is never written to. Each file is made new, then renamed to its place.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".gfd-tmp"
"""NFD passes over names that begin with a dot."""

_MODE = 0o700
_HOLDER_BYTES = 32
"""More than a process id needs."""


class StagingError(Exception):
    """The folder cannot be used; the text says why, and what to do."""

    def __init__(self, reason: str, step: str, kind: str) -> None:
        """``step`` is what to do, ``kind`` the reason in one word, as of :class:`gfd.errors.PublishError`."""
        super().__init__(f"{reason}; {step}")
        self.reason = reason
        self.step = step
        self.kind = kind


class StagingFolder:
    """The hidden folder of one feature file, open and locked."""

    def __init__(self, directory: int, file: Path) -> None:
        """Open the folder in ``directory``, which is open, or make it; ``file`` is the feature file there.

        Raises OSError, and StagingError where the folder is another user's or another gfd writes the file.
        """
        self._directory = directory
        self._name = file.name
        self._lock_name = f"{file.name}.lock"
        self._path = file.parent / FOLDER
        self._folder = self._open()
        self._lock = -1
        try:
            self._lock = self._take_lock()
        except BaseException:
            self.close()
            raise

    @property
    def is_in_place(self) -> bool:
        """Whether the folder still lies where it was opened."""
        return _is_same(self._folder, FOLDER, self._directory)

    def put(self, text: str) -> int:
        """Write a new feature file and rename it to its place; return a descriptor to read it, to be closed.

        Raises OSError, and StagingError where a directory is in the way.
        """
        made = self._write(text, 0o644)
        try:
            os.rename(self._name, self._name, src_dir_fd=self._folder, dst_dir_fd=self._directory)
            os.fsync(self._directory)
        except BaseException:
            os.close(made)
            raise
        return made

    def remove(self) -> None:
        """Remove the folder, unless another feature file beside this one uses it. Raises OSError."""
        for name in (self._name, self._lock_name):
            self._unlink(name)
        with contextlib.suppress(OSError):
            os.rmdir(FOLDER, dir_fd=self._directory)

    def close(self) -> None:
        """Let another gfd write the file."""
        for descriptor in (self._lock, self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self._folder = -1

    def _open(self) -> int:
        with contextlib.suppress(FileExistsError):
            os.mkdir(FOLDER, _MODE, dir_fd=self._directory)
        # Opened as a mere place, it needs no right to be read, and tells whose it is.
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(FOLDER, flags, dir_fd=self._directory)
        try:
            found = os.fstat(folder)
            if (error := _judge(self._path, found)) is not None:
                raise error
            if stat.S_IMODE(found.st_mode) & 0o777 != _MODE:
                os.chmod(".", _MODE, dir_fd=folder)
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _take_lock(self) -> int:
        """Return a descriptor that holds the lock. Its file says which process that is."""
        while True:
            known = self._open_lock()
            try:
                self._flock(known)
                # Whoever held it may have removed it, or put another in its place, before letting go.
                if not _is_same(known, self._lock_name, self._folder):
                    continue
                if _read_holder(known) == str(os.getpid()):
                    return os.dup(known)
                return self._renew_lock()
            finally:
                os.close(known)

    def _open_lock(self) -> int:
        """Return a descriptor to read the lock's file, made new where there is none that gfd has made."""
        while True:
            with contextlib.suppress(FileExistsError):
                os.close(self._make(self._lock_name))
            with contextlib.suppress(FileNotFoundError):  # another gfd removed it just now
                found = os.stat(self._lock_name, dir_fd=self._folder, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
                    return self._open_to_read(self._lock_name)
            self._unlink(self._lock_name)

    def _flock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _read_holder(descriptor) or "unknown"
            reason = f"another gfd (process {holder}) writes this file"
            raise StagingError(reason, "stop it, or give this one another --output-file", "locked") from error

    def _renew_lock(self) -> int:
        """Put a new lock, with this process in it, in the place of the one that is held."""
        lock = self._write(f"{os.getpid()}\n", 0o600)
        try:
            self._flock(lock)
            os.rename(self._name, self._lock_name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _write(self, text: str, mode: int) -> int:
        """Write a new file with the feature file's name to the folder; return a descriptor to read it."""
        self._unlink(self._name)
        with os.fdopen(self._make(self._name), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            return self._open_to_read(self._name)

    def _open_to_read(self, name: str) -> int:
        # One that is open for writing would keep its file system from becoming read-only.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=self._folder)

    def _make(self, name: str) -> int:
        """Return a descriptor to write to a new file in the folder. Raises FileExistsError, OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=self._folder)

    def _unlink(self, name: str) -> None:
        """Remove what has a name in the folder, if anything. Raises StagingError for a directory, OSError."""
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EISDIR:
                raise
            path = self._path / name
            step = f"remove it with: rm -r {path}"
            raise StagingError(f"{path} is a directory", step, "not_a_file") from error


def check_folder(directory: Path) -> StagingError | None:
    """Return why the folder in ``directory`` cannot be used; None where it can, or is not there yet."""
    path = directory / FOLDER
    try:
        return _judge(path, path.lstat())
    except OSError:
        return None


def _judge(path: Path, found: os.stat_result) -> StagingError | None:
    if not stat.S_ISDIR(found.st_mode):
        return StagingError(f"{path} is not a directory", f"remove it with: rm {path}", "not_a_directory")
    if found.st_uid == os.geteuid():
        return None
    reason = f"{path} belongs to user {found.st_uid}, but gfd runs as user {os.geteuid()}"
    return StagingError(reason, f"remove it with: rm -r {path}", "foreign_folder")


def _read_holder(lock: int) -> str:
    return os.pread(lock, _HOLDER_BYTES, 0).decode(errors="replace").strip()


def _is_same(descriptor: int, name: str, folder: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError:
        return False
