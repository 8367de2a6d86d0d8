"""The built-in machines and their named MIG layouts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gfd.inventory.model import Engines, Fabric, Vgpu
from gfd.labels.resources import resolve
from gfd.simulation.machines import describe, find_source, list_names, read
from tests.simulation.reading import error_of, profiles

BUILT_IN = (
    "a10",
    "a10-vfio",
    "a10g",
    "a30",
    "a40",
    "b200",
    "b300",
    "dgx-a100",
    "dgx-h100",
    "dgx-spark",
    "dgx-station-a100",
    "gb200-nvl72",
    "gh200",
    "h100",
    "h100-nvl",
    "h20",
    "h200",
    "l4",
    "l40s",
    "mig-doc",
    "mixed-models",
    "no-gpu",
    "orin",
    "rtx-6000-ada",
    "rtx-pro-6000-max-q",
    "rtx-pro-6000-server",
    "rtx-pro-6000-workstation",
    "t4",
    "thor",
    "v100",
)
MIG_CAPABLE = (
    "a30",
    "b200",
    "b300",
    "dgx-a100",
    "dgx-h100",
    "dgx-station-a100",
    "gb200-nvl72",
    "gh200",
    "h100",
    "h100-nvl",
    "h20",
    "h200",
    "mig-doc",
    "mixed-models",
    "rtx-pro-6000-max-q",
    "rtx-pro-6000-server",
    "rtx-pro-6000-workstation",
)
SOURCES = ("real machine", "published output", "data sheet", "made up")
WITH_SCREENS = ("dgx-spark", "rtx-6000-ada", "rtx-pro-6000-max-q", "rtx-pro-6000-workstation")


def test_built_in_names() -> None:
    assert list_names() == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_machine(name: str) -> None:
    inventory = read(name)
    assert describe(name)
    assert "\n" not in describe(name)
    assert read(name) == inventory
    assert inventory.vgpu == Vgpu(is_present=False)
    assert find_source(name) in SOURCES
    indices = [gpu.index for gpu in inventory.gpus]
    assert indices == ([0, 1, 2, 4] if name == "dgx-station-a100" else list(range(len(inventory.gpus))))
    addresses = [gpu.pci_address or "" for gpu in inventory.gpus]
    assert addresses == sorted(addresses)
    uuids = [gpu.uuid or "" for gpu in inventory.gpus]
    if inventory.discovery != "nvml":
        assert uuids == [""] * len(inventory.gpus)
    else:
        assert len(set(uuids)) == len(uuids)
        assert all(uuid.startswith("GPU-") for uuid in uuids)
    for gpu in inventory.gpus:
        assert gpu.is_memory_unified == (name in ("dgx-spark", "orin", "thor"))
        if inventory.discovery == "tegra":
            continue
        assert gpu.pci_class == (0x0300 if name in WITH_SCREENS else 0x0302)
        assert (gpu.memory_bytes is None) == (name in ("a10-vfio", "dgx-spark"))
        assert (gpu.pci_device_id or 0) & 0xFFFF == 0x10DE
        assert gpu.is_mig_capable == bool(gpu.profiles)
        assert not gpu.is_mig_enabled
        assert gpu.mig_devices == ()
        # The profile with seven slices tells it.
        is_told = (9, 0) <= (gpu.compute_capability or (0, 0)) < (12, 0)
        assert (gpu.multiprocessors is not None) == is_told
        assert [profile.enum for profile in gpu.profiles] == sorted(p.enum for p in gpu.profiles)


def test_uuids_differ_between_machines() -> None:
    assert read("h100").gpus[0].uuid != read("dgx-h100").gpus[0].uuid


def test_mig_document() -> None:
    inventory = read("mig-doc", "all-1g.5gb")
    assert inventory.driver_version == "460.73.01"
    assert inventory.cuda_version == 11020
    assert inventory.machine_type == "SYS-1019GP-TT-02-NC24B"
    (gpu,) = inventory.gpus
    assert gpu.name == "A100-PCIE-40GB"
    assert gpu.compute_capability == (8, 0)
    assert gpu.is_mig_enabled
    assert gpu.mig_devices is not None
    assert len(gpu.mig_devices) == 7
    for device in gpu.mig_devices:
        assert device.profile == "1g.5gb"
        assert device.memory_mib == 4864
        assert device.multiprocessors == 14
        assert (device.gi_slices, device.ci_slices) == (1, 1)
        assert device.engines == Engines(copy=1, decoder=0, encoder=0, jpeg=0, ofa=0)
    # Its second example.
    assert profiles(read("mig-doc", "all-3g.20gb")) == [["3g.20gb", "3g.20gb"]]


def test_figures_of_a_whole_gpu() -> None:
    (gpu,) = read("h100").gpus
    assert gpu.multiprocessors == 132
    assert gpu.engines == Engines(copy=8, decoder=7, encoder=0, jpeg=7, ofa=1)
    assert read("dgx-a100").gpus[0].multiprocessors is None


def test_fabric_of_one_node() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    expected = Fabric(state=3, status=0, cluster_uuid=zero, clique_id=0)
    assert {gpu.fabric for gpu in read("dgx-h100").gpus} == {expected}
    assert read("h100").gpus[0].fabric is None


@pytest.mark.parametrize("name", MIG_CAPABLE)
def test_every_layout_of_every_machine(name: str) -> None:
    first = read(name).gpus[0]
    for profile in first.profiles:
        written = profile.name.replace("+", ".")
        for gpu in read(name, f"all-{written}").gpus:
            assert gpu.is_mig_enabled == (gpu.name == first.name)
            expected = [written] * profile.max_instances if gpu.is_mig_enabled else []
            assert [device.profile for device in gpu.mig_devices or ()] == expected
    balanced = [gpu for gpu in read(name, "all-balanced").gpus if gpu.is_mig_capable]
    assert {len(gpu.mig_devices or ()) for gpu in balanced} <= {3, 4}
    empty = [gpu for gpu in read(name, "all-enabled").gpus if gpu.is_mig_capable]
    assert all(gpu.is_mig_enabled and gpu.mig_devices == () for gpu in empty)
    assert read(name, "all-disabled") == read(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mig-doc", ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]),
        ("a30", ["2g.12gb", "1g.6gb", "1g.6gb"]),
        ("h100", ["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]),
        ("h200", ["3g.71gb", "2g.35gb", "1g.18gb", "1g.18gb"]),
        ("b200", ["3g.90gb", "2g.45gb", "1g.23gb", "1g.23gb"]),
        ("b300", ["3g.135gb", "2g.67gb", "1g.34gb", "1g.34gb"]),
        ("gb200-nvl72", ["3g.93gb", "2g.47gb", "1g.23gb", "1g.23gb"]),
        ("gh200", ["3g.48gb", "2g.24gb", "1g.12gb", "1g.12gb"]),
        ("h100-nvl", ["3g.47gb", "2g.24gb", "1g.12gb", "1g.12gb"]),
        ("h20", ["3g.48gb", "2g.24gb", "1g.12gb", "1g.12gb"]),
        ("rtx-pro-6000-server", ["2g.48gb", "1g.24gb", "1g.24gb"]),
    ],
)
def test_all_balanced(name: str, expected: list[str]) -> None:
    assert profiles(read(name, "all-balanced"))[0] == expected


def test_gpus_without_the_named_layout_do_not_change() -> None:
    gpus = read("mixed-models", "all-1g.6gb+me").gpus
    assert [gpu.is_mig_enabled for gpu in gpus] == [True, False, False]
    assert read("no-gpu", "all-disabled") == read("no-gpu")


STATION = """
description: a station with four A100 and a board for the screen
driver_version: "580.1"
cuda_version: "13.0"
models:
  display:
    name: NAME
    brand: NVIDIA
    architecture: Turing
    compute_capability: "7.5"
    memory_bytes: 4294967296
    pci_device_id: 0x1fb010de
    pci_class: 0x0300
    pcie_generation: 3
    pcie_width: 16
gpus:
  - {model: a100-sxm4-80gb, pci_address: "0000:01:00.0"}
  - {model: a100-sxm4-80gb, pci_address: "0000:47:00.0"}
  - {model: a100-sxm4-80gb, pci_address: "0000:81:00.0"}
  - {model: display, pci_address: "0000:c1:00.0"}
  - {model: a100-sxm4-80gb, pci_address: "0000:c2:00.0"}
"""
"""As nvidia-smi lists a DGX Station A100."""


@pytest.mark.parametrize(
    ("name", "indices", "product", "count"),
    [
        ("DGX Display", [0, 1, 2, 4], "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 28),
        ("NVIDIA DGX Display", [0, 1, 2, 4], "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 28),
        ("NVIDIA DGX Display 2", [0, 1, 2, 3, 4], "NVIDIA-A100-SXM4-80GB-MIG-INVALID", 0),
    ],
)
def test_display_boards_are_left_out(
    tmp_path: Path, name: str, indices: list[int], product: str, count: int
) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(STATION.replace("NAME", name))
    found = read(str(path), "all-1g.10gb")
    assert [gpu.index for gpu in found.gpus] == indices
    (resource,) = resolve(found, mig_strategy="single").resources
    assert (resource.product, resource.count) == (product, count)


def test_the_board_for_the_screen_of_a_station_is_left_out() -> None:
    station = read("dgx-station-a100", "all-1g.10gb")
    assert {gpu.name for gpu in station.gpus} == {"NVIDIA A100-SXM4-80GB"}
    (resource,) = resolve(station, mig_strategy="single").resources
    assert (resource.product, resource.count) == ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 28)


def test_names_in_any_case() -> None:
    assert read("DGX-H100") == read("dgx-h100")
    assert read("dgx-h100").gpus[0].uuid == read("Dgx-H100").gpus[0].uuid


def test_unknown_names_are_errors() -> None:
    assert error_of("mig-dok") == (
        "--simulate (command line): there is no machine mig-dok; did you mean mig-doc? "
        "gfd machines lists all of them"
    )
    assert error_of("???") == (
        "--simulate (command line): there is no machine ???; gfd machines lists all of them"
    )
    assert error_of(",") == "--simulate (command line): there is no machine ,; gfd machines lists all of them"
    assert error_of("a30,t4") == (
        "--simulate (command line): a30,t4 names several machines; only gfd match, nodes and select take "
        "several"
    )
    assert error_of("a30", "all-1g.5gb") == (
        "--mig (command line): the machine has no layout all-1g.5gb; did you mean all-1g.6gb? "
        "known are all-disabled, all-enabled, all-balanced, all-1g.6gb, all-2g.12gb, all-4g.24gb, "
        "all-1g.6gb.me, all-2g.12gb.me"
    )
    assert error_of("t4", "all-balanced") == (
        "--mig (command line): the machine does not support all-balanced: Tesla T4 has no MIG"
    )
    assert error_of("no-gpu", "all-enabled") == (
        "--mig (command line): the machine does not support all-enabled: there is no GPU"
    )
    assert error_of("nowhere/node.yaml") == "--simulate (command line): file nowhere/node.yaml does not exist"
    assert error_of("a30", None, "x") == "--mig-config (command line): needs --mig with a mig-parted file"
    assert error_of("a30", "all-1g.6gb", "x") == (
        "--mig-config (command line): chooses a layout in a mig-parted file, but --mig all-1g.6gb "
        "is not a file"
    )


def test_importing_the_module_does_not_import_yaml() -> None:
    import subprocess

    code = "import sys, gfd.simulation.machines; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
