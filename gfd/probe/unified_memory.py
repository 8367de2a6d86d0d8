"""Read from CUDA the memory of GPUs that use the memory of the CPU, because NVML does not report it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import CudaCallFailed, CudaUnavailable
from gfd.inventory.model import FactFailure
from gfd.labels.requirements import CUDA_LIBRARY
from gfd.probe import cuda

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gfd.inventory.model import Gpu
    from gfd.inventory.progress import Progress


def add_memory(gpus: tuple[Gpu, ...], driver_root: Path | None, progress: Progress) -> tuple[Gpu, ...]:
    """Return ``gpus``; those that use the memory of the CPU have its size in bytes, or the failure."""
    without = [gpu for gpu in gpus if gpu.is_memory_unified and gpu.memory_bytes is None]
    if not without:
        return gpus
    total, failure = None, None
    try:
        total = _read_total(cuda.CudaDriver(driver_root, progress), [gpu.name for gpu in without])
    except CudaUnavailable as error:
        failure = FactFailure(fact="memory_bytes", source=CUDA_LIBRARY, device="", reason=str(error))
    except CudaCallFailed as error:
        failure = cuda.to_failure("memory_bytes", error)
    if total is not None:
        return tuple(gpu._replace(memory_bytes=total) if gpu in without else gpu for gpu in gpus)
    failure = failure or FactFailure(
        fact="memory_bytes",
        source="cuDeviceTotalMem_v2",
        device="",
        reason="CUDA does not show one total for the GPUs that use the memory of the CPU",
    )
    return tuple(
        gpu._replace(failures=(*gpu.failures, failure._replace(device=f"GPU {gpu.index}")))
        if gpu in without
        else gpu
        for gpu in gpus
    )


def _read_total(driver: cuda.CudaDriver, names: Sequence[str]) -> int | None:
    """Return the memory that all GPUs with these names or without their own memory share, else None.

    Raises CudaCallFailed.
    """
    totals = set()
    for ordinal in range(driver.count_devices()):
        device = driver.find_device(ordinal)
        # NVML and CUDA may give one GPU two names: "Orin (nvgpu)" and "Orin".
        if device.read_attribute(cuda.INTEGRATED) == 1 or device.read_name() in names:
            totals.add(device.read_memory_bytes())
    return totals.pop() or None if len(totals) == 1 else None
