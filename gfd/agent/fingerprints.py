"""The places that are watched, and how each looks: the driver's, the configuration's, the feature file's."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.agent.mounts import NVIDIA
from gfd.files import PROC_BYTES, read_bytes
from gfd.labels.sources import SUFFIX
from gfd.probe.driver_files import LIBRARY, LIBRARY_FOLDERS, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from gfd.config.model import Config

    Status = tuple[int, ...] | None
    Look = Mapping[str, Hashable]
    """How each watched place looks."""
    Reader = Callable[[], Look]
    """Reads that; what is missing or forbidden is a way to look, too, and never raises."""

SETTLED_NS = 100_000_000
"""How old the last change of a folder has to be before its time tells it from the next."""


def readers(config: Config, environ: Mapping[str, str], root: Path = Path("/")) -> tuple[Reader, Reader]:
    """Return what to watch for ``config``: the hardware, none where it is simulated, and the configuration.

    ``root`` is the file system whose /dev and libraries are looked at.
    """
    hardware = dict if config.simulate else _Hardware(config, environ, root).read
    return hardware, lambda: dict(_configuration(config))


def feature_file(config: Config) -> Reader:
    """Return what to watch of the feature file: the file, and whether its directory is another one."""
    if "file" not in config.sinks:
        return dict
    from gfd.publishing.sinks.file_status import stat_file

    path = Path(config.output_file)
    return lambda: {str(path): stat_file(path)}


class _Hardware:
    """What the driver shows without being asked. No device is ever opened."""

    def __init__(self, config: Config, environ: Mapping[str, str], root: Path) -> None:
        proc = config.proc_driver_dir
        self._tree = _Tree(str(proc / NVIDIA)) if proc else None
        self._version = str(proc / NVIDIA / "version") if proc else ""
        folders = [root / folder for folder in _distinct(str(root))]
        folders += [Path(folder) for folder in environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
        libraries = [folder / LIBRARY for folder in folders]
        self._files = tuple(dict.fromkeys(map(str, (*libraries, root / "etc/ld.so.cache"))))
        self._driver_root = str(config.driver_root or "")
        below = _distinct(self._driver_root) if self._driver_root else ()
        self._driver_files = tuple(f"{folder}/{LIBRARY}" for folder in below)
        self._devices = _Devices(str(root / "dev"))

    def read(self) -> Look:
        look: dict[str, Hashable] = {path: _status(path) for path in self._files}
        for path in self._driver_files:
            # As the probe finds it: a link there may lead elsewhere for a process with another root.
            found = resolve(path, self._driver_root)
            look[f"{self._driver_root}/{path}"] = found and (found, _status(found))
        if self._tree:
            look[self._tree.root] = self._tree.read()
            look[self._version] = _content(self._version)
        look[self._devices.folder] = self._devices.read()
        return look


def _distinct(top: str) -> Iterable[str]:
    """Return where the library may lie below ``top``: /lib64 and /usr/lib64 are one folder on most systems.

    By their own names, since links may be turned to another driver.
    """
    found: dict[str, str] = {}
    for folder in LIBRARY_FOLDERS:
        found.setdefault(resolve(folder, top) or folder, folder)
    return found.values()


class _Devices:
    """The device nodes of a folder, listed only when that looks different."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._seen: Status = None
        self._names: tuple[str, ...] | None = None

    def read(self) -> tuple[str, ...] | None:
        status = _status(self.folder)
        if status is None or status != self._seen:
            self._names = None
            with suppress(OSError):
                names = os.listdir(self.folder)  # noqa: PTH208
                self._names = tuple(sorted(name for name in names if name.startswith(NVIDIA)))
            # Two changes within a tick of the kernel's clock look the same.
            is_settled = status is not None and time.time_ns() - status[-1] > SETTLED_NS
            self._seen = status if is_settled else None
        return self._names


class _Tree:
    """All folders below one, listed only when one of them looks different.

    A folder tells the number of its subfolders (procfs) or the time of its last entry (elsewhere), and the
    subfolders are looked at themselves, so none comes or goes unseen. None is kept open: before Linux 5.0
    that hides the one that takes its place.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._folders: dict[str, Status] = {}
        self._look: Hashable = ()

    def read(self) -> Hashable:
        if not self._folders or any(_status(path) != status for path, status in self._folders.items()):
            self._list()
        return self._look

    def _list(self) -> None:
        self._folders.clear()
        to_list = [self.root]
        for path in to_list:
            # Looked at before it is listed: what comes in between shows the next time.
            self._folders[path] = _status(path)
            with suppress(OSError), os.scandir(path) as entries:
                to_list += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        self._look = frozenset(self._folders.items())


def _configuration(config: Config) -> Iterator[tuple[str, Hashable]]:
    if file := config.config_file:
        yield str(file), (_status(str(file)), _link(file.parent))
    if folder := config.template_dir:
        yield str(folder), (_link(folder), frozenset(_templates(str(folder))))


def _templates(folder: str) -> Iterator[tuple[str, Status]]:
    """Yield what :func:`gfd.labels.sources.read` would read, and where it would look."""
    folders = []
    with suppress(OSError), os.scandir(folder) as entries:
        yield folder, None
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.endswith(SUFFIX):
                yield entry.path, _status(entry.path)
    for subfolder in folders:
        yield from _templates(subfolder)


def _status(path: str) -> Status:
    """Return what tells a file or folder from one that was there before.

    A new folder of procfs often gets the inode number of the last that went, so its time counts. It is the
    time when the kernel was first asked for it; what the kernel forgets under memory pressure passes for a
    change, and costs a labelling too many.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - some 150 a poll
    except OSError:
        return None
    return status.st_ino, status.st_nlink, status.st_size, status.st_ctime_ns


def _link(folder: Path) -> Path | None:
    """Return where the link leads that Kubernetes turns to put a whole new ConfigMap in place."""
    try:
        return (folder / "..data").readlink()
    except OSError:
        return None


def _content(path: str) -> bytes | None:
    try:
        return read_bytes(path, PROC_BYTES)
    except OSError:
        return None
