"""Read the GPUs that virtual machines can get, from the PCI bus.

Their kernel driver is vfio-pci, so NVIDIA's driver cannot read them, and need not be installed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gfd.errors import DriverUnavailable
from gfd.inventory.model import FactFailure, FailedGpu, Gpu, Inventory
from gfd.inventory.progress import ignore_progress
from gfd.probe import sysfs
from gfd.probe.node import read_without_driver
from gfd.probe.pci_ids import PciIds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gfd.inventory.progress import Progress

GPU_CLASSES = (0x030000, 0x030200)
"""VGA controller, 3D controller."""
DRIVER_ENDINGS = ("vfio-pci", "vfio_pci")
"""How the names of vfio drivers end; nvgrace_gpu_vfio_pci is the one for GH200 and GB200."""
UNKNOWN_DEVICE = "UNKNOWN_DEVICE"
"""The name of a device that is in no list of PCI devices."""

ARCHITECTURES = {
    "GF": "Fermi",
    "GK": "Kepler",
    "GM": "Maxwell",
    "GP": "Pascal",
    "GV": "Volta",
    "TU": "Turing",
    "GA": "Ampere",
    "AD": "Ada Lovelace",
    "GH": "Hopper",
    "GB": "Blackwell",
    "GR": "Rubin",
}
"""First letters of a chip's code name -> architecture."""

_BARS = 6
_WINDOW_TYPE = 0x06
_WINDOW_64_BIT = 0x04


class UnreadableFileError(Exception):
    """A file of a PCI device cannot be read, or has an unexpected content."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class PciGpu(NamedTuple):
    """An NVIDIA GPU on the PCI bus and the kernel driver that it is bound to."""

    address: str
    driver: str
    """Empty without a driver."""
    failure: UnreadableFileError | None = None
    """Why it is unknown whether this is a GPU for virtual machines."""

    @property
    def is_for_vms(self) -> bool:
        """Whether it is bound to a vfio driver."""
        return self.driver.endswith(DRIVER_ENDINGS)


def read(
    *,
    driver_root: Path | None = None,
    machine_type_file: str = "",
    root: Path = sysfs.ROOT,
    progress: Progress = ignore_progress,
) -> Inventory:
    """Return this node's inventory with the GPUs that are bound to a vfio driver.

    ``root`` is the file system whose /sys is read; ``driver_root`` may have a newer list of PCI devices.
    Raises DriverUnavailable if the PCI bus cannot be read.
    """
    progress("reading the PCI bus")
    pci_ids = PciIds(root, driver_root)
    gpus: list[Gpu] = []
    failed: list[FailedGpu] = []
    for device in list_gpus(root):
        if device.failure is None and not device.is_for_vms:
            continue
        index = len(gpus) + len(failed)
        progress(f"reading {device.address}")
        try:
            if device.failure is not None:
                raise device.failure
            gpus.append(_read_gpu(device.address, index, pci_ids, root))
        except UnreadableFileError as error:
            failure = FactFailure(fact="gpu", source=error.path, device=device.address, reason=error.reason)
            failed.append(FailedGpu(index=index, failure=failure, pci_address=device.address))
    inventory = Inventory(discovery="vfio", gpus=tuple(gpus), failed_gpus=tuple(failed))
    return read_without_driver(machine_type_file=machine_type_file, root=root, inventory=inventory)


def list_gpus(root: Path = sysfs.ROOT) -> Iterator[PciGpu]:
    """Yield NVIDIA's GPUs in the order of their addresses, whatever their driver; no virtual functions.

    A device for which that cannot be read has a failure. Raises DriverUnavailable if the PCI bus cannot be
    read.
    """
    folder = sysfs.pci_devices(root)
    try:
        addresses = os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        raise DriverUnavailable(
            f"the PCI bus cannot be read from {folder}: {error.strerror}",
            "run gfd where /sys is mounted, or use --device-discovery-strategy auto",
        ) from error
    for address in sorted(addresses, key=_to_number):
        path = f"{folder}/{address}"
        try:
            if _is_gpu(path):
                yield PciGpu(address=address, driver=_resolve_name(f"{path}/driver"))
        except UnreadableFileError as error:
            yield PciGpu(address=address, driver="", failure=error)


def _is_gpu(path: str) -> bool:
    """Return whether a PCI device is a whole GPU of NVIDIA. Raises UnreadableFileError."""
    try:
        if _read_number(f"{path}/vendor", 0xFFFF) != sysfs.NVIDIA_VENDOR:
            return False
    except UnreadableFileError:
        # Another vendor's network card does not matter, even if it is broken.
        if _read_number(f"{path}/class", 0xFFFFFF) in GPU_CLASSES:
            raise
        return False
    if _read_number(f"{path}/class", 0xFFFFFF) not in GPU_CLASSES:
        return False
    return not _resolve_name(f"{path}/physfn")


def _read_gpu(address: str, index: int, pci_ids: PciIds, root: Path) -> Gpu:
    """Return the GPU at a PCI address. Raises UnreadableFileError."""
    path = f"{sysfs.pci_devices(root)}/{address}"
    device_id = _read_number(f"{path}/device", 0xFFFF)
    numa_node = _read_number(f"{path}/numa_node", 0xFFFF, least=-1)
    name = pci_ids.find(device_id)
    return Gpu(
        index=index,
        name=name.text if name else UNKNOWN_DEVICE,
        name_source=name and name.source,
        architecture=find_architecture(name.text) if name else None,
        pci_address=address,
        pci_device_id=device_id << 16 | sysfs.NVIDIA_VENDOR,
        pci_class=_read_number(f"{path}/class", 0xFFFFFF) >> 8,
        numa_node=numa_node if numa_node >= 0 else None,
        pcie_root=sysfs.read_pcie_root(address, root),
        addressable_bytes=_read_addressable_bytes(f"{path}/resource"),
    )


def find_architecture(name: str) -> str | None:
    """Return the architecture of a device by its chip, the first word: ``GA102GL [A10]`` has a GA102."""
    chip = name.partition(" ")[0]
    letters = next((chip[:end] for end, each in enumerate(chip) if each.isdigit()), "")
    return ARCHITECTURES.get(letters)


def _read_addressable_bytes(path: str) -> int | None:
    """Return the size of the 64-bit memory windows, rounded up to a power of two; None without one.

    Each line of the file has the start, the end and the flags of a window. Raises UnreadableFileError.
    """
    total = 0
    for line in _read_text(path).splitlines()[:_BARS]:
        try:
            start, end, flags = (int(word, 16) for word in line.split())
        except ValueError:
            raise UnreadableFileError(path, f"{line!r} is not a start, an end and flags") from None
        if end > start and flags & _WINDOW_TYPE == _WINDOW_64_BIT:
            total += end - start + 1
    return 1 << (total - 1).bit_length() if total else None


def _read_text(path: str) -> str:
    try:
        return sysfs.read_page(path)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path, getattr(error, "strerror", None) or "it is not text") from error


def _read_number(path: str, most: int, least: int = 0) -> int:
    text = _read_text(path).strip()
    try:
        number = int(text, 0)
    except ValueError:
        raise UnreadableFileError(path, f"{text!r} is not a number") from None
    if not least <= number <= most:
        raise UnreadableFileError(path, f"{text} is not from {least} to {most}")
    return number


def _resolve_name(path: str) -> str:
    """Return the name of what a link leads to; empty without the link. Raises UnreadableFileError."""
    try:
        return os.path.basename(os.path.realpath(path, strict=True))  # noqa: PTH119
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or "it leads nowhere") from error


def _to_number(address: str) -> tuple[int, str]:
    try:
        return int(address.replace(":", "").replace(".", ""), 16), address
    except ValueError:
        return 0, address
