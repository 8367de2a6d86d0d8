"""Facts from the kernel's files, and the driver's library where it is expected and where it is not."""

from __future__ import annotations

import ctypes.util
import os
from pathlib import Path

import pytest

from gfd.inventory.model import FactFailure
from tests import standin
from tests.probe.boards import NODE, T4, T4_STANDIN
from tests.probe.reading import Case, Result, read_all, read_one
from tests.standin import Standin

T4_CASE = Case(machine=Standin(gpus=(T4_STANDIN,)), expected=NODE._replace(gpus=(T4,)))


def test_missing_kernel_files(tmp_path: Path) -> None:
    """sysfs lacks the GPU, and the machine type file is missing."""
    case = Case(machine=Standin(gpus=(T4_STANDIN,)), expected="", pci=())
    library = standin.build(tmp_path / "library")
    name = str(tmp_path / "product_name")
    found = read_all(tmp_path / "cases", {"one": case}, library=library, machine_type_file=name)["one"].found
    folder = tmp_path / "cases/0/root/sys/bus/pci/devices/0000:00:1e.0"
    missing = "No such file or directory"
    no_class = FactFailure(fact="pci_class", source=str(folder), device="0000:00:1e.0", reason=missing)
    no_machine = FactFailure(fact="machine_type", source=name, device="", reason=missing)
    assert found == NODE._replace(
        gpus=(T4._replace(pci_class=None, failures=(no_class,)),), failures=(no_machine,)
    )


def test_machine_type_and_numa_node(tmp_path: Path) -> None:
    (tmp_path / "product_name").write_bytes(b" DGX\xff H100 \n")
    gpu = T4._replace(numa_node=3, pci_class=0x0300)
    case = Case(
        machine=Standin(gpus=(T4_STANDIN,)),
        expected=NODE._replace(gpus=(gpu,), machine_type="DGX\ufffd H100"),
    )
    library = standin.build(tmp_path / "library")
    name = str(tmp_path / "product_name")
    results = read_all(tmp_path / "cases", {"one": case}, library=library, machine_type_file=name)
    assert results["one"].found == case.expected


@pytest.mark.parametrize("folder", ["usr/lib64", "usr/lib/x86_64-linux-gnu"])
def test_the_library_under_the_driver_root(tmp_path: Path, folder: str) -> None:
    """The loader's path lacks it; pynvml uses the library that is loaded already."""
    standin.build(tmp_path / "driver" / folder)
    case = T4_CASE
    results = read_all(tmp_path / "cases", {"one": case}, library=None, driver_root=tmp_path / "driver")
    assert results["one"].found == case.expected


def test_a_driver_root_without_the_library(tmp_path: Path) -> None:
    library = standin.build(tmp_path / "library")
    case = T4_CASE
    results = read_all(tmp_path / "cases", {"one": case}, library=library, driver_root=tmp_path)
    assert results["one"].found == case.expected


NEXT_STEP = (
    "; install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver and pass its "
    "folder with --driver-root-ctr-path"
)
NOT_LOADED = "DriverUnavailable: libnvidia-ml.so.1 could not be loaded from the loader's path"


@pytest.mark.parametrize("has_root", [False, True])
def test_no_library(tmp_path: Path, has_root: bool) -> None:
    if ctypes.util.find_library("nvidia-ml") is not None:
        pytest.skip("this machine has a driver")
    root = tmp_path / "driver" if has_root else None
    case = Case(machine=Standin(), expected="")
    result = read_all(tmp_path / "cases", {"one": case}, library=tmp_path, driver_root=root)["one"]
    place = f" or under {root}" if has_root else ""
    reason = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
    assert result == Result(found=f"{NOT_LOADED}{place}: {reason}{NEXT_STEP}", calls=(), pauses=())


@pytest.mark.parametrize(("size", "reason"), [(0, "file too short"), (64, "cannot read file data")])
def test_a_truncated_library(tmp_path: Path, size: int, reason: str) -> None:
    library = standin.build(tmp_path / "driver/usr/lib64") / standin.LIBRARY
    os.truncate(library, size)
    case = Case(machine=Standin(), expected="")
    root = tmp_path / "driver"
    result = read_all(tmp_path / "cases", {"one": case}, library=None, driver_root=root)["one"]
    found = f"{NOT_LOADED} or under {root}: {library}: {reason}{NEXT_STEP}"
    assert result == Result(found=found, calls=(), pauses=())


def test_a_library_without_nvml(tmp_path: Path) -> None:
    case = Case(machine=Standin(), expected="")
    result = read_one(tmp_path, case, without=("nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags"))
    assert isinstance(result.found, str)
    assert result.found.startswith("DriverUnavailable: nvmlInit failed: Function Not Found (NVML error 13); ")
    assert result.calls == ()
