"""The PCI address of a failed GPU, found on the PCI bus if NVML does not tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.inventory.model import FailedGpu
from gfd.probe.failed_gpus import add_addresses
from tests.make import failure, gpu

NVIDIA, DISPLAY = "0x10de", "0x030200"


def plug(root: Path, *addresses: str) -> Path:
    for address in addresses:
        folder = root / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(NVIDIA + "\n")
        (folder / "class").write_text(DISPLAY + "\n")
    return root


def lost(index: int, pci_address: str | None = None) -> FailedGpu:
    return FailedGpu(index=index, failure=failure("gpu"), pci_address=pci_address)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ([lost(1)], [lost(1, "0000:01:00.0")]),
        ([lost(1, "0000:01:00.0")], [lost(1, "0000:01:00.0")]),
        ([], []),
    ],
)
def test_the_only_unused_address(failed: list[FailedGpu], expected: list[FailedGpu], tmp_path: Path) -> None:
    root = plug(tmp_path, "0000:00:00.0", "0000:01:00.0", "0000:02:00.0")
    assert add_addresses(failed, [gpu(0), gpu(2)], root) == expected


def test_several_in_the_order_of_nvml(tmp_path: Path) -> None:
    root = plug(tmp_path, "0000:00:00.0", "0000:01:00.0", "0000:02:00.0", "0000:03:00.0")
    found = add_addresses([lost(1), lost(2, "0000:02:00.0"), lost(3)], [gpu(0)], root)
    assert [each.pci_address for each in found] == ["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"]


def test_more_cards_than_failures_tell_nothing(tmp_path: Path) -> None:
    """Such as a board that only drives a screen, which no list has."""
    root = plug(tmp_path, "0000:00:00.0", "0000:01:00.0", "0000:02:00.0")
    assert add_addresses([lost(1)], [gpu(0)], root) == [lost(1)]
    assert add_addresses([lost(1)], [gpu(0)], tmp_path / "gone") == [lost(1)]
