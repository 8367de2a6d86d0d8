from __future__ import annotations

from pathlib import Path

import pytest

from gfd.inventory.model import Vgpu
from gfd.probe import sysfs

ADDRESS = "0000:3b:00.0"


def record(identity: int, data: bytes) -> bytes:
    return bytes([identity, len(data) + 2]) + data


HOST = record(0, b"460.16".ljust(10, b"\0") + b"r460_00".ljust(10, b"\0"))


def config(*capabilities: bytes, status: int = 0x10, first: int = 0x40) -> bytes:
    """Return a PCI configuration space with these capabilities, one after another from 0x40."""
    space = bytearray(256)
    space[0x06] = status
    position = 0x40
    for number, capability in enumerate(capabilities):
        following = position + len(capability) if number < len(capabilities) - 1 else 0
        space[position : position + len(capability)] = capability
        space[position + 1] = following
        position += len(capability)
    space[0x34] = first
    return bytes(space)


def capability(records: bytes = HOST, signature: bytes = b"VF", identity: int = 0x09) -> bytes:
    return bytes([identity, 0, 5 + len(records)]) + signature + records


PLAIN = bytes([0x05, 0, 0, 0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / sysfs.PCI_DEVICES).mkdir(parents=True)
    return tmp_path


def add(root: Path, address: str = ADDRESS, **files: str | bytes) -> None:
    folder = root / sysfs.PCI_DEVICES / address
    folder.mkdir()
    for name, content in {"vendor": "0x10de\n", "class": "0x030200\n", "config": config(), **files}.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def test_machine_type(tmp_path: Path) -> None:
    path = tmp_path / "product_name"
    path.write_bytes(b" DGX \xff A100\n")
    assert sysfs.read_machine_type(str(path)) == ("DGX \N{REPLACEMENT CHARACTER} A100", None)
    assert sysfs.read_machine_type("") == (None, None)
    machine_type, failure = sysfs.read_machine_type(str(tmp_path / "gone"))
    assert machine_type is None
    assert failure is not None
    assert (failure.fact, failure.reason) == ("machine_type", "No such file or directory")


def test_pci_class(root: Path) -> None:
    add(root)
    assert sysfs.read_pci_class(ADDRESS, root) == (0x0302, None)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"vendor": "0x8086\n"}, "not an NVIDIA device"),
        ({"class": "many\n"}, "invalid literal for int() with base 0: 'many'"),
    ],
)
def test_unreadable_pci_class(root: Path, files: dict[str, str], reason: str) -> None:
    add(root, **files)
    pci_class, failure = sysfs.read_pci_class(ADDRESS, root)
    assert pci_class is None
    assert failure is not None
    assert failure.reason == reason


def test_pci_class_of_a_missing_device(root: Path) -> None:
    pci_class, failure = sysfs.read_pci_class(ADDRESS, root)
    assert pci_class is None
    assert failure is not None
    assert failure.reason == "No such file or directory"


@pytest.mark.parametrize(("content", "node"), [("1\n", 1), ("-1\n", None), ("x", None)])
def test_numa_node(root: Path, content: str, node: int | None) -> None:
    add(root, numa_node=content)
    assert sysfs.read_numa_node(ADDRESS, root) == node


def test_numa_node_of_a_missing_device(root: Path) -> None:
    assert sysfs.read_numa_node(ADDRESS, root) is None


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("../../../devices/pci0000:3a/0000:3a:01.0/0000:3b:00.0", "pci0000:3a"),
        ("../../../devices/LNXSYSTM:00/VMBUS:00/4711/pci10001:00/10001:00:00.0", "pci10001:00"),
        ("../../../devices/platform/0000:3b:00.0", None),
    ],
)
def test_pcie_root(root: Path, way: str, name: str | None) -> None:
    (root / sysfs.PCI_DEVICES / ADDRESS).symlink_to(way)
    assert sysfs.read_pcie_root(ADDRESS, root) == name


def test_pcie_root_of_a_missing_device(root: Path) -> None:
    assert sysfs.read_pcie_root(ADDRESS, root) is None


def test_no_vgpu(root: Path) -> None:
    add(root, "0000:00:00.0", vendor="0x8086\n", config=b"")
    add(root)
    assert sysfs.read_vgpu(root) == (Vgpu(is_present=False), None)


@pytest.mark.parametrize(
    "space",
    [
        pytest.param(config(capability()), id="alone"),
        pytest.param(config(PLAIN, capability()), id="behind another capability"),
        pytest.param(config(capability(record(1, b"abc") + HOST)), id="behind another record"),
    ],
)
def test_a_vgpu(root: Path, space: bytes) -> None:
    add(root, config=space)
    host = Vgpu(is_present=True, host_driver_version="460.16", host_driver_branch="r460_00")
    assert sysfs.read_vgpu(root) == (host, None)


@pytest.mark.parametrize(
    "space",
    [
        pytest.param(config(capability(), status=0), id="no capability list"),
        pytest.param(config(capability(signature=b"XX")), id="another signature"),
        pytest.param(config(bytes([0xFF, 0, 0])), id="a broken chain"),
        pytest.param(config(bytes([0x05, 0x40, 0]), PLAIN), id="another capability"),
        pytest.param(config(first=0xFF), id="a chain that leaves the space"),
        pytest.param(config(capability()[:4]), id="a capability that is too short"),
    ],
)
def test_not_a_vgpu(root: Path, space: bytes) -> None:
    add(root, config=space)
    assert sysfs.read_vgpu(root) == (Vgpu(is_present=False), None)


def test_a_loop_of_capabilities(root: Path) -> None:
    space = bytearray(config(PLAIN))
    space[0x41] = 0x40
    add(root, config=bytes(space))
    assert sysfs.read_vgpu(root) == (Vgpu(is_present=False), None)


@pytest.mark.parametrize("records", [b"", record(1, b""), record(0, b"short"), bytes([1, 0, 1, 0])])
def test_a_vgpu_without_a_host_driver(root: Path, records: bytes) -> None:
    add(root, config=config(capability(records)))
    vgpu, failure = sysfs.read_vgpu(root)
    assert vgpu == Vgpu(is_present=True)
    assert failure is not None
    assert failure.reason == "the vGPU capability holds no driver version record"


def test_records_beyond_256_bytes(root: Path) -> None:
    long = config(capability(record(1, b"x" * 200) + HOST))
    add(root, config=long + bytes(4096 - len(long)))
    host = Vgpu(is_present=True, host_driver_version="460.16", host_driver_branch="r460_00")
    assert sysfs.read_vgpu(root) == (host, None)


def test_only_256_bytes_are_read(root: Path) -> None:
    """Every word goes to the device; 4096 bytes are slow in a virtual machine."""
    add(root, config=config().ljust(4096, b"\0"))
    counters = Path("/proc/self/io")
    before = int(counters.read_text().split()[1])
    sysfs.read_vgpu(root)
    assert int(counters.read_text().split()[1]) - before < 600


def test_without_cap_sys_admin(root: Path) -> None:
    add(root, config=config()[:64])
    vgpu, failure = sysfs.read_vgpu(root)
    assert vgpu is None
    assert failure is not None
    assert failure.reason == "only 64 of 256 bytes can be read; CAP_SYS_ADMIN is needed"


def test_without_pci(tmp_path: Path) -> None:
    vgpu, failure = sysfs.read_vgpu(tmp_path)
    assert vgpu is None
    assert failure is not None
    assert failure.reason == "No such file or directory"
