"""GPUs that are bound to vfio-pci, on PCI buses in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.errors import DriverUnavailable
from gfd.inventory import snapshot
from gfd.inventory.model import FactFailure, FailedGpu, Gpu, Inventory, Vgpu
from gfd.probe import vfio
from gfd.probe.pci_ids import SHIPPED
from gfd.simulation import machines
from tests.pci_bus import (
    A10,
    AUDIO,
    GIB,
    GRAPHICS,
    H100,
    INTEL,
    MIB,
    PLAIN_32,
    PREFETCHABLE_64,
    T4,
    UNKNOWN,
    PciDevice,
    build_bus,
)

FIRST, SECOND = "0000:17:00.0", "0000:65:00.0"


def read(tmp_path: Path, *devices: PciDevice) -> Inventory:
    return vfio.read(root=build_bus(tmp_path / "root", devices))


def test_two_gpus(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        PciDevice(address=SECOND, device=H100, numa_node=-1),
        PciDevice(address="0000:00:02.0", vendor=INTEL),
        PciDevice(address=FIRST),
    )
    lines = SHIPPED.read_text().splitlines()
    a10, h100 = (
        next(number for number, line in enumerate(lines, 1) if line.startswith(f"\t{device:04x}"))
        for device in (A10, H100)
    )
    expected = Inventory(
        discovery="vfio",
        gpus=(
            Gpu(
                index=0,
                name="GA102GL [A10]",
                name_source=f"{SHIPPED}:{a10}",
                architecture="Ampere",
                pci_address=FIRST,
                pci_device_id=0x223610DE,
                pci_class=0x0302,
                numa_node=0,
                addressable_bytes=64 * GIB,
            ),
            Gpu(
                index=1,
                name="GH100 [H100 SXM5 80GB]",
                name_source=f"{SHIPPED}:{h100}",
                architecture="Hopper",
                pci_address=SECOND,
                pci_device_id=0x233010DE,
                pci_class=0x0302,
                addressable_bytes=256 * GIB,
            ),
        ),
        vgpu=Vgpu(is_present=False),
    )
    assert inventory == expected
    assert snapshot.from_plain(Inventory, snapshot.to_plain(inventory), "") == inventory


def test_the_simulated_machine_is_like_a_real_one(tmp_path: Path) -> None:
    inventory = read(
        tmp_path,
        PciDevice(address=FIRST, pcie_root="pci0000:16"),
        PciDevice(address=SECOND, pcie_root="pci0000:64", numa_node=1),
    )
    gpus = tuple(gpu._replace(name_source=None) for gpu in inventory.gpus)
    simulated = machines.read("a10-vfio")
    assert simulated._replace(machine_type=None) == inventory._replace(gpus=gpus)


@pytest.mark.parametrize(
    ("device", "is_counted"),
    [
        (PciDevice(), True),
        (PciDevice(driver="nvgrace_gpu_vfio_pci"), True),
        (PciDevice(driver="nvidia-vgpu-vfio-pci"), True),
        (PciDevice(pci_class=GRAPHICS), True),
        (PciDevice(iommu_group=None), True),
        (PciDevice(files={"subsystem_vendor": None, "config": None}), True),
        (PciDevice(driver="nvidia"), False),
        (PciDevice(driver="nouveau"), False),
        (PciDevice(driver="vfio-pci-core"), False),
        (PciDevice(driver=None), False),
        (PciDevice(driver=None, files={"numa_node": None}), False),
        (PciDevice(pci_class=AUDIO), False),
        (PciDevice(pci_class=0x030001), False),
        (PciDevice(pci_class=AUDIO, files={"vendor": None}), False),
        (PciDevice(vendor=INTEL, files={"class": None}), False),
        (PciDevice(physical_function="."), False),
    ],
)
def test_which_gpus_count(tmp_path: Path, device: PciDevice, is_counted: bool) -> None:
    inventory = read(tmp_path, device)
    assert (len(inventory.gpus), inventory.failed_gpus) == (int(is_counted), ())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vendor", None, "No such file or directory"),
        ("class", "compute", "'compute' is not a number"),
        ("class", b"\xff", "it is not text"),
        ("device", "", "'' is not a number"),
        ("device", "0x12345", "0x12345 is not from 0 to 65535"),
        ("numa_node", None, "No such file or directory"),
        ("numa_node", "-2", "-2 is not from -1 to 65535"),
        ("resource", None, "No such file or directory"),
        ("resource", "0x0 0x0", "'0x0 0x0' is not a start, an end and flags"),
        ("resource", "a b c d", "'a b c d' is not a start, an end and flags"),
    ],
)
def test_a_gpu_that_cannot_be_read_is_left_out(
    tmp_path: Path, name: str, content: str | bytes | None, reason: str
) -> None:
    inventory = read(tmp_path, PciDevice(address=FIRST, files={name: content}), PciDevice(address=SECOND))
    source = f"{tmp_path}/root/sys/bus/pci/devices/{FIRST}/{name}"
    failure = FactFailure(fact="gpu", source=source, device=FIRST, reason=reason)
    assert inventory.failed_gpus == (FailedGpu(index=0, failure=failure, pci_address=FIRST),)
    assert [(gpu.index, gpu.pci_address) for gpu in inventory.gpus] == [(1, SECOND)]


def test_links_that_cannot_be_followed(tmp_path: Path) -> None:
    root = build_bus(
        tmp_path, (PciDevice(address=FIRST, driver=None), PciDevice(address=SECOND, driver=None))
    )
    devices = root / "sys/bus/pci/devices"
    (devices / FIRST / "driver").symlink_to("driver")
    (devices / SECOND / "driver").symlink_to("gone")
    inventory = vfio.read(root=root)
    assert inventory.gpus == ()
    assert [gpu.failure.reason for gpu in inventory.failed_gpus] == ["Too many levels of symbolic links"]


def test_names_that_are_no_addresses(tmp_path: Path) -> None:
    assert len(read(tmp_path, PciDevice(address="device"), PciDevice(address="10000:00:00.0")).gpus) == 2


def test_without_a_bus(tmp_path: Path) -> None:
    with pytest.raises(DriverUnavailable, match=r"the PCI bus cannot be read from .*: No such file"):
        vfio.read(root=tmp_path)


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ((), None),
        (((16 * MIB, PLAIN_32),), None),
        (((1, PREFETCHABLE_64),), None),
        (((GIB, PREFETCHABLE_64),), GIB),
        (((GIB, PREFETCHABLE_64), (MIB, PREFETCHABLE_64)), 2 * GIB),
    ],
)
def test_address_space(tmp_path: Path, bars: tuple[tuple[int, int], ...], expected: int | None) -> None:
    (gpu,) = read(tmp_path, PciDevice(bars=bars)).gpus
    assert gpu.addressable_bytes == expected


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("GF100GL [Tesla M2090]", "Fermi"),
        ("GK210GL [Tesla K80]", "Kepler"),
        ("GM200GL [Tesla M40]", "Maxwell"),
        ("GP100GL [Tesla P100 PCIe 16GB]", "Pascal"),
        ("GV100GL [Tesla V100 PCIe 16GB]", "Volta"),
        ("TU104GL [Tesla T4]", "Turing"),
        ("GA102GL [A10]", "Ampere"),
        ("AD102GL [L40S]", "Ada Lovelace"),
        ("GH100 [GH200 120GB / 480GB]", "Hopper"),
        ("GB202GL [RTX PRO 6000 Blackwell Server Edition]", "Blackwell"),
        ("GR100", "Rubin"),
        ("G80 [GeForce 8800 GTX]", None),
        ("GA", None),
        ("C51 [GeForce 6150 LE]", None),
        ("", None),
    ],
)
def test_architecture(name: str, architecture: str | None) -> None:
    assert vfio.find_architecture(name) == architecture


def test_an_unknown_device_has_no_architecture(tmp_path: Path) -> None:
    (gpu,) = read(tmp_path, PciDevice(device=UNKNOWN)).gpus
    assert (gpu.name, gpu.name_source, gpu.architecture) == ("UNKNOWN_DEVICE", None, None)


def test_each_list_is_read_once(tmp_path: Path) -> None:
    pci_ids = tmp_path / "usr/share/misc/pci.ids"
    pci_ids.parent.mkdir(parents=True)
    pci_ids.write_text("10de  NVIDIA\n\t1eb8  TU104GL [The host's name]\n")
    devices = (PciDevice(address=FIRST, device=T4), PciDevice(address=SECOND, device=A10))
    gpus = vfio.read(root=build_bus(tmp_path, devices)).gpus
    assert [gpu.name for gpu in gpus] == ["TU104GL [The host's name]", "GA102GL [A10]"]
    assert gpus[0].name_source == f"{pci_ids}:2"
