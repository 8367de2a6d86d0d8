"""Read the GPUs that the CUDA driver shows, as the integrated GPU of a Tegra chip such as Orin or Thor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import CudaCallFailed
from gfd.inventory.model import FailedGpu, Gpu, Inventory
from gfd.inventory.progress import ignore_progress
from gfd.probe import cuda, sysfs
from gfd.probe.node import read_without_driver

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.inventory.progress import Progress


def read(
    *,
    driver_root: Path | None = None,
    machine_type_file: str = "",
    root: Path = sysfs.ROOT,
    progress: Progress = ignore_progress,
) -> Inventory:
    """Return this node's inventory with all GPUs of the CUDA driver; ``root`` has the /sys to read.

    Raises CudaUnavailable if CUDA cannot be initialised, and CudaCallFailed if it cannot count the GPUs.
    """
    driver = cuda.CudaDriver(driver_root, progress)
    gpus: list[Gpu] = []
    failed: list[FailedGpu] = []
    for ordinal in range(driver.count_devices()):
        try:
            gpus.append(_read_gpu(driver, ordinal))
        except CudaCallFailed as error:
            failed.append(FailedGpu(index=ordinal, failure=cuda.to_failure("gpu", error)))
    cuda_version = None
    failures = []
    try:
        cuda_version = driver.read_version()
    except CudaCallFailed as error:
        failures.append(cuda.to_failure("cuda_version", error))
    inventory = Inventory(
        discovery="tegra",
        cuda_version=cuda_version,
        gpus=tuple(gpus),
        failed_gpus=tuple(failed),
        failures=tuple(failures),
    )
    return read_without_driver(machine_type_file=machine_type_file, root=root, inventory=inventory)


def _read_gpu(driver: cuda.CudaDriver, ordinal: int) -> Gpu:
    """Return the GPU. Raises CudaCallFailed if a fact fails that every label needs."""
    device = driver.find_device(ordinal)
    name = device.read_name()
    capability = (
        device.read_attribute(cuda.COMPUTE_CAPABILITY_MAJOR),
        device.read_attribute(cuda.COMPUTE_CAPABILITY_MINOR),
    )
    failures = []
    memory_bytes = None
    try:
        memory_bytes = device.read_memory_bytes() or None
    except CudaCallFailed as error:
        failures.append(cuda.to_failure("memory_bytes", error))
    is_integrated = False
    try:
        is_integrated = device.read_attribute(cuda.INTEGRATED) == 1
    except CudaCallFailed as error:
        failures.append(cuda.to_failure("is_memory_unified", error))
    return Gpu(
        index=ordinal,
        name=name,
        compute_capability=capability,
        memory_bytes=memory_bytes,
        is_memory_unified=is_integrated,
        failures=tuple(failures),
    )
