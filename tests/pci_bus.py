"""Build PCI buses: folders like /sys/bus/pci/devices, with drivers, damaged files and virtual functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MIB, GIB = 1 << 20, 1 << 30
A10, H100, T4, UNKNOWN = 0x2236, 0x2330, 0x1EB8, 0xFFFE
COMPUTE, GRAPHICS, NVSWITCH, AUDIO = 0x030200, 0x030000, 0x068000, 0x040300
NVIDIA, INTEL, MELLANOX = 0x10DE, 0x8086, 0x15B3
PREFETCHABLE_64, PLAIN_32 = 0x14220C, 0x40200
BARS: Mapping[int, tuple[tuple[int, int], ...]] = {
    A10: ((16 * MIB, PLAIN_32), (32 * GIB, PREFETCHABLE_64), (32 * MIB, PREFETCHABLE_64)),
    H100: ((16 * MIB, PLAIN_32), (128 * GIB, PREFETCHABLE_64), (32 * MIB, PREFETCHABLE_64)),
    T4: ((16 * MIB, PLAIN_32), (256 * MIB, PREFETCHABLE_64), (32 * MIB, PREFETCHABLE_64)),
}
"""Device id -> size and flags of each memory window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """A device on the bus."""

    address: str = "0000:17:00.0"
    device: int = A10
    pci_class: int = COMPUTE
    vendor: int = NVIDIA
    driver: str | None = "vfio-pci"
    """None without a driver."""
    numa_node: int = 0
    pcie_root: str | None = None
    """The folder in /sys/devices; None if the device is in the folder of the bus itself."""
    bars: tuple[tuple[int, int], ...] | None = None
    """None for those of the device id."""
    physical_function: str | None = None
    """The address of the GPU whose virtual function this is."""
    iommu_group: int | None = 7
    config_bytes: int = 256
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    """Files with another content; None for those that are missing."""


def build_bus(folder: Path, devices: Iterable[PciDevice]) -> Path:
    """Write a file system with these devices below ``folder``; return its root."""
    bus = folder / "sys/bus/pci/devices"
    bus.mkdir(parents=True)
    for device in devices:
        _build_device(folder, bus / device.address, device)
    return folder


def _build_device(root: Path, path: Path, device: PciDevice) -> None:
    if device.pcie_root:
        (root / "sys/devices" / device.pcie_root / device.address).mkdir(parents=True)
        path.symlink_to(f"../../../devices/{device.pcie_root}/{device.address}")
    else:
        path.mkdir()
    contents: dict[str, str | bytes | None] = {
        "vendor": f"0x{device.vendor:04x}\n",
        "class": f"0x{device.pci_class:06x}\n",
        "device": f"0x{device.device:04x}\n",
        "numa_node": f"{device.numa_node}\n",
        "subsystem_vendor": "0x10de\n",
        "subsystem_device": "0x1482\n",
        "resource": _format_windows(BARS.get(device.device, ()) if device.bars is None else device.bars),
        "config": bytes(device.config_bytes),
        **device.files,
    }
    for name, content in contents.items():
        if content is not None:
            (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    links = {
        "driver": device.driver and root / "sys/bus/pci/drivers" / device.driver,
        "iommu_group": device.iommu_group and root / f"sys/kernel/iommu_groups/{device.iommu_group}",
    }
    for name, target in links.items():
        if target and name not in device.files:
            target.mkdir(parents=True, exist_ok=True)
            (path / name).symlink_to(target)
    if device.physical_function:
        (path / "physfn").symlink_to(f"../{device.physical_function}")


def _format_windows(bars: Iterable[tuple[int, int]]) -> str:
    """Return the file ``resource``: 13 windows. A window of 64 bits takes two lines."""
    lines, start = [], 0x3000_0000_0000
    for size, flags in bars:
        lines.append((start, start + size - 1, flags))
        lines += [(0, 0, 0)] if flags & 0x06 == 0x04 else []
        start += 2 * size
    lines += [(0, 0, 0)] * (13 - len(lines))
    return "".join(f"0x{start:016x} 0x{end:016x} 0x{flags:016x}\n" for start, end, flags in lines)
