"""What a MIG strategy needs to know of the GPUs, and what happens where it is not known.

A GPU of which something else than its memory cannot be read is left out, and told. Where MIG devices cannot
be seen for lack of rights, the GPUs are all right and the container is not: a strategy that needs the MIG
devices fails, and says what to change.
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
"""NVML_ERROR_NO_PERMISSION: what NVML answers of MIG to a container without the rights for it."""

MIG_ADVICE = (
    "give the container NVIDIA_MIG_MONITOR_DEVICES=all and the capability SYS_ADMIN, or run it privileged: "
    "only then does NVML tell the memory and the MIG devices of a GPU in MIG mode; NVIDIA Container Toolkit "
    "1.18.0 to 1.20.0 ignores the variable by default: upgrade it, or run privileged"
)
KERNEL_LOG_ADVICE = "see the kernel log (dmesg) for messages of NVRM and Xid"

MIG_FACTS = ("profile", "gi_slices", "ci_slices", "memory_mib", "multiprocessors", "engines")
"""What single and mixed need of every MIG device."""

_PRIVILEGED_FACTS = frozenset({"memory_bytes", "mig_devices", "profiles"})
"""Facts of a GPU in MIG mode that take the right to see MIG."""


def partition(strategy: str, gpus: tuple[Gpu, ...]) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    """Return the GPUs of which all is known that the strategy needs, and the others with what is not.

    Raises ProbeError where the strategy needs MIG devices that cannot be seen.
    """
    kept, left_out = _partition(gpus, _find_missing)
    # Where single is invalid whatever the MIG devices are, it needs nothing of them.
    if strategy == "none" or (strategy == "single" and is_invalid_single(kept)):
        return kept, left_out
    unseen = [(gpu, why) for gpu in kept if (why := _find_hidden_mig(gpu)) is not None]
    if unseen:
        raise ProbeError(
            f"MIG strategy {strategy} needs the MIG devices of {_format_gpus(unseen)}, which cannot be seen: "
            f"{_format_reason(unseen)}"
        )
    kept, more = _partition(kept, _find_missing_in_mig)
    return kept, (*left_out, *more)


def find_permission_failure(gpu: Gpu) -> FactFailure | None:
    """Return the failure that says that there is no right to see the GPU's MIG devices; None without one."""
    if not gpu.is_mig_enabled:
        return None
    return next((failure for failure in _list_mig_failures(gpu) if failure.code == NO_PERMISSION), None)


def explain_unknown_memory(gpus: Iterable[Gpu]) -> str:
    """Return of which ``gpus`` the memory could not be read, why, and the next step; empty where of none."""
    unknown = [(gpu, why) for gpu in gpus if (why := _find_memory_failure(gpu)) is not None]
    return f"the memory of {_format_gpus(unknown)} is unknown: {_format_reason(unknown)}" if unknown else ""


def suggest_next_step(failures: Iterable[FactFailure]) -> str:
    """Return the next step after ``failures``."""
    return MIG_ADVICE if any(failure.code == NO_PERMISSION for failure in failures) else KERNEL_LOG_ADVICE


def _format_gpus(pairs: list[tuple[Gpu, FactFailure]]) -> str:
    return ", ".join(f"GPU {gpu.index}" for gpu, _ in pairs)


def _format_reason(pairs: list[tuple[Gpu, FactFailure]]) -> str:
    failures = [failure for _, failure in pairs]
    return f"{failures[0].to_error()}; {suggest_next_step(failures)}"


def _find_memory_failure(gpu: Gpu) -> FactFailure | None:
    return next((failure for failure in gpu.failures if failure.fact == "memory_bytes"), None)


def _list_mig_failures(gpu: Gpu) -> Iterator[FactFailure]:
    yield from (failure for failure in gpu.failures if failure.fact in _PRIVILEGED_FACTS)
    for device in gpu.mig_devices or ():
        yield from (failure for failure in device.failures if failure.fact != "uuid")  # no label needs it


def _find_hidden_mig(gpu: Gpu) -> FactFailure | None:
    """Return why the MIG devices of a GPU that works cannot be seen; None where they can be, or it fails."""
    refusal = find_permission_failure(gpu)
    if refusal is not None or gpu.memory_bytes:
        # Without the right to see them, MIG devices look as if there were none.
        return refusal
    lack = _find_missing_in_mig(gpu)
    # A profile's name is made of the GPU's memory.
    return lack and (_find_memory_failure(gpu) or lack)


def _partition(
    gpus: tuple[Gpu, ...], find: Callable[[Gpu], FactFailure | None]
) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    lacks = [(gpu, find(gpu)) for gpu in gpus]
    return (
        tuple(gpu for gpu, lack in lacks if lack is None),
        tuple(
            FailedGpu(index=gpu.index, failure=lack, pci_address=gpu.pci_address, uuid=gpu.uuid)
            for gpu, lack in lacks
            if lack is not None
        ),
    )


def _find_missing(gpu: Gpu) -> FactFailure | None:
    # The probe leaves such a GPU out itself; one from a snapshot can be here.
    return find_missing(gpu, ("compute_capability",), f"GPU {gpu.index}")


def _find_missing_in_mig(gpu: Gpu) -> FactFailure | None:
    if not gpu.is_mig_enabled:
        return None
    lack = find_missing(gpu, ("mig_devices",), f"GPU {gpu.index}")
    for device in gpu.mig_devices or ():
        lack = lack or find_missing(device, MIG_FACTS, f"GPU {gpu.index} MIG {device.index}")
    return lack
