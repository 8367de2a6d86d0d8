"""The hidden folder beside the feature file: gfd writes a new file there and then renames it.

Only gfd's user may own the folder: another user could put links to other files into it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from gfd.publishing.sinks.staging_files import StagingError, StagingFiles, is_same
from gfd.publishing.sinks.staging_lock import acquire

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".gfd-tmp"
"""NFD ignores names that begin with a dot."""

_MODE = 0o700


class StagingFolder:
    """The hidden folder of one feature file, open and locked."""

    def __init__(self, directory: int, file: Path) -> None:
        """Open or create the folder in ``directory``, the open directory of the feature file ``file``.

        Raises OSError, and StagingError if the folder belongs to another user or another gfd writes the file.
        """
        self._directory = directory
        self._name = file.name
        self._lock_name = f"{file.name}.lock"
        self._folder = _open(directory, file.parent / FOLDER)
        self._files = StagingFiles(self._folder, file.parent / FOLDER)
        self._lock = -1
        try:
            self._lock = acquire(self._files, self._lock_name, self._name)
        except BaseException:
            self.close()
            raise

    @property
    def is_in_place(self) -> bool:
        """Whether the folder is still where it was opened, not moved or replaced."""
        return is_same(self._folder, FOLDER, self._directory)

    def put(self, text: str) -> int:
        """Replace the feature file with a new one; return a descriptor to read it, which the caller closes.

        Raises OSError, and StagingError if a directory is in the way.
        """
        written = self._files.write(self._name, text, 0o644)
        try:
            os.rename(self._name, self._name, src_dir_fd=self._folder, dst_dir_fd=self._directory)
            os.fsync(self._directory)
        except BaseException:
            os.close(written)
            raise
        return written

    def remove(self) -> None:
        """Remove the folder, unless another feature file uses it too. Raises OSError."""
        for name in (self._name, self._lock_name):
            self._files.remove(name)
        with contextlib.suppress(OSError):
            os.rmdir(FOLDER, dir_fd=self._directory)

    def close(self) -> None:
        """Release the lock, so that another gfd can write the file."""
        for descriptor in (self._lock, self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self._folder = -1


def check_folder(directory: Path) -> StagingError | None:
    """Return why the folder in ``directory`` cannot be used; None if it can or does not exist yet."""
    path = directory / FOLDER
    try:
        return _find_problem(path, path.lstat())
    except OSError:
        return None


def _open(directory: int, path: Path) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(FOLDER, _MODE, dir_fd=directory)
    # O_PATH needs no permission to read: the error for another user's folder can name its owner.
    folder = os.open(FOLDER, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        found = os.fstat(folder)
        if (problem := _find_problem(path, found)) is not None:
            raise problem
        if stat.S_IMODE(found.st_mode) & 0o777 != _MODE:
            os.chmod(".", _MODE, dir_fd=folder)
    except BaseException:
        os.close(folder)
        raise
    return folder


def _find_problem(path: Path, found: os.stat_result) -> StagingError | None:
    if not stat.S_ISDIR(found.st_mode):
        return StagingError(f"{path} is not a directory", f"remove it with: rm {path}", "not_a_directory")
    if found.st_uid == os.geteuid():
        return None
    reason = f"{path} belongs to user {found.st_uid}, but gfd runs as user {os.geteuid()}"
    return StagingError(reason, f"remove it with: rm -r {path}", "foreign_folder")
