"""Machine files of your own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.errors import ConfigError, DocumentError
from gfd.inventory.model import Fabric, Gpu, Inventory, Vgpu
from gfd.simulation import machines
from gfd.simulation.machines import read
from tests.simulation.reading import error_of, profiles

MINIMAL = """
driver_version: "580.1"
cuda_version: "13.0"
gpus:
  - {model: a30, pci_address: "0000:0b:00.0"}
"""


def test_minimal_file(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(MINIMAL)
    inventory = read(str(path), "all-2g.12gb")
    assert inventory.machine_type is None
    assert profiles(inventory) == [["2g.12gb", "2g.12gb"]]


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    path.write_text('{"driver_version": "580.1", "cuda_version": "13.0", "gpus": []}')
    assert read(str(path)).gpus == ()


def test_built_in_file_by_path() -> None:
    assert read(str(machines.FOLDER / "h100.yaml")) == read("h100")


def test_own_models_and_overrides(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(
        """
driver_version: "580.1"
cuda_version: "13.0"
machine_type: Made up
vgpu: {is_present: true, host_driver_version: "580.2", host_driver_branch: r580_00}
models:
  small: {name: Small, brand: NVIDIA, architecture: Blackwell, compute_capability: "10.0",
          memory_bytes: 10737418240, pci_device_id: 0x123410de, pci_class: 0x0300, pcie_generation: 5,
          pcie_width: 8, mig: small}
mig:
  small:
    memory_slices: 2
    compute_slices: 2
    profiles:
      1g.5gb-me: {enum: 13, id: 1, slices: 1, max_instances: 2, multiprocessors: 8, copy: 1, decoder: 0,
                  jpeg: 0, ofa: 0, encoder: 1, memory_mib: 5000, size: 1, starts: [0, 1]}
gpus:
  - {model: small, pci_address: "0000:0b:00.0", uuid: GPU-1, numa_node: 1,
     fabric: {state: 3, status: 0, cluster_uuid: abc, clique_id: 7}}
  - {model: small, pci_address: "0000:0a:00.0", mig: null, name: Smaller}
"""
    )
    inventory = read(str(path))
    assert inventory.vgpu == Vgpu(is_present=True, host_driver_version="580.2", host_driver_branch="r580_00")
    first, second = inventory.gpus
    assert (first.index, first.name, first.is_mig_capable, first.numa_node) == (0, "Smaller", False, None)
    assert (second.uuid, second.numa_node, second.profiles[0].name) == ("GPU-1", 1, "1g.5gb-me")
    assert second.profiles[0].engines.encoder == 1
    assert second.fabric == Fabric(state=3, status=0, cluster_uuid="abc", clique_id=7)
    # It has no balanced layout and no profile that is the whole GPU.
    assert second.multiprocessors is None
    assert "known are all-disabled, all-enabled, all-1g.5gb-me" in error_of(str(path), "all-balanced")
    # Two of them would need two encoders; the GPU has as many as its largest profile.
    assert "does not fit on GPU 1 (Small): 2" in error_of(str(path), "all-1g.5gb-me")


def test_memory_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    text = MINIMAL.replace("model: a30,", "model: a30, mig: null, memory_bytes: null,")
    path.write_text(text)
    (gpu,) = read(str(path)).gpus
    assert (gpu.memory_bytes, gpu.is_memory_unified, gpu.is_mig_capable) == (None, True, False)
    path.write_text(text.replace("mig: null,", ""))
    with pytest.raises(DocumentError, match="expected a whole number of at least 1, found nothing"):
        read(str(path))


CONNECTED = """
driver_version: "580.1"
cuda_version: "13.0"
models:
  a30-nvl: {name: NVIDIA A30, brand: NVIDIA, architecture: Ampere, compute_capability: "8.0",
            memory_bytes: 25769803776, pci_device_id: 0x20b710de, pci_class: 0x0302, pcie_generation: 4,
            pcie_width: 16, power_limit_mw: 165000, power_default_limit_mw: 165000, nvlink_links: 4}
gpus:
  - {model: a30-nvl, pci_address: "0000:0b:00.0", pcie_root: "pci0000:0a", nvlink_peers: [1]}
  - {model: a30-nvl, pci_address: "0000:1b:00.0", power_limit_mw: 150000, nvlink_links: 0, nvlink_peers: []}
  - {model: a30, pci_address: "0000:2b:00.0"}
"""


def test_power_and_nvlink(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(CONNECTED)
    facts = [
        (gpu.power_limit_mw, gpu.power_default_limit_mw, gpu.nvlink_links, gpu.nvlink_peers, gpu.pcie_root)
        for gpu in read(str(path)).gpus
    ]
    assert facts == [
        (165_000, 165_000, 4, (1,), "pci0000:0a"),
        (150_000, 165_000, 0, (), None),
        (165_000, 165_000, None, None, None),
    ]
    path.write_text(CONNECTED.replace("pci0000:0a", "0000:0a"))
    with pytest.raises(DocumentError, match=r'gpus\[0\]\.pcie_root: expected a PCIe root .* "pci0000:3a"'):
        read(str(path))


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        (
            '"580.1"',
            "580.1",
            "driver_version",
            "expected a string, found the number 580.1; put it in quotes",
        ),
        ('"13.0"', '"13"', "cuda_version", "expected a version such as \"12.4\", found the string '13'"),
        ("cuda_version", "cuda_versoin", "cuda_versoin", "unknown key; did you mean cuda_v"),
        ("model: a30", "model: a31", "gpus[0].model", "there is no a31; did you mean a30? known are"),
        ("model: a30", "modul: a30", "gpus[0].modul", "unknown key; did you mean model?"),
        (
            '"0000:0b:00.0"',
            "0b:00",
            "gpus[0].pci_address",
            'expected a PCI address such as "0000:3b:00.0", found',
        ),
        ("model: a30,", "model: a30, mig: x,", "gpus[0].mig", "there is no x; known are"),
        (
            "model: a30,",
            "model: a30, memory_bytes: -1,",
            "gpus[0].memory_bytes",
            "expected a whole number of at",
        ),
        (
            "model: a30,",
            "model: a30, numa_node: true,",
            "gpus[0].numa_node",
            "expected a whole number of at",
        ),
        (
            "model: a30,",
            "model: a30, memory_bytes: 85899345920,",
            "mig.a30.profiles[1g.6gb]",
            "must be named 1g.",
        ),
        (
            "gpus:",
            "vgpu: {is_present: 1}\ngpus:",
            "vgpu.is_present",
            "expected true or false, found the number 1",
        ),
        ("gpus:", "vgpu: 1\ngpus:", "vgpu", "expected a mapping, found"),
        ("gpus:", "gpus: x\nvgpu:", "gpus", "expected a list, found"),
        ("gpus:", "fabric: {1: 2}\ngpus:", "fabric.1", "unknown key; known are state"),
    ],
)
def test_errors_name_the_field(tmp_path: Path, old: str, new: str, field: str, reason: str) -> None:
    path = tmp_path / "node.yaml"
    text = MINIMAL.replace(old, new)
    if field == "gpus":
        text = text[: text.index("vgpu:")]
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        read(str(path))
    assert caught.value.path == field
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("enum: 17", "enum", "17 is not a known GPU-instance profile"),
        ("starts: []", "starts", "must be slices at which 1 of 8 slices fit"),
        ("starts: [8]", "starts", "must be slices at which 1 of 8 slices fit"),
    ],
)
def test_errors_in_a_profile(tmp_path: Path, row: str, field: str, reason: str) -> None:
    cells = {"enum": "enum: 0", "starts": "starts: [0]", row.partition(":")[0]: row}
    path = tmp_path / "node.yaml"
    path.write_text(
        MINIMAL.replace("model: a30", "model: a30, mig: own")
        + f"""
mig:
  own:
    memory_slices: 8
    compute_slices: 7
    profiles:
      1g.6gb: {{{cells["enum"]}, {cells["starts"]}, id: 1, slices: 1, max_instances: 1, multiprocessors: 1,
                copy: 1, decoder: 0, jpeg: 0, ofa: 0, memory_mib: 5952, size: 1}}
"""
    )
    with pytest.raises(DocumentError) as caught:
        read(str(path))
    assert (caught.value.path, caught.value.reason) == (f"mig.own.profiles[1g.6gb].{field}", reason)


def test_duplicate_address_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(MINIMAL + '  - {model: t4, pci_address: "0000:0b:00.0"}\n')
    with pytest.raises(DocumentError, match=r"gpus: two GPUs have the address 0000:0b:00\.0; change one$"):
        read(str(path))


def test_invalid_yaml(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text("a: [")
    with pytest.raises(DocumentError, match="is not valid YAML"):
        read(str(path))
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DocumentError, match="is not valid YAML: it is not text in UTF-8"):
        read(str(path))


VFIO = """\
description: one GPU for virtual machines
discovery: vfio
gpus:
  - {model: own, pci_address: "0000:17:00.0"}
models:
  own: {name: "XY999 [Own]", pci_device_id: 0x123410de, pci_class: 0x0300}
"""


def test_a_gpu_for_virtual_machines(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(VFIO)
    gpu = Gpu(
        index=0, name="XY999 [Own]", pci_address="0000:17:00.0", pci_device_id=0x123410DE, pci_class=0x0300
    )
    assert read(str(path)) == Inventory(discovery="vfio", gpus=(gpu,), vgpu=Vgpu(is_present=False))
    assert read(str(path), "all-disabled") == read(str(path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (VFIO.replace("vfio", "cuda"), "expected nvml, tegra or vfio, found cuda"),
        (VFIO + "driver_version: 580.1\n", "a machine with discovery: vfio has no NVIDIA driver; remove it"),
        (VFIO.replace("pci_class", "memory_bytes"), "unknown key"),
        (VFIO.replace("0000:17:00.0", "17:00.0"), "expected a PCI address"),
        (
            VFIO.replace("models:", '  - {model: own, pci_address: "0000:17:00.0"}\nmodels:'),
            "two GPUs have the address 0000:17:00.0; change one",
        ),
    ],
)
def test_errors_about_gpus_for_virtual_machines(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError, match=reason):
        read(str(path))


def test_gpus_for_virtual_machines_have_no_mig(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(VFIO)
    with pytest.raises(ConfigError, match=r"XY999 .* has no MIG"):
        read(str(path), "all-balanced")


@pytest.mark.parametrize(
    ("machine", "watts", "links", "is_all_to_all"),
    [
        ("dgx-h100", 700, 18, True),
        ("dgx-a100", 400, 12, True),
        ("dgx-station-a100", None, 12, True),
        ("b300", None, 18, True),
        ("v100", 300, 6, False),
        ("l4", 72, None, False),
        ("h100", 700, None, False),
        ("dgx-spark", None, None, False),
        ("p5.48xlarge", 700, 18, True),
        ("a3-highgpu-1g", 700, None, False),
        ("a2-highgpu-2g", 400, 12, True),
        ("g6e.12xlarge", 350, None, False),
        ("Standard_NV6ads_A10_v5", None, None, False),
    ],
)
def test_power_and_nvlink_of_built_in_machines(
    machine: str, watts: int | None, links: int | None, is_all_to_all: bool
) -> None:
    gpus = machines.read(machine).gpus
    indices = [gpu.index for gpu in gpus]
    for gpu in gpus:
        limit = None if watts is None else watts * 1000
        assert (gpu.power_limit_mw, gpu.power_default_limit_mw, gpu.nvlink_links) == (limit, limit, links)
        others = tuple(index for index in indices if index != gpu.index)
        assert gpu.nvlink_peers == (others if is_all_to_all else None)


def test_all_to_all_leaves_out_gpus_without_nvlink(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    text = (
        "driver_version: '580.1'\ncuda_version: '13.0'\nnvlink: all-to-all\ngpus:\n"
        "- {model: h100-sxm5-80gb, pci_address: '0000:01:00.0'}\n"
        "- {model: t4, pci_address: '0000:02:00.0'}\n"
        "- {model: h100-sxm5-80gb, pci_address: '0000:03:00.0'}\n"
    )
    path.write_text(text)
    assert [gpu.nvlink_peers for gpu in machines.read(str(path)).gpus] == [(2,), None, (0,)]
    path.write_text(text.replace("all-to-all", "ring"))
    with pytest.raises(DocumentError, match=r"nvlink: expected all-to-all; for anything else, give each GPU"):
        machines.read(str(path))


TEGRA = """\
discovery: tegra
cuda_version: "12.6"
gpus:
  - {model: own}
  - {model: own, name: Smaller, memory_bytes: null}
models:
  own: {name: Own, compute_capability: "8.7", memory_bytes: 1073741824}
"""


def test_gpus_that_cuda_shows(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(TEGRA)
    own = Gpu(index=0, name="Own", compute_capability=(8, 7), memory_bytes=1 << 30, is_memory_unified=True)
    smaller = own._replace(index=1, name="Smaller", memory_bytes=None)
    assert read(str(path)) == Inventory(
        discovery="tegra", cuda_version=12_060, gpus=(own, smaller), vgpu=Vgpu(is_present=False)
    )
    with pytest.raises(ConfigError, match="Own, Smaller has no MIG"):
        read(str(path), "all-balanced")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TEGRA + 'driver_version: "580.1"\n', "CUDA does not show it on a machine with discovery: tegra"),
        (TEGRA.replace("8.7", "8"), "expected a version such as"),
        (TEGRA.replace("{model: own}", '{model: own, pci_address: "0000:17:00.0"}'), "unknown key"),
    ],
)
def test_errors_about_gpus_that_cuda_shows(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError, match=reason):
        read(str(path))


def test_memory_that_only_cuda_shows(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    text = MINIMAL.replace("model: a30,", "model: a30, mig: null, memory_bytes: null,")
    path.write_text(text.replace("mig: null,", "mig: null, unified_memory_bytes: 1073741824,"))
    assert read(str(path)).gpus[0].memory_bytes is None
    (gpu,) = read(str(path), has_unified_memory=True).gpus
    assert (gpu.memory_bytes, gpu.is_memory_unified, gpu.failures) == (1 << 30, True, ())
    path.write_text(text)
    (gpu,) = read(str(path), has_unified_memory=True).gpus
    (failure,) = gpu.failures
    assert str(failure.to_error()) == (
        "memory_bytes of GPU 0 could not be read from cuDeviceTotalMem_v2: the machine file has no"
        " unified_memory_bytes"
    )
