"""gfd doctor on machines whose GPUs are for virtual machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config.loader import load
from gfd.errors import DriverUnavailable
from gfd.probe import vfio
from gfd.tools.doctor.checks import HARDWARE
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.outcome import catch_error
from gfd.tools.doctor.result import CheckResult, fail, ok, skip, warn
from gfd.tools.doctor.runner import run_checks
from tests.pci_bus import PciDevice, build_bus
from tests.tools.doctor.machines import make_context, run_check

FIRST, SECOND = "0000:17:00.0", "0000:65:00.0"
BIND = "bind GPUs for virtual machines to vfio-pci; for containers use --device-discovery-strategy auto"


def make_vfio_context(root: Path) -> Context:
    context = Context(load({"device_discovery_strategy": "vfio", "output_file": ""}, {}).config, root=root)
    context.inventory = catch_error(lambda: vfio.read(root=root))
    return context


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ((), warn("no NVIDIA GPU on the PCI bus", "if this node has a GPU, check that it sits in its slot")),
        (
            (PciDevice(address=FIRST), PciDevice(address=SECOND)),
            ok(f"2 NVIDIA GPUs for virtual machines ({FIRST}, {SECOND})"),
        ),
        (
            (PciDevice(address=FIRST), PciDevice(address=SECOND, driver="nvidia")),
            ok(f"1 NVIDIA GPU for virtual machines ({FIRST}); not counted: {SECOND} (nvidia)"),
        ),
        (
            (PciDevice(address=FIRST, driver="nouveau"), PciDevice(address=SECOND, driver=None)),
            warn(
                f"no NVIDIA GPU is bound to vfio-pci; not counted: {FIRST} (nouveau), {SECOND} (no driver)",
                BIND,
            ),
        ),
    ],
)
def test_gpus(tmp_path: Path, devices: tuple[PciDevice, ...], expected: CheckResult) -> None:
    assert run_check(make_vfio_context(build_bus(tmp_path, devices)), "GPU") == expected


def test_a_gpu_that_cannot_be_read(tmp_path: Path) -> None:
    root = build_bus(tmp_path, (PciDevice(address=FIRST, files={"device": None}),))
    file = f"{root}/sys/bus/pci/devices/{FIRST}/device"
    seen = f"GPU 0 is left out: gpu of {FIRST} could not be read from {file}: No such file or directory"
    step = "look for messages about this PCI address in the kernel log (dmesg)"
    assert run_check(make_vfio_context(root), "GPU") == fail(seen, step)


def test_without_a_bus(tmp_path: Path) -> None:
    seen = f"the PCI bus cannot be read from {tmp_path}/sys/bus/pci/devices: No such file or directory"
    step = "run gfd where /sys is mounted, or use --device-discovery-strategy auto"
    assert run_check(make_vfio_context(tmp_path), "GPU") == fail(seen, step)


def test_checks_of_the_driver_are_skipped(tmp_path: Path) -> None:
    context = make_vfio_context(build_bus(tmp_path, (PciDevice(),)))
    seen = "not checked, because vfio needs no driver: driver, library, NVML, device nodes, MIG, /proc"
    assert list(run_checks(context, HARDWARE)) == [
        ("GPU", ok(f"1 NVIDIA GPU for virtual machines ({FIRST})")),
        ("NVIDIA driver", skip(seen)),
        ("facts", ok("all values were read")),
    ]


@pytest.mark.parametrize("driver", ["vfio-pci", "nvidia"])
def test_auto_where_every_gpu_is_for_virtual_machines(tmp_path: Path, driver: str) -> None:
    context = make_context(build_bus(tmp_path, (PciDevice(driver=driver),)))
    context.inventory = DriverUnavailable("no library")
    seen = f"1 NVIDIA GPU on the PCI bus ({FIRST})"
    step = "for their labels pass --device-discovery-strategy vfio"
    is_for_vms = driver == "vfio-pci"
    expected = warn(f"{seen}, bound to a vfio driver for virtual machines", step) if is_for_vms else ok(seen)
    assert run_check(context, "GPU") == expected
