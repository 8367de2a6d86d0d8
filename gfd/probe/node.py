"""Read a real node: NVML first, then the kernel's files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gfd.inventory.model import Inventory
from gfd.inventory.progress import ignore_progress
from gfd.probe import sysfs
from gfd.probe.device_reader import DeviceReader
from gfd.probe.gpus import read_gpus
from gfd.probe.mig import has_changed
from gfd.probe.nvml import Session
from gfd.probe.scope import EVERYTHING

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.inventory.progress import Progress
    from gfd.probe.scope import Scope

PAUSES_S = (0.02, 0.05, 0.1)
"""The waits before reading a node again whose MIG devices changed during the read."""


def read(
    *,
    driver_root: Path | None = None,
    machine_type_file: str = "",
    root: Path = sysfs.ROOT,
    scope: Scope = EVERYTHING,
    progress: Progress = ignore_progress,
) -> Inventory:
    """Return this node's inventory.

    ``driver_root`` is where a container has the driver mounted; ``root`` is the file system whose /sys is
    read. ``scope`` says which optional facts to read; without any, a read of an H200 takes 8 of 18 ms.
    ``progress`` is called before every NVML call.

    Raises DriverUnavailable without NVML, and NvmlCallFailed if NVML cannot count the GPUs.
    """
    inventory = _read_nvml(driver_root, root, progress, scope)
    for pause_s in PAUSES_S:
        if not any(map(has_changed, inventory.gpus)):
            break
        # Read everything again, with NVML closed in between: while it is open, MIG cannot be changed, and it
        # has just shown an old list of devices.
        progress("waiting for the MIG devices to settle")
        time.sleep(pause_s)
        inventory = _read_nvml(driver_root, root, progress, scope)
    if scope.has_unified_memory:
        from gfd.probe.unified_memory import add_memory

        inventory = inventory._replace(gpus=add_memory(inventory.gpus, driver_root, progress))
    return read_without_driver(machine_type_file=machine_type_file, root=root, inventory=inventory)


def _read_nvml(driver_root: Path | None, root: Path, progress: Progress, scope: Scope) -> Inventory:
    with Session(driver_root, progress) as session:
        reader = DeviceReader(session, "")
        driver_version = reader.read("driver_version", "nvmlSystemGetDriverVersion")
        cuda_version = reader.read("cuda_version", "nvmlSystemGetCudaDriverVersion")
        gpus, failed = read_gpus(session, root, scope)
        return Inventory(
            gpus=gpus,
            failed_gpus=failed,
            driver_version=driver_version,
            cuda_version=cuda_version,
            failures=tuple(reader.failures),
        )


def read_without_driver(
    *, machine_type_file: str = "", root: Path = sysfs.ROOT, inventory: Inventory | None = None
) -> Inventory:
    """Return ``inventory``, by default an empty one, with what the kernel's files add to it."""
    inventory = inventory or Inventory()
    machine_type, machine_failure = sysfs.read_machine_type(machine_type_file)
    vgpu, vgpu_failure = sysfs.read_vgpu(root)
    return Inventory(
        driver_version=inventory.driver_version,
        cuda_version=inventory.cuda_version,
        gpus=inventory.gpus,
        failed_gpus=inventory.failed_gpus,
        machine_type=machine_type,
        vgpu=vgpu,
        failures=(*inventory.failures, *(f for f in (machine_failure, vgpu_failure) if f)),
        discovery=inventory.discovery,
    )
