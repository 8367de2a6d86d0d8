"""MIG layouts in mig-parted files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.simulation.machines import read
from tests.simulation.reading import error_of, profiles

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


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_devices_by_index(write: Callable[[str], str]) -> None:
    inventory = read("dgx-h100", write(CONFIG), "mixed")
    assert profiles(inventory) == [["4g.40gb", "1c.3g.40gb", "1c.3g.40gb", "1c.3g.40gb"], *[[]] * 7]
    enabled = [gpu.index for gpu in inventory.gpus if gpu.is_mig_enabled]
    assert enabled == [0, 1, 2]


def test_devices_by_filter(write: Callable[[str], str]) -> None:
    # devices: all skips the L40S, which has no MIG, as mig-parted does.
    inventory = read("mixed-models", write(CONFIG), "filtered")
    assert profiles(inventory) == [["1g.6gb", "1g.6gb", "1g.6gb", "1g.6gb.me"], [], []]


def test_a_single_layout_needs_no_name(write: Callable[[str], str]) -> None:
    text = 'version: v1\nmig-configs:\n  x: [{devices: all, mig-enabled: true, mig-devices: {"2g.12gb": 1}}]'
    assert profiles(read("a30", write(text))) == [["2g.12gb"], ["2g.12gb"]]


def test_choice_of_a_layout(write: Callable[[str], str]) -> None:
    path = write(CONFIG)
    assert error_of("a30", path) == (
        f"--mig (command line): {path} contains several layouts; "
        "choose one with --mig-config: mixed, filtered"
    )
    assert error_of("a30", path, "filter") == (
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
def test_errors_in_entries(write: Callable[[str], str], entry: str, reason: str) -> None:
    path = write(f"version: v1\nmig-configs:\n  x:\n  - {entry}\n")
    message = error_of("mixed-models", path)
    assert message.startswith(f"--mig (command line): {path}")
    assert reason in message


def test_mig_may_be_disabled_on_a_gpu_without_mig(write: Callable[[str], str]) -> None:
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
def test_errors_in_files(write: Callable[[str], str], text: str, reason: str) -> None:
    assert reason in error_of("a30", write(text))


def test_missing_file() -> None:
    assert "nowhere.yaml: cannot be read" in error_of("a30", "nowhere.yaml")
