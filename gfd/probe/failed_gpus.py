"""The PCI address and UUID of a GPU that cannot be read, so that a person can find the card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import FailedGpu
from gfd.probe import sysfs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gfd.inventory.model import FactFailure, Gpu
    from gfd.probe.nvml import Session


def identify(session: Session, index: int, handle: Any, failure: FactFailure) -> FailedGpu:
    """Return the failed GPU with the facts that NVML can still read; ``handle`` is None without one."""
    if handle is None:
        return FailedGpu(index=index, failure=failure)
    pci = _call(session, "nvmlDeviceGetPciInfo", handle, index)
    return FailedGpu(
        index=index,
        failure=failure,
        pci_address=pci and sysfs.to_address(pci.busId),
        uuid=_call(session, "nvmlDeviceGetUUID", handle, index),
    )


def add_addresses(failed: Sequence[FailedGpu], gpus: Sequence[Gpu], root: Path) -> list[FailedGpu]:
    """Return ``failed`` with missing PCI addresses taken from the PCI bus under ``root``.

    NVML counts GPUs in the order of their addresses, so the unused addresses of the bus belong to the failed
    GPUs in that order. If their numbers differ, the addresses stay unknown.
    """
    unknown = [gpu for gpu in failed if gpu.pci_address is None]
    if not unknown:
        return list(failed)
    known = {gpu.pci_address for gpu in gpus} | {gpu.pci_address for gpu in failed}
    unused = [address for address in sysfs.find_gpus(root) if address not in known]
    if len(unused) != len(unknown):
        return list(failed)
    addresses = {gpu.index: address for gpu, address in zip(unknown, unused, strict=True)}
    return [gpu._replace(pci_address=addresses.get(gpu.index, gpu.pci_address)) for gpu in failed]


def _call(session: Session, function: str, handle: Any, index: int) -> Any:
    try:
        return session.call(function, handle, device=f"GPU {index}")
    except NvmlCallFailed:
        # The GPU's first failure is reported; this one would only repeat it.
        return None
