"""Write the ResourceSlices of a machine as NVIDIA's DRA driver publishes them.

From kubernetes-sigs/dra-driver-nvidia-gpu at 95932046, ``cmd/gpu-kubelet-plugin/deviceinfo.go``, ``mig.go``,
``nvlib.go`` and ``driver.go``, without its feature gates:

- One pool a node, named after the node, with the devices ``gpu-<minor>``,
  ``gpu-<minor>-mig-<profile>-<profile id>-<first memory slice>`` and ``gpu-vfio-<number>``. A GPU in MIG
  mode is no device; its MIG devices are.
- Versions are semantic: leading zeros are dropped, and three numbers written. An NVML brand is one word.
- The driver writes devices in a random order; here they are sorted. Its names of slices end at random.

An inventory does not know some of this. The minor is taken to be NVML's index, as on almost all machines.
``addressingMode`` is left out, as where the platform does not support it, and ``iommuFDEnabled`` is false, as
without ``/dev/iommu``. Other facts that are unknown are left out.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import API_VERSION
from gfd.errors import GfdError
from gfd.kube.paths import DRA_DRIVER
from gfd.kube.quantities import format_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.inventory.model import Gpu, Inventory, MigDevice, MigProfile

Object = dict[str, Any]

MAX_DEVICES = 128
"""The API server takes at most so many devices in a slice."""
STANDARD = "resource.kubernetes.io/"
"""The domain of the attributes that Kubernetes defines."""
_BRANDS = {
    "GRID": "Grid",
    "NVIDIA vApps": "NvidiaVApps",
    "NVIDIA vPC": "NvidiaVPC",
    "NVIDIA vCS": "NvidiaVCS",
    "NVIDIA vWS": "NvidiaVWS",
    "NVIDIA Cloud Gaming": "NvidiaCloudGaming",
    "Quadro RTX": "QuadroRTX",
    "NVIDIA RTX": "NvidiaRTX",
    "NVIDIA": "Nvidia",
    "GeForce RTX": "GeForceRTX",
    "Titan RTX": "TitanRTX",
}
"""The brands that the driver writes in another way than nvidia-smi."""
_ENGINES = {
    "copyEngines": "copy",
    "decoders": "decoder",
    "encoders": "encoder",
    "jpegEngines": "jpeg",
    "ofaEngines": "ofa",
}
"""Capacity -> field of Engines."""
_OF_VFIO = (f"{STANDARD}pciBusID",)
_OF_GPU = (
    *_OF_VFIO,
    "architecture",
    "brand",
    "cudaComputeCapability",
    "cudaDriverVersion",
    "driverVersion",
    "productName",
)
"""The attributes that the driver always writes."""


def make_slices(inventory: Inventory, node_name: str) -> list[Object]:
    """Return the ResourceSlices of a node; none if it has no GPU.

    Raises GfdError for hardware that the driver does not take.
    """
    if not inventory.gpus:
        return []
    if inventory.discovery == "vfio":
        devices = [_make_vfio(gpu, number) for number, gpu in enumerate(inventory.gpus)]
    else:
        devices = sorted(_list_devices(inventory), key=lambda device: _split_numbers(device["name"]))
    parts = [devices[first : first + MAX_DEVICES] for first in range(0, max(len(devices), 1), MAX_DEVICES)]
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "ResourceSlice",
            "metadata": {"name": f"{node_name}-{DRA_DRIVER}-{number}"},
            "spec": {
                "driver": DRA_DRIVER,
                "nodeName": node_name,
                "pool": {"name": node_name, "generation": 1, "resourceSliceCount": len(parts)},
                # The API server writes no empty list.
                **({"devices": part} if part else {}),
            },
        }
        for number, part in enumerate(parts)
    ]


def _list_devices(inventory: Inventory) -> Iterator[Object]:
    for gpu in inventory.gpus:
        if gpu.is_mig_enabled:
            for device in gpu.mig_devices or ():
                yield _make_mig(inventory, gpu, device)
        else:
            yield _make_gpu(inventory, gpu)


def _make_gpu(inventory: Inventory, gpu: Gpu) -> Object:
    capacity = {} if gpu.memory_bytes is None else {"memory": _quantity(gpu.memory_bytes)}
    return {
        "name": f"gpu-{gpu.index}",
        "attributes": _order(
            {"type": _text("gpu"), "uuid": _text(_require_uuid(gpu, f"GPU {gpu.index}"))}
            | _describe(inventory, gpu)
        ),
        **({"capacity": capacity} if capacity else {}),
    }


def _make_mig(inventory: Inventory, gpu: Gpu, device: MigDevice) -> Object:
    where = f"MIG device {device.index} of GPU {gpu.index}"
    profile, placement = _find_profile(gpu, device, where), device.placement
    if placement is None:
        raise GfdError(f"the place of the {where} is unknown, so its ResourceSlice cannot be written")
    attributes = {
        "type": _text("mig"),
        "uuid": _text(_require_uuid(device, where)),
        "parentUUID": _text(_require_uuid(gpu, f"GPU {gpu.index}")),
        "profile": _text(profile.name),
    }
    capacity = {
        "multiprocessors": _quantity(profile.multiprocessors),
        **{name: _quantity(getattr(profile.engines, field)) for name, field in _ENGINES.items()},
        "memory": _quantity(profile.memory_mib << 20),
        **{
            f"memorySlice{number}": _quantity(1)
            for number in range(placement.start, placement.start + placement.size)
        },
    }
    short = re.sub(r"[^a-z0-9-]", "-", profile.name.replace(".", "").lower()).strip("-")
    return {
        "name": f"gpu-{gpu.index}-mig-{short}-{profile.id}-{placement.start}",
        "attributes": _order(attributes | _describe(inventory, gpu)),
        "capacity": capacity,
    }


def _make_vfio(gpu: Gpu, number: int) -> Object:
    address, ids = gpu.pci_address or "", gpu.pci_device_id or 0
    attributes = {
        "type": _text("vfio"),
        "uuid": _text(str(uuid.uuid5(uuid.NAMESPACE_DNS, address))),
        "deviceID": _text(f"0x{ids >> 16:04x}"),
        "vendorID": _text(f"0x{ids & 0xFFFF:04x}"),
        "productName": _text(gpu.name),
        "iommuFDEnabled": {"bool": False},
    }
    return {
        "name": f"gpu-vfio-{number}",
        "attributes": _order(attributes | _locate(gpu)),
        "capacity": {"addressableMemory": _quantity(gpu.addressable_bytes or 0)},
    }


def _describe(inventory: Inventory, gpu: Gpu) -> Object:
    """Return the attributes that a GPU and its MIG devices have in common."""
    brand, capability, cuda = gpu.brand, gpu.compute_capability, inventory.cuda_version
    texts = {
        "productName": gpu.name,
        "brand": None if brand is None else _BRANDS.get(brand, brand),
        "architecture": gpu.architecture,
    }
    versions = {
        "cudaComputeCapability": None if capability is None else f"{capability[0]}.{capability[1]}",
        "driverVersion": inventory.driver_version,
        "cudaDriverVersion": None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
    }
    return {
        **{name: _text(value) for name, value in texts.items() if value is not None},
        **{name: {"version": _to_semver(value)} for name, value in versions.items() if value is not None},
        **_locate(gpu),
    }


def _locate(gpu: Gpu) -> Object:
    """Return the attributes that say where a GPU is."""
    texts = {"pciBusID": gpu.pci_address, "pcieRoot": gpu.pcie_root}
    found: Object = {f"{STANDARD}{name}": _text(value) for name, value in texts.items() if value is not None}
    if gpu.numa_node is not None and gpu.numa_node >= 0:
        found[f"{STANDARD}numaNode"] = {"int": gpu.numa_node}
    return found


def _find_profile(gpu: Gpu, device: MigDevice, where: str) -> MigProfile:
    """Return the profile of a MIG device. Raises GfdError if it has only a part of the compute slices."""
    for profile in gpu.profiles:
        if profile.name.replace("+", ".") == device.profile:
            return profile
    reason = "NVIDIA's DRA driver takes only MIG devices with all compute slices of their GPU instance"
    raise GfdError(f"{where} has the profile {device.profile}; {reason}: choose another MIG layout")


def _require_uuid(owner: Gpu | MigDevice, where: str) -> str:
    if owner.uuid is None:
        reason = "NVIDIA's DRA driver publishes only devices with one: choose another machine"
        raise GfdError(f"{where} has no UUID, and {reason}")
    return owner.uuid


def find_unknown(slices: list[Object]) -> list[str]:
    """Return the attributes that the driver always writes, and that a device lacks here, sorted."""
    found = set()
    for each in slices:
        for device in each["spec"].get("devices", ()):
            attributes = device["attributes"]
            needed = _OF_VFIO if attributes["type"]["string"] == "vfio" else _OF_GPU
            found |= {name for name in needed if name not in attributes}
    return sorted(found)


def _to_semver(text: str) -> str:
    """Return a version with three numbers without leading zeros, as the driver's library writes it."""
    numbers = [str(int(part)) for part in text.split(".")[:3]]
    return ".".join((*numbers, "0", "0")[:3])


def _text(value: str) -> Object:
    return {"string": value}


def _quantity(count: int) -> Object:
    return {"value": format_binary(count)}


def _order(attributes: Object) -> Object:
    """Return the attributes in the order in which the API server writes them."""
    return dict(sorted(attributes.items()))


def _split_numbers(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts names with numbers by their value."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]
