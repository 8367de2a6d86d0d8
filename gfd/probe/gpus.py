"""Read the GPUs of a node from NVML and sysfs."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import Engines, Fabric, Gpu, is_display_board
from gfd.probe import mig, nvlink, sysfs
from gfd.probe.device_reader import DeviceReader, to_failure
from gfd.probe.nvml import FUNCTION_NOT_FOUND, NOT_AVAILABLE, NOT_SUPPORTED, SUCCESS, to_error

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.inventory.model import FailedGpu, MigDevice, MigProfile
    from gfd.probe.nvml import Session
    from gfd.probe.scope import Scope

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
    """nvmlGpuFabricInfo_t; pynvml 12.560 to 13.580 declare it with a UUID of 80 bytes."""

    _fields_ = _FABRIC_FIELDS


class _FabricInfoV(ctypes.Structure):
    """nvmlGpuFabricInfo_v2_t."""

    _fields_ = (("version", ctypes.c_uint), *_FABRIC_FIELDS, ("health_mask", ctypes.c_uint))


class _Enumeration(NamedTuple):
    """The values that the GPUs of one read share."""

    session: Session
    root: Path
    scope: Scope
    profiles: dict[tuple[str, int | None], mig.OfferedProfiles]
    """By model name and memory in bytes."""


def read_gpus(session: Session, root: Path, scope: Scope) -> tuple[tuple[Gpu, ...], tuple[FailedGpu, ...]]:
    """Return the GPUs in PCI-address order, and those that cannot be read.

    ``root`` is the file system whose /sys is read. Raises NvmlCallFailed if NVML cannot count the GPUs.
    """
    enumeration = _Enumeration(session=session, root=root, scope=scope, profiles={})
    gpus: list[Gpu] = []
    handles: dict[int, Any] = {}
    failed: list[FailedGpu] = []
    for index in range(session.call("nvmlDeviceGetCount")):
        handle = None
        try:
            handle = session.call("nvmlDeviceGetHandleByIndex", index, device=f"GPU {index}")
            name = session.call("nvmlDeviceGetName", handle, device=f"GPU {index}")
            if not is_display_board(name):
                gpus.append(_read_gpu(enumeration, index, handle, name))
                handles[index] = handle
        except NvmlCallFailed as error:
            from gfd.probe.failed_gpus import identify

            failed.append(identify(session, index, handle, to_failure("gpu", error)))
    if failed:
        from gfd.probe.failed_gpus import add_addresses

        failed = add_addresses(failed, gpus, root)
    if scope.has_topology and len(gpus) > 1:
        gpus = nvlink.add_peers(session, gpus, handles)
    return tuple(sorted(gpus, key=_sort_key)), tuple(failed)


def _read_gpu(enumeration: _Enumeration, index: int, handle: Any, name: str) -> Gpu:
    """Return the GPU. Raises NvmlCallFailed if a fact fails that every label needs."""
    scope = enumeration.scope
    reader = DeviceReader(enumeration.session, f"GPU {index}")
    mig_mode = reader.call_if_available("nvmlDeviceGetMigMode", handle)
    is_mig_capable = mig_mode is not None
    is_mig_enabled = is_mig_capable and mig_mode[0] == 1
    major, minor = reader.session.call("nvmlDeviceGetCudaComputeCapability", handle, device=reader.device)
    memory_bytes, is_memory_unified = _read_memory(reader, handle)
    pci = reader.read_optional("pci_address", "nvmlDeviceGetPciInfo", handle)
    address = pci and sysfs.to_address(pci.busId)
    pci_class, class_failure = sysfs.read_pci_class(address, enumeration.root) if address else (None, None)
    if class_failure is not None:
        reader.failures.append(class_failure)
    offered = mig.OfferedProfiles(gi_enums={}, ci_enums={})
    mig_devices: tuple[MigDevice, ...] | None = ()
    if is_mig_enabled or (is_mig_capable and scope.has_details):
        parent = mig.ParentGpu(
            session=enumeration.session, handle=handle, device=reader.device, memory_bytes=memory_bytes
        )
        offered = _read_profiles(enumeration, parent, name)
        reader.failures.extend(offered.failures)
        if is_mig_enabled:
            mig_devices = _read_mig_devices(parent, offered, reader)
    generation, width = None, None
    if scope.has_details:
        generation = reader.read_optional("pcie_generation", "nvmlDeviceGetMaxPcieLinkGeneration", handle)
        width = reader.read_optional("pcie_width", "nvmlDeviceGetMaxPcieLinkWidth", handle)
    power_limit_mw, power_default_limit_mw = None, None
    if scope.has_power:
        power_limit_mw = reader.read_optional("power_limit_mw", "nvmlDeviceGetPowerManagementLimit", handle)
        power_default_limit_mw = reader.read_optional(
            "power_default_limit_mw", "nvmlDeviceGetPowerManagementDefaultLimit", handle
        )
    nvlink_links, pcie_root = None, None
    if scope.has_topology:
        nvlink_links = nvlink.count_links(reader, handle)
        pcie_root = sysfs.read_pcie_root(address, enumeration.root) if address else None
    multiprocessors, engines = _find_totals(major, offered.profiles)
    return Gpu(
        index=index,
        uuid=reader.read("uuid", "nvmlDeviceGetUUID", handle),
        name=name,
        brand=BRANDS.get(reader.read_optional("brand", "nvmlDeviceGetBrand", handle)),
        architecture=ARCHITECTURES.get(
            reader.read_optional("architecture", "nvmlDeviceGetArchitecture", handle)
        ),
        compute_capability=(major, minor),
        memory_bytes=memory_bytes,
        is_memory_unified=is_memory_unified,
        pci_address=address,
        pci_device_id=pci and pci.pciDeviceId,
        pci_class=pci_class,
        pcie_generation=generation,
        pcie_width=width,
        numa_node=sysfs.read_numa_node(address, enumeration.root) if address else None,
        pcie_root=pcie_root,
        power_limit_mw=power_limit_mw,
        power_default_limit_mw=power_default_limit_mw,
        nvlink_links=nvlink_links,
        is_mig_capable=is_mig_capable,
        is_mig_enabled=is_mig_enabled,
        fabric=_read_fabric(reader, handle),
        multiprocessors=multiprocessors,
        engines=engines,
        profiles=offered.profiles,
        mig_devices=mig_devices,
        failures=tuple(reader.failures),
    )


def _read_memory(reader: DeviceReader, handle: Any) -> tuple[int | None, bool]:
    """Return the memory in bytes; None if NVML reports none, and then whether the CPU's memory is used."""
    try:
        memory = reader.session.call("nvmlDeviceGetMemoryInfo", handle, device=reader.device)
    except NvmlCallFailed as error:
        if error.code not in NOT_AVAILABLE:
            reader.record("memory_bytes", error)
        return None, error.code == NOT_SUPPORTED
    return memory.total, False


def _read_profiles(enumeration: _Enumeration, parent: mig.ParentGpu, model: str) -> mig.OfferedProfiles:
    """Return the profiles of a model. Read them from one of its GPUs; from others only if that failed."""
    key = (model, parent.memory_bytes)
    offered = enumeration.profiles.get(key) or mig.read_profiles(parent)
    if offered.gi_enums and not offered.failures:
        enumeration.profiles[key] = offered
    return offered


def _read_mig_devices(
    parent: mig.ParentGpu, offered: mig.OfferedProfiles, reader: DeviceReader
) -> tuple[MigDevice, ...] | None:
    try:
        return mig.read_devices(parent, offered)
    except NvmlCallFailed as error:
        reader.record("mig_devices", error)
        return None


def _read_fabric(reader: DeviceReader, handle: Any) -> Fabric | None:
    # The original calls the first version. Future drivers may only have the second.
    for function, info in (
        ("nvmlDeviceGetGpuFabricInfo", _FabricInfo()),
        ("nvmlDeviceGetGpuFabricInfoV", _FabricInfoV(version=_FABRIC_V2)),
    ):
        code = reader.session.call_c(function, handle, ctypes.byref(info), device=reader.device)
        if code == FUNCTION_NOT_FOUND:
            continue
        if code != SUCCESS:
            if code not in NOT_AVAILABLE:
                reader.record("fabric", to_error(function, reader.device, code))
            return None
        return Fabric(
            state=info.state,
            status=info.status,
            cluster_uuid=_format_uuid(bytes(info.cluster_uuid)),
            clique_id=info.clique_id,
        )
    return None


def _format_uuid(uuid: bytes) -> str:
    text = uuid.hex()  # importing the module uuid takes 3 ms
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _find_totals(major: int, profiles: tuple[MigProfile, ...]) -> tuple[int | None, Engines | None]:
    """Return the multiprocessors and engines of the whole GPU; None if no profile shows them."""
    # From Hopper on, the profile of seven slices is the whole GPU. On an A100 it leaves out 10 of 108
    # multiprocessors.
    if major >= 9:
        for profile in profiles:
            if profile.enum == SEVEN_SLICES:
                return profile.multiprocessors, profile.engines
    return None, None


def _sort_key(gpu: Gpu) -> tuple[bool, int, str, int]:
    address = gpu.pci_address or ""
    # A domain above 0xffff makes the address longer; shorter addresses come first.
    return not address, len(address), address, gpu.index
