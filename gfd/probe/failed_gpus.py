"""Which card a GPU is that cannot be read: its PCI address and UUID, as far as anything tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import FailedGpu
from gfd.probe import sysfs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gfd.inventory.model import Failure, Gpu
    from gfd.probe.nvml import Session


def identify(session: Session, index: int, handle: Any, failure: Failure) -> FailedGpu:
    """Return the GPU of an NVML index that failed; ``handle`` is None where NVML gives none."""
    if handle is None:
        return FailedGpu(index=index, failure=failure)
    pci = _ask(session, "nvmlDeviceGetPciInfo", handle, index)
    return FailedGpu(
        index=index,
        failure=failure,
        pci_address=pci and sysfs.to_address(pci.busId),
        uuid=_ask(session, "nvmlDeviceGetUUID", handle, index),
    )


def locate(failed: Sequence[FailedGpu], gpus: Sequence[Gpu], root: Path) -> list[FailedGpu]:
    """Return ``failed`` with the addresses that the PCI bus under ``root`` has beside those already known.

    NVML counts GPUs in the order of their addresses. Where the bus shows more GPUs than fail, which is
    which cannot be told.
    """
    unknown = [gpu for gpu in failed if gpu.pci_address is None]
    if not unknown:
        return list(failed)
    known = {gpu.pci_address for gpu in gpus} | {gpu.pci_address for gpu in failed}
    rest = [address for address in sysfs.find_gpus(root) if address not in known]
    if len(rest) != len(unknown):
        return list(failed)
    addresses = {gpu.index: address for gpu, address in zip(unknown, rest, strict=True)}
    return [gpu._replace(pci_address=addresses.get(gpu.index, gpu.pci_address)) for gpu in failed]


def _ask(session: Session, function: str, handle: Any, index: int) -> Any:
    try:
        return session.ask(function, handle, device=f"GPU {index}")
    except NvmlCallFailed:
        # The GPU's own failure is what gets told; this only adds to it.
        return None
