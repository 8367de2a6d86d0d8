"""Fingerprints of files and folders: they change when the file or folder changes. No device is opened.

Reading a fingerprint raises no error: a missing or unreadable file has one, too.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    FileStatus = tuple[int, ...] | None

STABLE_NS = 100_000_000
"""If a folder's last change is older than this, its next change is sure to change its time."""


def read_status(path: str) -> FileStatus:
    """Return a value that changes when another file or folder replaces the one at ``path``; None if missing.

    procfs often gives a new folder the inode number of the removed one, so the value contains its time, too:
    when somebody first looked at the folder. Under memory pressure the kernel forgets that time, which looks
    like a change and causes a needless cycle.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - some 150 calls a poll
    except OSError:
        return None
    return status.st_ino, status.st_nlink, status.st_size, status.st_ctime_ns


def read_configmap_link(folder: Path) -> Path | None:
    """Return the target of the link that Kubernetes changes when it updates a mounted ConfigMap."""
    try:
        return (folder / "..data").readlink()
    except OSError:
        return None


class DeviceNodes:
    """The names of the device nodes in a folder, listed again only when the folder has changed."""

    def __init__(self, folder: str, prefixes: tuple[str, ...]) -> None:
        self.folder = folder
        self._prefixes = prefixes
        self._status: FileStatus = None
        self._names: tuple[str, ...] | None = None

    def read(self) -> tuple[str, ...] | None:
        """Return the names that begin with a prefix, sorted; None if the folder cannot be listed."""
        status = read_status(self.folder)
        if status is None or status != self._status:
            self._names = None
            with suppress(OSError):
                names = os.listdir(self.folder)  # noqa: PTH208
                self._names = tuple(sorted(name for name in names if name.startswith(self._prefixes)))
            # If the folder changes twice within a tick of the kernel's clock, its time is the same.
            is_stable = status is not None and time.time_ns() - status[-1] > STABLE_NS
            self._status = status if is_stable else None
        return self._names


class FolderTree:
    """All folders below a folder; they are listed again only when one of them has changed.

    A folder's status changes when a subfolder is added or removed: in procfs the number of subfolders, on
    other file systems the time. The status of each subfolder is read, too. No folder stays open: before Linux
    5.0, an open folder would hide the one that replaces it.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._folders: dict[str, FileStatus] = {}
        self._fingerprint: Hashable = ()

    def read(self) -> Hashable:
        """Return the fingerprint of the tree."""
        if not self._folders or any(read_status(path) != status for path, status in self._folders.items()):
            self._list()
        return self._fingerprint

    def _list(self) -> None:
        self._folders.clear()
        to_list = [self.root]
        for path in to_list:
            # Read the status before listing: the next call then sees a change in between.
            self._folders[path] = read_status(path)
            with suppress(OSError), os.scandir(path) as entries:
                to_list += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        self._fingerprint = frozenset(self._folders.items())
