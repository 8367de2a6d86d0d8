"""Read the GPUs of a machine file, for each way in which gfd finds GPUs."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.inventory.model import is_display_board
from gfd.simulation.models import read_fabric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.documents.value import Value
    from gfd.inventory.model import Gpu
    from gfd.simulation.layouts import Target
    from gfd.simulation.models import GpuModels


def read_nvml_gpus(document: Value, models: GpuModels, *, has_unified_memory: bool) -> list[Target]:
    """Return the GPUs as NVML numbers them, each with its MIG geometry. Raises DocumentError."""
    fabric = read_fabric(document.field("fabric"))
    gpus = [
        models.build(entry, has_unified_memory=has_unified_memory) for entry in document.field("gpus").items()
    ]
    _check_addresses(document, [gpu.pci_address for gpu, _ in gpus])
    targets: list[Target] = []
    for index, (gpu, geometry) in enumerate(sorted(gpus, key=lambda pair: pair[0].pci_address or "")):
        derived = uuid.uuid5(uuid.NAMESPACE_OID, f"{Path(document.source).stem}/{index}")
        numbered = gpu._replace(
            index=index,
            uuid=gpu.uuid or f"GPU-{derived}",
            fabric=gpu.fabric or fabric,
            failures=tuple(failure._replace(device=f"GPU {index}") for failure in gpu.failures),
        )
        targets.append((numbered, geometry))
    if _is_all_to_all(document.field("nvlink")):
        targets = _connect(targets)
    # Remove display boards only after numbering, because NVML numbers them too.
    return [(gpu, geometry) for gpu, geometry in targets if not is_display_board(gpu.name)]


def read_tegra_gpus(document: Value, models: GpuModels) -> tuple[Gpu, ...]:
    """Return the GPUs as CUDA shows them. Raises DocumentError, also for a field that CUDA does not show."""
    for name in ("driver_version", "fabric", "nvlink", "mig"):
        if document.field(name).content is not None:
            raise document.field(name).error(
                "CUDA does not show it on a machine with discovery: tegra; remove it"
            )
    gpus = [models.build_tegra(entry) for entry in document.field("gpus").items()]
    return tuple(gpu._replace(index=index) for index, gpu in enumerate(gpus))


def read_vfio_gpus(document: Value, models: GpuModels) -> tuple[Gpu, ...]:
    """Return the GPUs as the PCI bus shows them. Raises DocumentError, also for a field of the driver."""
    for name in ("driver_version", "cuda_version", "fabric", "nvlink", "mig"):
        if document.field(name).content is not None:
            raise document.field(name).error("a machine with discovery: vfio has no NVIDIA driver; remove it")
    gpus = [models.build_vfio(entry) for entry in document.field("gpus").items()]
    _check_addresses(document, [gpu.pci_address for gpu in gpus])
    by_address = sorted(gpus, key=lambda gpu: gpu.pci_address or "")
    return tuple(gpu._replace(index=index) for index, gpu in enumerate(by_address))


def _is_all_to_all(nvlink: Value) -> bool:
    """Return whether NVLink connects each GPU of a machine to each other one."""
    if nvlink.content not in (None, "all-to-all"):
        raise nvlink.error("expected all-to-all; for anything else, give each GPU nvlink_peers")
    return nvlink.content is not None


def _connect(targets: Sequence[Target]) -> list[Target]:
    """Return the GPUs with all others that have NVLink as their peers; own ``nvlink_peers`` of a GPU stay."""
    linked = [gpu.index for gpu, _ in targets if gpu.nvlink_links]
    return [
        (
            gpu._replace(nvlink_peers=tuple(index for index in linked if index != gpu.index))
            if gpu.nvlink_links and gpu.nvlink_peers is None and len(linked) > 1
            else gpu,
            geometry,
        )
        for gpu, geometry in targets
    ]


def _check_addresses(document: Value, addresses: Sequence[str | None]) -> None:
    for address in addresses:
        if addresses.count(address) > 1:
            raise document.field("gpus").error(f"two GPUs have the address {address}; change one")
