"""What shows that a file or folder has changed, without opening any device.

What is missing or forbidden has a fingerprint, too: taking one raises no error.
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
"""A folder that changed longer ago than this has another time after its next change."""


def read_status(path: str) -> FileStatus:
    """Return what differs between a file or folder and another that takes its place; None if it is missing.

    procfs often gives a new folder the inode number of the one that went, so its time counts, too. That is
    when the kernel was first asked for the folder. Under memory pressure the kernel forgets it; that looks
    like a change and costs a needless cycle.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - some 150 calls a poll
    except OSError:
        return None
    return status.st_ino, status.st_nlink, status.st_size, status.st_ctime_ns


def read_configmap_link(folder: Path) -> Path | None:
    """Return where the link leads that Kubernetes turns when it replaces a whole ConfigMap."""
    try:
        return (folder / "..data").readlink()
    except OSError:
        return None


class DeviceNodes:
    """The names of the device nodes in a folder, listed again only when the folder has changed."""

    def __init__(self, folder: str, prefix: str) -> None:
        self.folder = folder
        self._prefix = prefix
        self._status: FileStatus = None
        self._names: tuple[str, ...] | None = None

    def read(self) -> tuple[str, ...] | None:
        """Return the names that begin with the prefix, sorted; None if the folder cannot be listed."""
        status = read_status(self.folder)
        if status is None or status != self._status:
            self._names = None
            with suppress(OSError):
                names = os.listdir(self.folder)  # noqa: PTH208
                self._names = tuple(sorted(name for name in names if name.startswith(self._prefix)))
            # Two changes within a tick of the kernel's clock have the same time.
            is_stable = status is not None and time.time_ns() - status[-1] > STABLE_NS
            self._status = status if is_stable else None
        return self._names


class FolderTree:
    """All folders below one, listed again only when one of them has changed.

    The status of a folder has the number of its subfolders (procfs) or the time of its last entry (other file
    systems). The status of each subfolder is read as well, so none comes or goes unseen. No folder is kept
    open: before Linux 5.0 that would hide the one that takes its place.
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
            # Read before it is listed: what changes in between is seen the next time.
            self._folders[path] = read_status(path)
            with suppress(OSError), os.scandir(path) as entries:
                to_list += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        self._fingerprint = frozenset(self._folders.items())
