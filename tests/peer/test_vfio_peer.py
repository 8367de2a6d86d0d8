"""gfd beside NVIDIA's gpu-feature-discovery with the strategy vfio: the same labels on the same PCI buses.

Both programs run in a mount namespace with the bus mounted over /sys/bus/pci/devices. gfd differs on purpose:
the labels of memory and compute capability are left out, the family is that of the chip, GPUs with a variant
of vfio-pci count, and a GPU that cannot be read is left out alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pci_bus import (
    A10,
    AUDIO,
    GIB,
    GRAPHICS,
    H100,
    INTEL,
    MELLANOX,
    MIB,
    NVSWITCH,
    PLAIN_32,
    PREFETCHABLE_64,
    T4,
    UNKNOWN,
    PciDevice,
    build_bus,
)
from tests.peer.original import ORIGINAL, SHARING, require_mount_namespace, require_original

require_original()
require_mount_namespace()

pytestmark = pytest.mark.slow

MOUNT = """
mount --bind "$1" /sys/bus/pci/devices
for folder in /usr/share/misc /usr/local/share /usr/share/hwdata; do
    [ ! -d "$folder" ] || mount -t tmpfs none "$folder"
done
[ -z "$2" ] || cp "$2" /usr/share/misc/pci.ids
shift 2
exec "$@"
"""
LEFT_OUT = ("nvidia.com/gpu.memory=", "nvidia.com/gpu.compute.major=", "nvidia.com/gpu.compute.minor=")
WITH_GPU, WITHOUT_GPU, FAILED = 22, 1, 0
UNDEFINED = "nvidia.com/gpu.family=undefined"

FIRST, SECOND, THIRD = "0000:17:00.0", "0000:65:00.0", "0000:b1:00.0"
PCI_IDS = """\
# A list of a host
1000  Another vendor
\t2236  A card that is not a GPU
10de  NVIDIA Corporation
\t2236  GA102GL [A10]
\t\t10de 1482  A board
# a comment

\t2330  GH100 [H100  SXM5: 80GB]
\tfffe  AD102 [A GPU that gfd does not know yet]
\t9999  XY999 [Unknown chip]
1234  Yet another vendor
\t1eb8  A card that is not a GPU
C 03  Display controller
\t02  3D controller
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A bus, and what gfd says about it instead of what the original says."""

    name: str
    devices: tuple[PciDevice, ...]
    family: str = "undefined"
    arguments: tuple[str, ...] = ()
    config: str = ""
    pci_ids: str = ""
    """The host's list; empty without one."""
    is_like: tuple[PciDevice, ...] | None = None
    """The bus on which the original has the labels that gfd has on this one; None if it is this one."""
    labels: int = WITH_GPU
    """How many labels gfd writes; none if it fails."""


def gpu(address: str = FIRST, device: int = A10, **fields: object) -> PciDevice:
    return PciDevice(address=address, device=device, **fields)  # type: ignore[arg-type]


CASES = (
    Case(name="no devices", labels=WITHOUT_GPU, devices=()),
    Case(
        name="V1: two A10 and a device of Intel",
        devices=(gpu(), gpu(SECOND), gpu("0000:00:02.0", 0x1234, vendor=INTEL, driver="i915")),
        family="ampere",
    ),
    Case(
        name="V2: one of three H100, and an NVSwitch",
        devices=(
            gpu(FIRST, H100),
            gpu(SECOND, H100, driver="nvidia"),
            gpu(THIRD, H100, driver=None),
            gpu("0000:c1:00.0", 0x22A3, pci_class=NVSWITCH),
        ),
        family="hopper",
    ),
    Case(name="V3: a T4 as a graphics card", devices=(gpu(FIRST, T4, pci_class=GRAPHICS),), family="turing"),
    Case(
        name="V4: a physical and a virtual function",
        devices=(
            gpu(files={"sriov_totalvfs": "16\n", "sriov_numvfs": "1\n"}),
            gpu("0000:17:00.4", physical_function=FIRST),
        ),
        family="ampere",
    ),
    Case(name="V5: an unknown device", devices=(gpu(FIRST, UNKNOWN),)),
    Case(name="V6: an A10 on nvidia", labels=WITHOUT_GPU, devices=(gpu(driver="nvidia"),)),
    Case(name="an A10 on nouveau", labels=WITHOUT_GPU, devices=(gpu(driver="nouveau"),)),
    Case(name="an A10 without a driver", labels=WITHOUT_GPU, devices=(gpu(driver=None),)),
    Case(name="V7: only a 32-bit window", devices=(gpu(bars=((16 * MIB, PLAIN_32),)),), family="ampere"),
    Case(name="V8: no numa_node", labels=FAILED, devices=(gpu(files={"numa_node": None}),)),
    Case(
        name="V9: config of 64 bytes", labels=WITH_GPU - 1, devices=(gpu(config_bytes=64),), family="ampere"
    ),
    Case(
        name="V10: time slicing",
        devices=(gpu(),),
        family="ampere",
        config=SHARING.format(strategy="timeSlicing"),
    ),
    Case(name="V10: MPS", devices=(gpu(),), family="ampere", config=SHARING.format(strategy="mps")),
    Case(
        name="V10: single",
        labels=WITH_GPU + 1,
        devices=(gpu(),),
        family="ampere",
        arguments=("--mig-strategy=single",),
    ),
    Case(
        name="V10: mixed",
        labels=WITH_GPU + 1,
        devices=(gpu(),),
        family="ampere",
        arguments=("--mig-strategy=mixed",),
    ),
    Case(
        name="a GPU and its audio function",
        devices=(gpu(FIRST, T4, pci_class=GRAPHICS), gpu("0000:17:00.1", 0x10F8, pci_class=AUDIO)),
        family="turing",
    ),
    Case(
        name="two classes of GPUs",
        devices=(gpu(FIRST, A10), gpu(SECOND, A10, pci_class=GRAPHICS)),
        family="ampere",
    ),
    Case(name="another class of display controllers", labels=WITHOUT_GPU, devices=(gpu(pci_class=0x038000),)),
    Case(name="a programming interface", labels=WITHOUT_GPU, devices=(gpu(pci_class=0x030001),)),
    Case(name="no IOMMU", devices=(gpu(iommu_group=None),), family="ampere"),
    Case(name="no NUMA", devices=(gpu(numa_node=-1),), family="ampere"),
    Case(
        name="no subsystem",
        devices=(gpu(files={"subsystem_vendor": None, "subsystem_device": None}),),
        family="ampere",
    ),
    Case(name="a domain above ffff", devices=(gpu("10000:17:00.0"), gpu()), family="ampere"),
    Case(
        name="windows without an address",
        devices=(gpu(bars=((1, PREFETCHABLE_64), (GIB, PREFETCHABLE_64))),),
        family="ampere",
    ),
    Case(name="two unknown models", devices=(gpu(FIRST, UNKNOWN), gpu(SECOND, 0xFFFD))),
    Case(name="the host's list", devices=(gpu(),), family="ampere", pci_ids=PCI_IDS),
    Case(
        name="the host's list is newer",
        devices=(gpu(FIRST, UNKNOWN),),
        family="ada-lovelace",
        pci_ids=PCI_IDS,
    ),
    Case(
        name="characters that labels cannot have",
        devices=(gpu(FIRST, H100),),
        family="hopper",
        pci_ids=PCI_IDS,
    ),
    Case(name="a chip of no known family", devices=(gpu(FIRST, 0x9999),), pci_ids=PCI_IDS),
    Case(
        name="GH200 with a variant driver",
        devices=(gpu(FIRST, 0x2342, driver="nvgrace_gpu_vfio_pci"),),
        family="hopper",
        is_like=(gpu(FIRST, 0x2342),),
    ),
    Case(
        name="another driver whose name ends in vfio-pci",
        devices=(gpu(), gpu(SECOND, driver="nvidia-vgpu-vfio-pci")),
        family="ampere",
        is_like=(gpu(), gpu(SECOND)),
    ),
    Case(
        name="one of two has no numa_node",
        devices=(gpu(files={"numa_node": None}), gpu(SECOND)),
        family="ampere",
        is_like=(gpu(SECOND),),
    ),
    Case(
        name="one of two has no device id",
        devices=(gpu(files={"device": None}), gpu(SECOND)),
        family="ampere",
        is_like=(gpu(SECOND),),
    ),
    Case(
        name="one of two has damaged windows",
        devices=(gpu(files={"resource": "0x0 0x0\n"}), gpu(SECOND)),
        family="ampere",
        is_like=(gpu(SECOND),),
    ),
    Case(
        name="one of two has a class that is no number",
        devices=(gpu(files={"class": "compute\n"}), gpu(SECOND)),
        family="ampere",
        is_like=(gpu(SECOND),),
    ),
    Case(
        name="a damaged network card of another vendor",
        devices=(gpu(), gpu(SECOND, vendor=MELLANOX, pci_class=0x020000, files={"numa_node": None})),
        family="ampere",
        is_like=(gpu(),),
    ),
    Case(
        name="a damaged GPU with the driver nvidia",
        devices=(gpu(), gpu(SECOND, driver="nvidia", files={"numa_node": None})),
        family="ampere",
        is_like=(gpu(),),
    ),
    Case(name="the only GPU is damaged", labels=FAILED, devices=(gpu(files={"class": "\n"}),)),
    Case(
        name="the only GPU is damaged, and initialisation may fail",
        labels=FAILED,
        devices=(gpu(files={"device": "0x12345\n"}),),
        arguments=("--fail-on-init-error=false",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and the labels it printed."""

    exit_code: int
    lines: tuple[str, ...]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_labels(case: Case, tmp_path: Path) -> None:
    bus = build_bus(tmp_path / "bus", case.devices)
    like = bus if case.is_like is None else build_bus(tmp_path / "like", case.is_like)
    theirs = run([ORIGINAL], case, like, tmp_path)
    ours = run([str(Path(sys.executable).with_name("gpu-feature-discovery"))], case, bus, tmp_path)
    expected = (
        line.replace(UNDEFINED, f"nvidia.com/gpu.family={case.family}")
        for line in theirs.lines
        if not line.startswith(LEFT_OUT)
    )
    assert ours == Outcome(exit_code=theirs.exit_code, lines=tuple(expected))
    assert (f"nvidia.com/gpu.family={case.family}" in ours.lines) is (case.labels > 1)
    assert len(ours.lines) == case.labels


def test_two_models(tmp_path: Path) -> None:
    """The original draws one of two models at random; gfd describes that with more GPUs, and counts both."""
    case = Case(name="", devices=(gpu(FIRST, T4), gpu(SECOND, A10), gpu(THIRD, A10)))
    two_a10 = Case(name="", devices=(gpu(SECOND), gpu(THIRD)))
    bus = build_bus(tmp_path / "bus", case.devices)
    like = build_bus(tmp_path / "like", two_a10.devices)
    ours = run([str(Path(sys.executable).with_name("gpu-feature-discovery"))], case, bus, tmp_path)
    theirs = run([ORIGINAL], two_a10, like, tmp_path)
    counts = {"nvidia.com/gpu.count.GA102GL-A10=2", "nvidia.com/gpu.count.TU104GL-Tesla-T4=1"}
    kept = {line for line in theirs.lines if not line.startswith(LEFT_OUT)}
    assert set(ours.lines) == kept - {UNDEFINED} | {"nvidia.com/gpu.family=ampere"} | counts


def run(program: list[str], case: Case, bus: Path, folder: Path) -> Outcome:
    """Run a program on a bus and return its outcome, the labels sorted."""
    config, pci_ids = folder / "config.yaml", folder / "pci.ids"
    config.write_text(case.config, encoding="utf-8")
    pci_ids.write_text(case.pci_ids, encoding="utf-8")
    arguments = [
        "--oneshot",
        "--no-timestamp",
        "--use-node-feature-api=false",
        "--output-file=",
        "--device-discovery-strategy=vfio",
        "--machine-type-file=",
        f"--config-file={config}",
        *case.arguments,
    ]
    mounts = [str(bus / "sys/bus/pci/devices"), str(pci_ids) if case.pci_ids else ""]
    finished = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", MOUNT, "sh", *mounts, *program, *arguments],
        # gfd must see the bus: tests/hook/alone hides the PCI devices of the machine.
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    print(f"--- {program[0]} exits {finished.returncode}\n{finished.stderr}")
    return Outcome(
        exit_code=finished.returncode, lines=tuple(sorted(filter(None, finished.stdout.split("\n"))))
    )
