"""Check that the facts which a MIG strategy needs could be read.

A GPU with a missing fact, other than its memory, is left out with a warning. If the container has no
permission to see MIG devices, no GPU is at fault: a strategy that needs the devices then raises an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import ProbeError
from gfd.inventory.model import FailedGpu, find_missing
from gfd.labels.strategies import is_invalid_single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gfd.inventory.model import FactFailure, Gpu

NO_PERMISSION = 4
"""NVML_ERROR_NO_PERMISSION: NVML's answer about MIG in a container without the permission."""

MIG_ADVICE = (
    "to let NVML show the memory and the MIG devices of a GPU in MIG mode, add the capability SYS_ADMIN and "
    "set NVIDIA_MIG_MONITOR_DEVICES=all, or run the container privileged; NVIDIA Container Toolkit 1.18.0 "
    "to 1.20.0 ignores the variable by default: upgrade it, or run the container privileged"
)
CUDA_LIBRARY = "libcuda.so.1"
CUDA_ADVICE = (
    "install the NVIDIA driver (on a Jetson: JetPack); in a container use the NVIDIA runtime with "
    "NVIDIA_DRIVER_CAPABILITIES=compute,utility, or mount the driver and pass its folder with "
    "--driver-root-ctr-path"
)
CUDA_LOG_ADVICE = "see the kernel log (dmesg) for messages of nvgpu and NVRM"
KERNEL_LOG_ADVICE = "see the kernel log (dmesg) for messages of NVRM and Xid"

MIG_FACTS = ("profile", "gi_slices", "ci_slices", "memory_mib", "multiprocessors", "engines")
"""The facts of each MIG device that single and mixed need."""

_PRIVILEGED_FACTS = frozenset({"memory_bytes", "mig_devices", "profiles"})
"""Facts of a GPU in MIG mode that need the permission to see MIG devices."""


def partition(
    strategy: str, gpus: tuple[Gpu, ...], *, has_driver: bool = True
) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    """Return the GPUs with all facts that the strategy needs, and the others with a missing fact.

    GPUs without a driver need no facts. Raises ProbeError if the strategy needs MIG devices that NVML hides.
    """
    if not has_driver:
        return gpus, ()
    kept, left_out = _partition(gpus, _find_missing)
    # If single is invalid without a look at the MIG devices, it does not need them.
    if strategy == "none" or (strategy == "single" and is_invalid_single(kept)):
        return kept, left_out
    hidden = [(gpu, failure) for gpu in kept if (failure := _find_hidden_mig(gpu)) is not None]
    if hidden:
        raise ProbeError(
            f"MIG strategy {strategy} needs the MIG devices of {_format_gpus(hidden)}, which NVML does not "
            f"show: {_format_reason(hidden)}"
        )
    kept, more = _partition(kept, _find_missing_in_mig)
    return kept, (*left_out, *more)


def find_permission_failure(gpu: Gpu) -> FactFailure | None:
    """Return the failure that shows the missing permission to see MIG devices, or None."""
    if not gpu.is_mig_enabled:
        return None
    return next((failure for failure in _list_mig_failures(gpu) if failure.code == NO_PERMISSION), None)


def explain_unknown_memory(gpus: Iterable[Gpu]) -> str:
    """Name the GPUs whose memory could not be read, the reason and the next step; empty if there are none."""
    unknown = [(gpu, failure) for gpu in gpus if (failure := _find_memory_failure(gpu)) is not None]
    return f"the memory of {_format_gpus(unknown)} is unknown: {_format_reason(unknown)}" if unknown else ""


def suggest_next_step(failures: Iterable[FactFailure]) -> str:
    """Return the next step after ``failures``, for an error message."""
    failures = tuple(failures)
    if any(failure.code == NO_PERMISSION for failure in failures):
        return MIG_ADVICE
    is_cuda = any(failure.source.startswith("cu") for failure in failures)
    return CUDA_LOG_ADVICE if is_cuda else KERNEL_LOG_ADVICE


def _format_gpus(pairs: list[tuple[Gpu, FactFailure]]) -> str:
    return ", ".join(f"GPU {gpu.index}" for gpu, _ in pairs)


def _format_reason(pairs: list[tuple[Gpu, FactFailure]]) -> str:
    failures = [failure for _, failure in pairs]
    reason = str(failures[0].to_error())
    # The error of a missing CUDA driver has a next step of its own.
    return reason if failures[0].source == CUDA_LIBRARY else f"{reason}; {suggest_next_step(failures)}"


def _find_memory_failure(gpu: Gpu) -> FactFailure | None:
    return next((failure for failure in gpu.failures if failure.fact == "memory_bytes"), None)


def _list_mig_failures(gpu: Gpu) -> Iterator[FactFailure]:
    yield from (failure for failure in gpu.failures if failure.fact in _PRIVILEGED_FACTS)
    for device in gpu.mig_devices or ():
        yield from (failure for failure in device.failures if failure.fact != "uuid")  # no label uses it


def _find_hidden_mig(gpu: Gpu) -> FactFailure | None:
    """Return why NVML hides the MIG devices of a working GPU; None if it shows them, or the GPU fails."""
    failure = find_permission_failure(gpu)
    if failure is not None or gpu.memory_bytes:
        # Without the permission, a GPU looks as if it had no MIG devices.
        return failure
    missing = _find_missing_in_mig(gpu)
    # A profile's name contains a share of the GPU's memory.
    return missing and (_find_memory_failure(gpu) or missing)


def _partition(
    gpus: tuple[Gpu, ...], find: Callable[[Gpu], FactFailure | None]
) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    found = [(gpu, find(gpu)) for gpu in gpus]
    return (
        tuple(gpu for gpu, missing in found if missing is None),
        tuple(
            FailedGpu(index=gpu.index, failure=missing, pci_address=gpu.pci_address, uuid=gpu.uuid)
            for gpu, missing in found
            if missing is not None
        ),
    )


def _find_missing(gpu: Gpu) -> FactFailure | None:
    # The probe leaves such a GPU out, but a snapshot can contain one.
    return find_missing(gpu, ("compute_capability",), f"GPU {gpu.index}")


def _find_missing_in_mig(gpu: Gpu) -> FactFailure | None:
    if not gpu.is_mig_enabled:
        return None
    missing = find_missing(gpu, ("mig_devices",), f"GPU {gpu.index}")
    for device in gpu.mig_devices or ():
        missing = missing or find_missing(device, MIG_FACTS, f"GPU {gpu.index} MIG {device.index}")
    return missing
