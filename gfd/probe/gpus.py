"""The GPUs of a node, as NVML and sysfs describe them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import Engines, Fabric, Gpu, is_display_board
from gfd.probe import again, mig, sysfs
from gfd.probe.device_reader import DeviceReader, as_failure
from gfd.probe.nvml import FUNCTION_NOT_FOUND, SUCCESS, UNKNOWN_QUESTION, failed

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.inventory.model import FailedGpu, MigDevice, MigProfile
    from gfd.probe.nvml import Session

SEVEN_SLICES = 4
"""NVML_GPU_INSTANCE_PROFILE_7_SLICE."""

ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
    13: "Rubin",
}
"""NVML_DEVICE_ARCH_*."""

BRANDS = {
    1: "Quadro",
    2: "Tesla",
    3: "NVS",
    4: "GRID",
    5: "GeForce",
    6: "Titan",
    7: "NVIDIA vApps",
    8: "NVIDIA vPC",
    9: "NVIDIA vCS",
    10: "NVIDIA vWS",
    11: "NVIDIA Cloud Gaming",
    12: "Quadro RTX",
    13: "NVIDIA RTX",
    14: "NVIDIA",
    15: "GeForce RTX",
    16: "Titan RTX",
}
"""NVML_BRAND_*."""


_FABRIC_FIELDS = (
    ("cluster_uuid", ctypes.c_ubyte * 16),
    ("status", ctypes.c_uint),
    ("clique_id", ctypes.c_uint),
    ("state", ctypes.c_ubyte),
)
_FABRIC_V2 = 0x02000024


class _FabricInfo(ctypes.Structure):
    """nvmlGpuFabricInfo_t, which pynvml 12.560 to 13.580 have with a UUID of 80 bytes."""

    _fields_ = _FABRIC_FIELDS


class _FabricInfoV(ctypes.Structure):
    """nvmlGpuFabricInfo_v2_t."""

    _fields_ = (("version", ctypes.c_uint), *_FABRIC_FIELDS, ("health_mask", ctypes.c_uint))


class _Reading(NamedTuple):
    """What the GPUs of one read have in common."""

    session: Session
    root: Path
    is_complete: bool
    catalogues: dict[tuple[str, int | None], mig.Catalogue]
    """By the model's name and memory."""


def read_gpus(
    session: Session, root: Path, known: tuple[Gpu, ...] = (), *, is_complete: bool
) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    """Return the GPUs in PCI-address order, and those that cannot be described.

    ``root`` is the file system whose /sys is read; without ``is_complete`` only GPUs in MIG mode are
    asked for the profiles that they offer, and none for its PCIe link. ``known`` are GPUs as the read
    before found them. Raises NvmlCallFailed where they cannot be counted.
    """
    by_index = {gpu.index: gpu for gpu in known}
    reading = _Reading(session=session, root=root, is_complete=is_complete, catalogues={})
    gpus: list[Gpu] = []
    failed: list[FailedGpu] = []
    for index in range(session.ask("nvmlDeviceGetCount")):
        handle = None
        try:
            handle = session.ask("nvmlDeviceGetHandleByIndex", index, device=f"GPU {index}")
            before = by_index.get(index)
            if before and (gpu := again.read_gpu(session, handle, before, root, _read_fabric)):
                gpus.append(gpu)
                continue
            name = session.ask("nvmlDeviceGetName", handle, device=f"GPU {index}")
            if not is_display_board(name):
                gpus.append(_read_gpu(reading, index, handle, name))
        except NvmlCallFailed as error:
            from gfd.probe.failed_gpus import identify

            failed.append(identify(session, index, handle, as_failure("gpu", error)))
    if failed:
        from gfd.probe.failed_gpus import locate

        failed = locate(failed, gpus, root)
    return tuple(sorted(gpus, key=_order)), tuple(failed)


def _read_gpu(reading: _Reading, index: int, handle: Any, name: str) -> Gpu:
    """Return the GPU. Raises NvmlCallFailed for what nobody can do without."""
    facts = DeviceReader(reading.session, f"GPU {index}")
    mig_mode = facts.ask_if_known("nvmlDeviceGetMigMode", handle)
    is_mig_capable = mig_mode is not None
    is_mig_enabled = is_mig_capable and mig_mode[0] == 1
    major, minor = facts.session.ask("nvmlDeviceGetCudaComputeCapability", handle, device=facts.device)
    memory = facts.read_optional("memory_bytes", "nvmlDeviceGetMemoryInfo", handle)
    memory_bytes = memory and memory.total
    pci = facts.read_optional("pci_address", "nvmlDeviceGetPciInfo", handle)
    address = pci and sysfs.to_address(pci.busId)
    pci_class, class_failure = sysfs.read_pci_class(address, reading.root) if address else (None, None)
    if class_failure is not None:
        facts.failures.append(class_failure)
    catalogue = mig.Catalogue(gi_enums={}, ci_enums={})
    mig_devices: tuple[MigDevice, ...] | None = ()
    if is_mig_enabled or (is_mig_capable and reading.is_complete):
        parent = mig.Parent(
            session=reading.session, handle=handle, name=facts.device, memory_bytes=memory_bytes
        )
        catalogue = _find_catalogue(reading, parent, name)
        facts.failures.extend(catalogue.failures)
        if is_mig_enabled:
            mig_devices = _read_mig_devices(parent, catalogue, facts)
    generation, width = None, None
    if reading.is_complete:
        generation = facts.read_optional("pcie_generation", "nvmlDeviceGetMaxPcieLinkGeneration", handle)
        width = facts.read_optional("pcie_width", "nvmlDeviceGetMaxPcieLinkWidth", handle)
    multiprocessors, engines = _whole_gpu(major, catalogue.profiles)
    return Gpu(
        index=index,
        uuid=facts.read("uuid", "nvmlDeviceGetUUID", handle),
        name=name,
        brand=BRANDS.get(facts.read_optional("brand", "nvmlDeviceGetBrand", handle)),
        architecture=ARCHITECTURES.get(
            facts.read_optional("architecture", "nvmlDeviceGetArchitecture", handle)
        ),
        compute_capability=(major, minor),
        memory_bytes=memory_bytes,
        pci_address=address,
        pci_device_id=pci and pci.pciDeviceId,
        pci_class=pci_class,
        pcie_generation=generation,
        pcie_width=width,
        numa_node=sysfs.read_numa_node(address, reading.root) if address else None,
        is_mig_capable=is_mig_capable,
        is_mig_enabled=is_mig_enabled,
        fabric=_read_fabric(facts, handle),
        multiprocessors=multiprocessors,
        engines=engines,
        profiles=catalogue.profiles,
        mig_devices=mig_devices,
        failures=tuple(facts.failures),
    )


def _find_catalogue(reading: _Reading, parent: mig.Parent, model: str) -> mig.Catalogue:
    key = (model, parent.memory_bytes)
    found = reading.catalogues.get(key) or mig.read_catalogue(parent)
    if found.gi_enums and not found.failures:  # what fails on one GPU is asked of the next
        reading.catalogues[key] = found
    return found


def _read_mig_devices(
    parent: mig.Parent, catalogue: mig.Catalogue, facts: DeviceReader
) -> tuple[MigDevice, ...] | None:
    try:
        return mig.read_devices(parent, catalogue)
    except NvmlCallFailed as error:
        facts.record("mig_devices", error)
        return None


def _read_fabric(facts: DeviceReader, handle: Any) -> Fabric | None:
    # The first version of the call is what the original asks; drivers to come may have only the second.
    for function, info in (
        ("nvmlDeviceGetGpuFabricInfo", _FabricInfo()),
        ("nvmlDeviceGetGpuFabricInfoV", _FabricInfoV(version=_FABRIC_V2)),
    ):
        answer = facts.session.call(function, handle, ctypes.byref(info), device=facts.device)
        if answer == FUNCTION_NOT_FOUND:
            continue
        if answer != SUCCESS:
            if answer not in UNKNOWN_QUESTION:
                facts.record("fabric", failed(function, facts.device, answer))
            return None
        return Fabric(
            state=info.state,
            status=info.status,
            cluster_uuid=_format_uuid(bytes(info.cluster_uuid)),
            clique_id=info.clique_id,
        )
    return None


def _format_uuid(uuid: bytes) -> str:
    text = uuid.hex()  # the module uuid brings 3 ms of imports along
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _whole_gpu(major: int, profiles: tuple[MigProfile, ...]) -> tuple[int | None, Engines | None]:
    # From Hopper on the profile of seven slices is the whole GPU; on an A100 it leaves 10 of 108
    # multiprocessors out.
    if major >= 9:
        for profile in profiles:
            if profile.enum == SEVEN_SLICES:
                return profile.multiprocessors, profile.engines
    return None, None


def _order(gpu: Gpu) -> tuple[bool, int, str, int]:
    address = gpu.pci_address or ""
    # A domain above 0xffff makes the address longer; shorter ones come first.
    return not address, len(address), address, gpu.index
