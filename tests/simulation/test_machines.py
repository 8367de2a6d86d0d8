"""Simulated machines: the built-in ones, files of one's own, and layouts by name and by file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gfd.errors import ConfigError, DocumentError
from gfd.inventory.model import Engines, Fabric, Inventory, Vgpu
from gfd.labels.resources import resolve
from gfd.simulation import machines
from gfd.simulation.machines import describe, list_names, read

BUILT_IN = (
    "a30",
    "b200",
    "dgx-a100",
    "dgx-h100",
    "h100",
    "h200",
    "l40s",
    "mig-doc",
    "mixed-models",
    "no-gpu",
    "t4",
    "v100",
)
MIG_CAPABLE = ("a30", "b200", "dgx-a100", "dgx-h100", "h100", "h200", "mig-doc", "mixed-models")

MINIMAL = """
driver_version: "580.1"
cuda_version: "13.0"
gpus:
  - {model: a30, pci_address: "0000:0b:00.0"}
"""


def profiles(inventory: Inventory) -> list[list[str | None]]:
    return [[device.profile for device in gpu.mig_devices or ()] for gpu in inventory.gpus]


def refusal(*arguments: str | None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(*arguments)  # type: ignore[arg-type]
    return str(caught.value)


def test_names() -> None:
    assert list_names() == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_machine(name: str) -> None:
    inventory = read(name)
    assert describe(name)
    assert "\n" not in describe(name)
    assert read(name) == inventory
    assert inventory.vgpu == Vgpu(is_present=False)
    assert [gpu.index for gpu in inventory.gpus] == list(range(len(inventory.gpus)))
    addresses = [gpu.pci_address or "" for gpu in inventory.gpus]
    assert addresses == sorted(addresses)
    assert len({gpu.uuid for gpu in inventory.gpus}) == len(inventory.gpus)
    for gpu in inventory.gpus:
        assert gpu.uuid is not None
        assert gpu.uuid.startswith("GPU-")
        assert gpu.pci_class == 0x0302
        assert (gpu.pci_device_id or 0) & 0xFFFF == 0x10DE
        assert gpu.is_mig_capable == bool(gpu.profiles)
        assert not gpu.is_mig_enabled
        assert gpu.mig_devices == ()
        assert (gpu.multiprocessors is not None) == ((gpu.compute_capability or (0, 0)) >= (9, 0))
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


def test_whole_gpu_figures_are_those_of_the_seven_slice_profile() -> None:
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
    ],
)
def test_balanced_as_mig_parted_does_it(name: str, expected: list[str]) -> None:
    assert profiles(read(name, "all-balanced"))[0] == expected


def test_gpus_that_do_not_offer_a_named_layout_are_left_alone() -> None:
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
def test_a_display_board_is_no_gpu(
    tmp_path: Path, name: str, indices: list[int], product: str, count: int
) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(STATION.replace("NAME", name))
    found = read(str(path), "all-1g.10gb")
    assert [gpu.index for gpu in found.gpus] == indices
    (resource,) = resolve(found, mig_strategy="single").resources
    assert (resource.product, resource.count) == (product, count)


def test_refused_names() -> None:
    assert refusal("mig-dok").startswith(
        "--simulate (command line): there is no machine mig-dok; did you mean mig-doc? known are a30, b200,"
    )
    assert refusal("a30", "all-1g.5gb") == (
        "--mig (command line): the machine has no layout all-1g.5gb; did you mean all-1g.6gb? "
        "known are all-disabled, all-enabled, all-balanced, all-1g.6gb, all-2g.12gb, all-4g.24gb, "
        "all-1g.6gb.me, all-2g.12gb.me"
    )
    assert refusal("t4", "all-balanced") == (
        "--mig (command line): the machine does not support all-balanced: Tesla T4 has no MIG"
    )
    assert refusal("no-gpu", "all-enabled") == (
        "--mig (command line): the machine does not support all-enabled: there is no GPU"
    )
    assert refusal("nowhere/node.yaml") == "--simulate (command line): file nowhere/node.yaml does not exist"
    assert refusal("a30", None, "x") == "--mig-config (command line): needs --mig with a mig-parted file"
    assert refusal("a30", "all-1g.6gb", "x") == (
        "--mig-config (command line): chooses a layout in a mig-parted file, but --mig all-1g.6gb "
        "is not a file"
    )


class TestMachineFile:
    def test_minimal(self, tmp_path: Path) -> None:
        path = tmp_path / "node.yaml"
        path.write_text(MINIMAL)
        inventory = read(str(path), "all-2g.12gb")
        assert inventory.machine_type is None
        assert profiles(inventory) == [["2g.12gb", "2g.12gb"]]

    def test_json_works_too(self, tmp_path: Path) -> None:
        path = tmp_path / "node.json"
        path.write_text('{"driver_version": "580.1", "cuda_version": "13.0", "gpus": []}')
        assert read(str(path)).gpus == ()

    def test_built_in_file_by_path(self) -> None:
        assert read(str(machines.FOLDER / "h100.yaml")) == read("h100")

    def test_overrides_own_models_and_order(self, tmp_path: Path) -> None:
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
        assert inventory.vgpu == Vgpu(
            is_present=True, host_driver_version="580.2", host_driver_branch="r580_00"
        )
        first, second = inventory.gpus
        assert (first.index, first.name, first.is_mig_capable, first.numa_node) == (0, "Smaller", False, None)
        assert (second.uuid, second.numa_node, second.profiles[0].name) == ("GPU-1", 1, "1g.5gb-me")
        assert second.profiles[0].engines.encoder == 1
        assert second.fabric == Fabric(state=3, status=0, cluster_uuid="abc", clique_id=7)
        # It has no balanced layout and no profile that is the whole GPU.
        assert second.multiprocessors is None
        assert "known are all-disabled, all-enabled, all-1g.5gb-me" in refusal(str(path), "all-balanced")
        # Two of them would need two encoders; the GPU has as many as its largest profile.
        assert "does not fit on GPU 1 (Small): 2" in refusal(str(path), "all-1g.5gb-me")

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
    def test_damage_is_named(self, tmp_path: Path, old: str, new: str, field: str, reason: str) -> None:
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
    def test_damaged_profile(self, tmp_path: Path, row: str, field: str, reason: str) -> None:
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

    def test_two_gpus_at_one_address(self, tmp_path: Path) -> None:
        path = tmp_path / "node.yaml"
        path.write_text(MINIMAL + '  - {model: t4, pci_address: "0000:0b:00.0"}\n')
        with pytest.raises(
            DocumentError, match=r"gpus: two GPUs have the address 0000:0b:00\.0; change one$"
        ):
            read(str(path))

    def test_no_yaml_and_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "node.yaml"
        path.write_text("a: [")
        with pytest.raises(DocumentError, match="is not valid YAML"):
            read(str(path))
        path.write_bytes(b"\xff\xfe\xff")
        with pytest.raises(DocumentError, match="is not valid YAML: it is not text in UTF-8"):
            read(str(path))


CONFIG = """
version: v1
mig-configs:
  mixed:
    - devices: [0]
      mig-enabled: true
      mig-devices: {"1c.3g.40gb": 3, "4g.40gb": 1}
    - devices: [1, 2]
      mig-enabled: true
      mig-devices: {}
    - device-filter: "0x233010DE"
      devices: [3]
      mig-enabled: false
  filtered:
    - device-filter: ["0x20B010DE", "0x26B910DE"]
      devices: all
      mig-enabled: true
      mig-devices: {"1g.5gb": 7}
    - device-filter: "0x20B710DE"
      devices: all
      mig-enabled: true
      mig-devices: {"1g.6gb+me": 1, "1g.6gb": 3}
"""


class TestMigPartedFile:
    @pytest.fixture
    def write(self, tmp_path: Path) -> object:
        def write(text: str) -> str:
            path = tmp_path / "config.yaml"
            path.write_text(text)
            return str(path)

        return write

    def test_by_index(self, write) -> None:  # type: ignore[no-untyped-def]
        inventory = read("dgx-h100", write(CONFIG), "mixed")
        assert profiles(inventory) == [["4g.40gb", "1c.3g.40gb", "1c.3g.40gb", "1c.3g.40gb"], *[[]] * 7]
        enabled = [gpu.index for gpu in inventory.gpus if gpu.is_mig_enabled]
        assert enabled == [0, 1, 2]

    def test_by_filter(self, write) -> None:  # type: ignore[no-untyped-def]
        # devices: all passes over the L40S, which has no MIG, as mig-parted does.
        inventory = read("mixed-models", write(CONFIG), "filtered")
        assert profiles(inventory) == [["1g.6gb", "1g.6gb", "1g.6gb", "1g.6gb.me"], [], []]

    def test_the_only_layout_needs_no_name(self, write) -> None:  # type: ignore[no-untyped-def]
        text = (
            'version: v1\nmig-configs:\n  x: [{devices: all, mig-enabled: true, mig-devices: {"2g.12gb": 1}}]'
        )
        assert profiles(read("a30", write(text))) == [["2g.12gb"], ["2g.12gb"]]

    def test_choice(self, write) -> None:  # type: ignore[no-untyped-def]
        path = write(CONFIG)
        assert refusal("a30", path) == (
            f"--mig (command line): {path} contains several layouts; "
            "choose one with --mig-config: mixed, filtered"
        )
        assert refusal("a30", path, "filter") == (
            f"--mig-config (command line): {path} does not contain layout filter; did you mean filtered? "
            "known are mixed, filtered"
        )

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            (
                "{devices: [9], mig-enabled: true}",
                "x[0].devices: there is no GPU 9; the machine has 3 GPUs, numbered from 0",
            ),
            ("{devices: [1], mig-enabled: true}", "x[0]: GPU 1 (NVIDIA L40S) has no MIG"),
            ("{devices: some, mig-enabled: true}", "x[0].devices: expected a list, found"),
            ("{devices: all}", "x[0].mig-enabled: expected true or false, found nothing"),
            (
                "{devices: all, mig-enabled: false, mig-devices: {1g.6gb: 1}}",
                "x[0].mig-devices: must be empty if mig-enabled is false",
            ),
            (
                '{devices: all, mig-enabled: true, device-filter: "1:2"}',
                'x[0].device-filter: expected a PCI id such as "0x20B010DE" (subsystems are not simulated)',
            ),
            (
                "{device: all, mig-enabled: true}",
                "x[0].device: unknown key; did you mean devices?",
            ),
            (
                "{devices: all, mig-enabled: true, mig-devices: {2g.12gb: 2, 1g.6gb: 1}}",
                "1 \N{MULTIPLICATION SIGN} 1g.6gb need 5 compute slices; the GPU has 4",
            ),
        ],
    )
    def test_refused_entries(self, write, entry: str, reason: str) -> None:  # type: ignore[no-untyped-def]
        path = write(f"version: v1\nmig-configs:\n  x:\n  - {entry}\n")
        message = refusal("mixed-models", path)
        assert message.startswith(f"--mig (command line): {path}")
        assert reason in message

    def test_a_gpu_without_mig_may_be_told_to_stay_so(self, write) -> None:  # type: ignore[no-untyped-def]
        path = write("version: v1\nmig-configs: {x: [{devices: [1], mig-enabled: false}]}")
        assert read("mixed-models", path) == read("mixed-models")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("version: v2\nmig-configs: {}", "version: gfd reads only version v1"),
            ("version: v1\nmig-configs: {}", "mig-configs: contains no layout"),
            ("version: v1\nmig-config: {}", "mig-config: unknown key; did you mean mig-configs?"),
        ],
    )
    def test_refused_files(self, write, text: str, reason: str) -> None:  # type: ignore[no-untyped-def]
        assert reason in refusal("a30", write(text))

    def test_missing(self) -> None:
        assert "nowhere.yaml: cannot be read" in refusal("a30", "nowhere.yaml")


def test_yaml_is_imported_when_a_machine_is_read() -> None:
    import subprocess

    code = "import sys, gfd.simulation.machines; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
