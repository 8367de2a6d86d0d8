"""Choose the discovery strategy for this machine, as ``--device-discovery-strategy auto`` does."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

from gfd.errors import DriverUnavailable, GfdError
from gfd.inventory.model import Inventory
from gfd.inventory.progress import ignore_progress
from gfd.probe import node, sysfs
from gfd.probe.driver_files import LIBRARY, find_library
from gfd.probe.scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gfd.inventory.progress import Progress

DXCORE = "libdxcore.so"
"""The library of WSL2, where NVML reads the GPU of Windows."""
INTEGRATED_NAMES = ("(nvgpu)", "NVIDIA Thor")
"""Parts of NVML's names of GPUs that are integrated into a Tegra chip."""

_FLAG = "--device-discovery-strategy"


def read(
    *,
    driver_root: Path | None = None,
    machine_type_file: str = "",
    root: Path = sysfs.ROOT,
    scope: Scope = EVERYTHING,
    progress: Progress = ignore_progress,
) -> Inventory:
    """Return this node's inventory, read with the strategy that fits it; see :func:`gfd.probe.node.read`.

    Raises DriverUnavailable without NVML, or without CUDA on a Tegra machine.
    """
    return _AutoReader(driver_root, machine_type_file, root, scope, progress).read()


class _AutoReader:
    """Reads NVML at most once, for the decision and for the inventory."""

    def __init__(
        self,
        driver_root: Path | None,
        machine_type_file: str,
        root: Path,
        scope: Scope,
        progress: Progress,
    ) -> None:
        self._driver_root = driver_root
        self._machine_type_file = machine_type_file
        self._root = root
        self._scope = scope
        self._progress = progress
        self._found: Inventory | GfdError | None = None

    def read(self) -> Inventory:
        # Do not report a step before NVML is read: that would hide the step of gfd.probe.preload's thread.
        strategy = resolve(self._root, self._has_library, self._list_names)
        if strategy == "tegra":
            return self._read_tegra()
        found = self._read_nvml() if self._found is None else self._found
        if isinstance(found, DriverUnavailable) and strategy is None and (names := self._list_vm_drivers()):
            raise DriverUnavailable(
                found.reason,
                f"every GPU is bound to {' or '.join(names)}, for virtual machines; pass {_FLAG} vfio",
            ) from found
        if isinstance(found, DriverUnavailable) and sysfs.has_tegra_files(self._root):
            raise DriverUnavailable(
                found.reason, f"this is a Tegra machine; if it has no other GPU, pass {_FLAG} tegra"
            ) from found
        if isinstance(found, GfdError):
            raise found
        return found

    def _has_library(self, name: str) -> bool:
        mode = ctypes.DEFAULT_MODE
        if name == LIBRARY:
            # The read loads it, if possible. Loading it here first would hide the step in which NVML hangs.
            self._found = self._read_nvml()
            name, mode = find_library(self._driver_root), os.RTLD_NOLOAD
        try:
            ctypes.CDLL(name, mode=mode)
        except OSError:
            return False
        return True

    def _list_names(self) -> tuple[str, ...]:
        if not isinstance(self._found, Inventory) or self._found.failed_gpus:
            return ()
        return tuple(gpu.name for gpu in self._found.gpus)

    def _read_nvml(self) -> Inventory | GfdError:
        try:
            return node.read(
                driver_root=self._driver_root,
                machine_type_file=self._machine_type_file,
                root=self._root,
                scope=self._scope,
                progress=self._progress,
            )
        except GfdError as error:
            return error

    def _read_tegra(self) -> Inventory:
        from gfd.probe import tegra

        return tegra.read(
            driver_root=self._driver_root,
            machine_type_file=self._machine_type_file,
            root=self._root,
            progress=self._progress,
        )

    def _list_vm_drivers(self) -> list[str]:
        """Return the drivers of the GPUs if all are for virtual machines, else nothing."""
        from gfd.probe import vfio

        try:
            gpus = list(vfio.list_gpus(self._root))
        except DriverUnavailable:
            return []
        return sorted({gpu.driver for gpu in gpus}) if all(gpu.is_for_vms for gpu in gpus) else []


def resolve(
    root: Path, has_library: Callable[[str], bool], list_names: Callable[[], Iterable[str]]
) -> str | None:
    """Return the strategy for a machine: ``nvml`` or ``tegra``; None if it has neither.

    ``root`` is its file system, ``has_library`` tells whether a library can be loaded, and ``list_names``
    returns NVML's names of its GPUs, none if NVML fails.
    """
    if has_library(DXCORE):
        return "nvml"
    has_nvml = has_library(LIBRARY)
    if (not has_nvml and sysfs.has_tegra_files(root)) or (has_nvml and any(map(is_integrated, list_names()))):
        return "tegra"
    return "nvml" if has_nvml else None


def is_integrated(name: str) -> bool:
    """Return whether NVML gives this name to a GPU that is integrated into a Tegra chip."""
    return any(part in name for part in INTEGRATED_NAMES)
