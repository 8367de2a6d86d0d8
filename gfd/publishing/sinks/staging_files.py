"""Create, read and remove files in the staging folder, through its descriptor."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StagingError(Exception):
    """The staging folder cannot be used; the text says why, and what to do."""

    def __init__(self, reason: str, advice: str, kind: str) -> None:
        """``kind`` is the reason in one word, as in :class:`gfd.errors.PublishError`."""
        super().__init__(f"{reason}; {advice}")
        self.reason = reason
        self.advice = advice
        self.kind = kind


class StagingFiles:
    """The files of an open folder. It never writes to an existing file: it creates a new one."""

    def __init__(self, folder: int, path: Path) -> None:
        """``folder`` is its descriptor, which the caller closes; ``path`` is its path for messages."""
        self.folder = folder
        self._path = path

    def create(self, name: str) -> int:
        """Return a descriptor to write to a new file. Raises FileExistsError, OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=self.folder)

    def write(self, name: str, text: str, mode: int) -> int:
        """Write a new file; return a descriptor to read it. Raises StagingError, OSError."""
        self.remove(name)
        with os.fdopen(self.create(name), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            return self.open_to_read(name)

    def open_to_read(self, name: str) -> int:
        """Return a descriptor to read a file. Raises OSError."""
        # A descriptor for writing would prevent a remount as read-only.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=self.folder)

    def remove(self, name: str) -> None:
        """Remove a file if there is one. Raises StagingError for a directory, OSError."""
        try:
            os.unlink(name, dir_fd=self.folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.EISDIR:
                raise
            path = self._path / name
            advice = f"remove it with: rm -r {path}"
            raise StagingError(f"{path} is a directory", advice, "not_a_file") from error


def is_same(descriptor: int, name: str, folder: int) -> bool:
    """Return whether an open file is the one with this name in an open folder."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError:
        return False
