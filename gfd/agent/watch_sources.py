"""The files to watch for changes: the driver and its devices, the configuration, the feature file."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.agent.fingerprints import DeviceNodes, FolderTree, read_configmap_link, read_status
from gfd.agent.mounts import NVIDIA
from gfd.config.options import AUTO
from gfd.files import PROC_BYTES, read_bytes
from gfd.labels.requirements import CUDA_LIBRARY
from gfd.labels.template_files import SUFFIX
from gfd.probe import sysfs
from gfd.probe.driver_files import LIBRARY, LIBRARY_FOLDERS, resolve
from gfd.probe.strategies import WITHOUT_NVML

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from gfd.agent.fingerprints import FileStatus
    from gfd.config.model import Config

    Fingerprints = Mapping[str, Hashable]
    """By path."""
    ReadFingerprints = Callable[[], Fingerprints]
    """Reads the fingerprints of the files that are watched together; raises no error."""


def watch_hardware(config: Config, environ: Mapping[str, str], root: Path = Path("/")) -> ReadFingerprints:
    """Return a function that reads the fingerprints of the hardware, or of nothing if it is simulated.

    ``root`` is the folder whose /dev, /sys and libraries are watched.
    """
    if config.simulate:
        return dict
    if config.device_discovery_strategy == "vfio":
        return _PciBus(root).read
    return _Hardware(config, environ, root).read


def watch_configuration(config: Config) -> ReadFingerprints:
    """Return a function that reads the fingerprints of the config file and of the templates.

    With ``--allocation auto``, the answer of the cluster is a part of the configuration. It has no file, so
    the number of the resync interval takes the place of a fingerprint.
    """
    resync_s = config.resync_s if config.allocation == AUTO else None
    if resync_s is None:
        return lambda: dict(_read_configuration(config))
    return lambda: {**dict(_read_configuration(config)), "--resync": time.monotonic() // resync_s}


def watch_feature_file(config: Config) -> ReadFingerprints:
    """Return a function that reads the fingerprint of the feature file and of its folder."""
    if "file" not in config.sinks:
        return dict
    from gfd.publishing.sinks.file_status import stat_file

    path = Path(config.output_file)
    return lambda: {str(path): stat_file(path)}


_LIBRARIES = {"auto": (LIBRARY,), "nvml": (LIBRARY,), "tegra": (CUDA_LIBRARY,)}
"""The library of a discovery strategy; a Tegra machine may need both."""
_DEVICES = (NVIDIA, "nvgpu", "nvhost", "nvmap")
"""How the names of NVIDIA's device nodes begin; all but the first are those of Tegra chips."""


class _Hardware:
    """The files of the driver, of its libraries and of its devices. No device is opened."""

    def __init__(self, config: Config, environ: Mapping[str, str], root: Path) -> None:
        strategy = config.device_discovery_strategy
        names: tuple[str, ...] = _LIBRARIES[strategy]
        if strategy != "tegra" and (config.unified_memory or sysfs.has_tegra_files(root)):
            names = (LIBRARY, CUDA_LIBRARY)
        proc = None if strategy in WITHOUT_NVML else config.proc_driver_dir
        self._tree = FolderTree(str(proc / NVIDIA)) if proc else None
        self._version = str(proc / NVIDIA / "version") if proc else ""
        folders = [root / folder for folder in _find_library_folders(str(root))]
        folders += [Path(folder) for folder in environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
        libraries = [folder / name for folder in folders for name in names]
        self._files = tuple(dict.fromkeys(map(str, (*libraries, root / "etc/ld.so.cache"))))
        self._driver_root = str(config.driver_root or "")
        below = _find_library_folders(self._driver_root) if self._driver_root else ()
        self._driver_files = tuple(f"{folder}/{name}" for folder in below for name in names)
        self._devices = DeviceNodes(str(root / "dev"), _DEVICES)

    def read(self) -> Fingerprints:
        fingerprints: dict[str, Hashable] = {path: read_status(path) for path in self._files}
        for path in self._driver_files:
            # Follow links as the probe does: inside the driver root.
            found = resolve(path, self._driver_root)
            fingerprints[f"{self._driver_root}/{path}"] = found and (found, read_status(found))
        if self._tree:
            fingerprints[self._tree.root] = self._tree.read()
            fingerprints[self._version] = _read_content(self._version)
        fingerprints[self._devices.folder] = self._devices.read()
        return fingerprints


class _PciBus:
    """The GPUs on the PCI bus and the kernel drivers that they are bound to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = sysfs.pci_devices(root)
        self._names: frozenset[str] | None = None
        self._gpus: tuple[str, ...] = ()

    def read(self) -> Fingerprints:
        names = None
        with suppress(OSError):
            names = frozenset(os.listdir(self._folder))  # noqa: PTH208
        if names != self._names:
            # A large machine has hundreds of devices: find the GPUs again only if one has come or gone.
            self._names = names
            self._gpus = sysfs.find_gpus(self._root)
        drivers = {f"{self._folder}/{gpu}": _read_link(f"{self._folder}/{gpu}/driver") for gpu in self._gpus}
        return {self._folder: self._gpus, **drivers}


def _find_library_folders(root: str) -> Iterable[str]:
    """Return the folders below ``root`` that may hold the library, each once.

    On most systems /lib64 and /usr/lib64 are one folder. The returned paths contain the links, because a link
    may later lead to another driver.
    """
    found: dict[str, str] = {}
    for folder in LIBRARY_FOLDERS:
        found.setdefault(resolve(folder, root) or folder, folder)
    return found.values()


def _read_configuration(config: Config) -> Iterator[tuple[str, Hashable]]:
    if file := config.config_file:
        yield str(file), (read_status(str(file)), read_configmap_link(file.parent))
    if folder := config.template_dir:
        yield str(folder), (read_configmap_link(folder), frozenset(_read_templates(str(folder))))


def _read_templates(folder: str) -> Iterator[tuple[str, FileStatus]]:
    """Yield the files and folders that :func:`gfd.labels.template_files.read` would read."""
    folders = []
    with suppress(OSError), os.scandir(folder) as entries:
        yield folder, None
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.endswith(SUFFIX):
                yield entry.path, read_status(entry.path)
    for subfolder in folders:
        yield from _read_templates(subfolder)


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - every poll calls this
    except OSError:
        return None


def _read_content(path: str) -> bytes | None:
    try:
        return read_bytes(path, PROC_BYTES)
    except OSError:
        return None
