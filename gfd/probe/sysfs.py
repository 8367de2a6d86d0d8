"""Read facts from the kernel's files, without NVML: machine type, PCI class and root, NUMA node, vGPU.

Functions take the root of the file system, so that tests can use another one. The files of PCI devices are
read with plain system calls, because a large machine has hundreds of devices.
"""

from __future__ import annotations

import contextlib
import os
import re
from functools import cache
from pathlib import Path

from gfd.files import MACHINE_TYPE_BYTES, read_text
from gfd.inventory.model import FactFailure, Vgpu

ROOT = Path("/")
PCI_DEVICES = Path("sys/bus/pci/devices")
NVIDIA_VENDOR = 0x10DE

_TEGRA_RELEASE = "etc/nv_tegra_release"
_SOC_FAMILY = "sys/devices/soc0/family"

_DISPLAY_CONTROLLER = 0x03
_PCIE_ROOT = re.compile("pci[0-9a-f]{4,8}:[0-9a-f]{2}")

_CONFIG_BYTES = 256
"""The part of the PCI configuration space that holds capabilities. A PCIe device has 4096 bytes, but reading
them goes to the device: 24 ms in a virtual machine.
"""
_EXTENDED_BYTES = 4096
_PAGE_BYTES = 4096
"""The limit of a sysfs file."""
_STATUS = 0x06
_STATUS_HAS_CAPABILITIES = 0x10
_CAPABILITIES = 0x34
_VENDOR_SPECIFIC = 0x09
_VGPU_SIGNATURE = b"VF"
_VGPU_RECORDS = 5
_VGPU_TEXT = 10


def read_machine_type(path: str) -> tuple[str | None, FactFailure | None]:
    """Return the DMI product name from the file ``path``, stripped."""
    if not path:
        return None, None
    try:
        return read_text(path, MACHINE_TYPE_BYTES, errors="replace").strip(), None
    except OSError as error:
        return None, _failure("machine_type", path, "", error)


def read_pci_class(address: str, root: Path = ROOT) -> tuple[int | None, FactFailure | None]:
    """Return base class and sub-class of an NVIDIA PCI device, such as 0x0302 for a 3D controller."""
    folder = f"{pci_devices(root)}/{address}"
    try:
        if _read_number(f"{folder}/vendor") != NVIDIA_VENDOR:
            return None, FactFailure(
                fact="pci_class",
                source=f"{folder}/vendor",
                device=address,
                reason="not an NVIDIA device",
            )
        return _read_number(f"{folder}/class") >> 8, None
    except (OSError, ValueError) as error:
        return None, _failure("pci_class", folder, address, error)


@cache
def pci_devices(root: Path) -> str:
    """Return the folder with a link for each PCI device."""
    return str(root / PCI_DEVICES)


def read_numa_node(address: str, root: Path = ROOT) -> int | None:
    """Return the NUMA node of a PCI device; None if the kernel shows none."""
    try:
        node = _read_number(f"{pci_devices(root)}/{address}/numa_node")
    except (OSError, ValueError):
        return None
    return node if node >= 0 else None


def read_pcie_root(address: str, root: Path = ROOT) -> str | None:
    """Return the PCIe root complex of a PCI device, such as pci0000:3a; None if the kernel shows none."""
    try:
        # The link shows the way to the device: ../../../devices/pci0000:3a/0000:3a:01.0/0000:3b:00.0
        way = os.readlink(f"{pci_devices(root)}/{address}")  # noqa: PTH115
    except OSError:
        return None
    return next((name for name in way.split("/") if _PCIE_ROOT.fullmatch(name)), None)


def to_address(bus_id: str) -> str:
    """Convert a PCI address from NVML's ``00000000:3B:00.0`` to sysfs's ``0000:3b:00.0``."""
    domain, colon, rest = bus_id.lower().partition(":")
    return f"{domain.lstrip('0'):0>4}{colon}{rest}"


def find_gpus(root: Path = ROOT) -> tuple[str, ...]:
    """Return the addresses of NVIDIA's display controllers on the PCI bus; no driver is needed."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted((root / PCI_DEVICES).iterdir()):
            with contextlib.suppress(OSError, ValueError):
                is_display = _read_number(f"{folder}/class") >> 16 == _DISPLAY_CONTROLLER
                if is_display and _read_number(f"{folder}/vendor") == NVIDIA_VENDOR:
                    found.append(folder.name)
    return tuple(found)


def has_gpu(root: Path = ROOT) -> bool:
    """Return whether the PCI bus shows an NVIDIA display controller."""
    return bool(find_gpus(root))


def read_vgpu(root: Path = ROOT) -> tuple[Vgpu | None, FactFailure | None]:
    """Return whether this machine is the guest of a vGPU host, and that host's driver.

    The vendor-specific capability in the PCI configuration space shows it. Without CAP_SYS_ADMIN the kernel
    shows only the first 64 bytes of that space, and the result is unknown.
    """
    vgpu = Vgpu(is_present=False)
    failure = None
    try:
        devices = pci_devices(root)
        for name in sorted(os.listdir(devices)):  # noqa: PTH208
            if _read_number(f"{devices}/{name}/vendor") != NVIDIA_VENDOR:
                continue
            source = f"{devices}/{name}/config"
            config = _read(source, _CONFIG_BYTES)
            if len(config) < _CONFIG_BYTES:
                return None, FactFailure(
                    fact="vgpu",
                    source=source,
                    device=name,
                    reason=f"only {len(config)} of 256 bytes can be read; CAP_SYS_ADMIN is needed",
                )
            capability = _find_capability(config)
            if capability[3:5] != _VGPU_SIGNATURE:
                continue
            vgpu = Vgpu(is_present=True)
            # Its records can go beyond the first 256 bytes.
            capability = _find_capability(_read(source, _EXTENDED_BYTES))
            host_driver = _find_host_driver(capability)
            if host_driver is None:
                failure = FactFailure(
                    fact="vgpu.host_driver",
                    source=source,
                    device=name,
                    reason="the vGPU capability holds no driver version record",
                )
            else:
                version, branch = host_driver
                vgpu = Vgpu(is_present=True, host_driver_version=version, host_driver_branch=branch)
    except (OSError, ValueError) as error:
        return None, _failure("vgpu", pci_devices(root), "", error)
    return vgpu, failure


def _find_capability(config: bytes) -> bytes:
    """Return the vendor-specific capability of a PCI configuration space, empty if it has none."""
    if not config[_STATUS] & _STATUS_HAS_CAPABILITIES:
        return b""
    visited: set[int] = set()
    position = config[_CAPABILITIES]
    while position and position not in visited and position <= 253:
        visited.add(position)
        identity, following, length = config[position : position + 3]
        if identity == 0xFF:
            break
        if identity == _VENDOR_SPECIFIC:
            return config[position : position + length]
        position = following
    return b""


def _find_host_driver(capability: bytes) -> tuple[str, str] | None:
    """Return version and branch of the vGPU host's driver, from record 0 of the capability."""
    position = _VGPU_RECORDS
    while position + 1 < len(capability) and capability[position] != 0:
        # Without max, a record of length 0 would loop forever.
        position += max(capability[position + 1], 1)
    text = capability[position + 2 : position + 2 + 2 * _VGPU_TEXT]
    if len(text) < 2 * _VGPU_TEXT:
        return None
    version, branch = text[:_VGPU_TEXT], text[_VGPU_TEXT:]
    return version.strip(b"\0").decode("latin-1"), branch.strip(b"\0").decode("latin-1")


def _read(path: str, size: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(file, size)
    finally:
        os.close(file)


def read_page(path: str) -> str:
    """Return the text of a file in sysfs, at most a page. Raises OSError, and ValueError for other bytes."""
    return _read(path, _PAGE_BYTES).decode()


def _read_number(path: str) -> int:
    return int(_read(path, 64).decode().strip(), 0)


def _failure(fact: str, source: str, device: str, error: Exception) -> FactFailure:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return FactFailure(fact=fact, source=source, device=device, reason=reason)


def has_tegra_files(root: Path) -> bool:
    """Return whether the file system is that of a Tegra machine, such as a Jetson."""
    release = root / _TEGRA_RELEASE
    if release.exists() and not release.is_dir():
        return True
    try:
        return read_page(str(root / _SOC_FAMILY)).lower().startswith("tegra")
    except (OSError, ValueError):
        return False
