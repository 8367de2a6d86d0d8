"""Find the name of an NVIDIA device in pci.ids, the public list of PCI devices.

gfd comes with NVIDIA's part of the list. A list on this machine, or below the driver root, is preferred.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gfd.files import read_text
from gfd.probe.driver_files import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = (
    "usr/share/misc/pci.ids",  # Debian, Ubuntu
    "usr/local/share/pci.ids",
    "usr/share/hwdata/pci.ids",  # Red Hat
    "usr/share/pci.ids",  # SUSE
)
"""Where distributions put the list, below the root of a file system."""
SHIPPED = Path(__file__).parent / "data" / "nvidia.pci.ids"
"""NVIDIA's part of Debian's list; ``python -m tests.probe.nvidia_pci_ids`` writes it."""
VENDOR = "10de"

_LIMIT_BYTES = 16 << 20
"""Debian's list of 2026 holds 1.6 MB."""


class DeviceName(NamedTuple):
    """The name of a device and where it was found."""

    text: str
    """As in the list: ``GA102GL [A10]``."""
    source: str
    """File and line: ``/usr/share/misc/pci.ids:1234``."""


class PciIds:
    """The lists of one machine. Each is read at most once, and only if the lists before it lack a device."""

    def __init__(self, root: Path, driver_root: Path | None = None) -> None:
        """``root`` is the file system that is searched after ``driver_root``."""
        roots = [str(each) for each in (driver_root, root) if each is not None and each.is_dir()]
        found = (resolve(path, each) for each in roots for path in PATHS)
        self._paths = [*dict.fromkeys(path for path in found if path), str(SHIPPED)]
        self._names: list[dict[int, DeviceName]] = []

    def find(self, device_id: int) -> DeviceName | None:
        """Return the name of NVIDIA's device with this id; None if no list has it."""
        for position in range(len(self._paths)):
            if position == len(self._names):
                self._names.append(_read(self._paths[position]))
            if device_id in self._names[position]:
                return self._names[position][device_id]
        return None


def list_devices(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and line of each NVIDIA device in the text of a list, without board names."""
    is_nvidia = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line[:1] not in ("", "\t", "#"):
            is_nvidia = line.startswith(VENDOR)
        elif is_nvidia and line.startswith("\t") and not line.startswith("\t\t"):
            yield number, line


def _read(path: str) -> dict[int, DeviceName]:
    """Return the NVIDIA devices of a list; nothing if it cannot be read, since the next list can."""
    try:
        text = read_text(path, _LIMIT_BYTES, errors="replace")
    except OSError:
        return {}
    names = {}
    for number, line in list_devices(text):
        digits, _, name = line.strip().partition(" ")
        if len(digits) == 4 and name.strip():
            try:
                names[int(digits, 16)] = DeviceName(text=name.strip(), source=f"{path}:{number}")
            except ValueError:
                continue  # a line that is damaged hides none of the others
    return names
