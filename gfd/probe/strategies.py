"""The discovery strategies: ways to find the GPUs of this machine.

To add one, write a module with a function ``read`` that returns an inventory, and add it to :data:`READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.inventory.model import Inventory
    from gfd.inventory.progress import Progress
    from gfd.probe.scope import Scope

    Reader = Callable[[Path | None, str, Scope, Progress], Inventory]
    """Takes the driver root, the machine type file, the optional facts to read, and a progress function.

    Raises DriverUnavailable if this machine cannot be read in this way, and ProbeError for other failures.
    """


def _read_auto(
    driver_root: Path | None, machine_type_file: str, scope: Scope, progress: Progress
) -> Inventory:
    from gfd.probe import auto

    return auto.read(
        driver_root=driver_root,
        machine_type_file=machine_type_file,
        scope=scope,
        progress=progress,
    )


def _read_nvml(
    driver_root: Path | None, machine_type_file: str, scope: Scope, progress: Progress
) -> Inventory:
    from gfd.probe import node

    return node.read(
        driver_root=driver_root,
        machine_type_file=machine_type_file,
        scope=scope,
        progress=progress,
    )


def _read_tegra(
    driver_root: Path | None, machine_type_file: str, _scope: Scope, progress: Progress
) -> Inventory:
    from gfd.probe import tegra

    return tegra.read(driver_root=driver_root, machine_type_file=machine_type_file, progress=progress)


def _read_vfio(
    driver_root: Path | None, machine_type_file: str, _scope: Scope, progress: Progress
) -> Inventory:
    from gfd.probe import vfio

    return vfio.read(driver_root=driver_root, machine_type_file=machine_type_file, progress=progress)


READERS: dict[str, Reader] = {
    "auto": _read_auto,
    "nvml": _read_nvml,
    "tegra": _read_tegra,
    "vfio": _read_vfio,
}
"""By the values of --device-discovery-strategy."""

WITHOUT_NVML = frozenset({"tegra", "vfio"})
"""The strategies that never load NVML."""
