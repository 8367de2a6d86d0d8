"""One read of a real node: NVML first, then what the kernel adds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gfd.inventory.model import Inventory
from gfd.limits import silent
from gfd.probe import sysfs
from gfd.probe.device_reader import DeviceReader
from gfd.probe.gpus import read_gpus
from gfd.probe.mig import is_unsettled
from gfd.probe.nvml import Session

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.limits import Note

PAUSES_S = (0.02, 0.05, 0.1)
"""Before a node is read again whose MIG devices changed meanwhile."""


def read(
    *,
    driver_root: Path | None = None,
    machine_type_file: str = "",
    root: Path = sysfs.ROOT,
    is_complete: bool = True,
    note: Note = silent,
    known: Inventory | None = None,
) -> Inventory:
    """Return this node's inventory.

    ``driver_root`` is where a container has the driver mounted; ``root`` is the file system whose /sys is
    read. Without ``is_complete`` a GPU that is not in MIG mode is not asked for the profiles on offer,
    nor for its engines, which are read off them, and none is asked for its PCIe link: 20 calls, 10 of 18 ms
    on an H200. ``note`` is told of every
    NVML call before it is made. ``known`` is what the read before found, where nothing has been seen to
    change since: see :mod:`gfd.probe.again` for what is taken from there.

    Raises DriverUnavailable without NVML, and NvmlCallFailed where NVML cannot even say how many GPUs
    there are.
    """
    found = _ask_driver(driver_root, root, note, is_complete=is_complete, known=known)
    for pause_s in PAUSES_S:
        if not any(is_unsettled(gpu) for gpu in found.gpus):
            break
        # All of it again, and NVML closed meanwhile: while it is open, whoever changes MIG has to wait, and
        # what it lists has been seen to be out of date.
        note("waiting for the MIG devices to settle")
        time.sleep(pause_s)
        found = _ask_driver(driver_root, root, note, is_complete=is_complete)
    return read_without_driver(machine_type_file=machine_type_file, root=root, found=found)


def _ask_driver(
    driver_root: Path | None,
    root: Path,
    note: Note,
    *,
    is_complete: bool,
    known: Inventory | None = None,
) -> Inventory:
    with Session(driver_root, note) as session:
        facts = DeviceReader(session, "")
        driver_version = facts.read("driver_version", "nvmlSystemGetDriverVersion")
        cuda_version = facts.read("cuda_version", "nvmlSystemGetCudaDriverVersion")
        before = known.gpus if known and driver_version == known.driver_version else ()
        gpus, failed = read_gpus(session, root, before, is_complete=is_complete)
        return Inventory(
            gpus=gpus,
            failed_gpus=failed,
            driver_version=driver_version,
            cuda_version=cuda_version,
            failures=tuple(facts.failures),
        )


def read_without_driver(
    *, machine_type_file: str = "", root: Path = sysfs.ROOT, found: Inventory | None = None
) -> Inventory:
    """Return what the kernel tells of a node, added to what NVML ``found`` there."""
    found = found or Inventory()
    machine_type, machine_failure = sysfs.read_machine_type(machine_type_file)
    vgpu, vgpu_failure = sysfs.read_vgpu(root)
    return Inventory(
        driver_version=found.driver_version,
        cuda_version=found.cuda_version,
        gpus=found.gpus,
        failed_gpus=found.failed_gpus,
        machine_type=machine_type,
        vgpu=vgpu,
        failures=(*found.failures, *(f for f in (machine_failure, vgpu_failure) if f)),
    )
