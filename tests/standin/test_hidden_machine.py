"""Tests see no GPU of the machine that runs them, in this process and in one that they start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin import Standin, build, environment

PATHS = ("/sys/bus/pci/devices", "/sys/class/dmi/id/product_name", "/proc/driver/nvidia/version")


@pytest.mark.parametrize("path", PATHS)
def test_this_process_cannot_open_it(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        Path(path).open().close()


def test_a_started_process_reads_no_pci_device(tmp_path: Path) -> None:
    program = "from gfd.probe import sysfs; print(sysfs.find_gpus(), sysfs.read_vgpu()[1].reason)"
    done = subprocess.run(
        (sys.executable, "-c", program),
        env=environment(build(tmp_path / "lib"), Standin(gpus=()).write(tmp_path / "machine")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "() No such file or directory\n"
