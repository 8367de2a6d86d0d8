"""gfd doctor with the stand-in driver in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import standin
from tests.standin import Fault, Standin
from tests.tools.doctor.machines import KERNEL, MACHINE, T4, write

pytestmark = pytest.mark.whole

SCRIPT = """
import sys
from pathlib import Path
from gfd.tools.doctor.checks import hardware, publishing
from gfd.tools.doctor.runner import run_checks, to_text
from gfd.tools.doctor.context import Context
from gfd.config.loader import load
from gfd.errors import GfdError
from gfd.publishing.sinks.feature_text import format_labels
root = Path(sys.argv[1])
values = {"output_file": "/features.d/gfd", "probe_timeout_s": "3s"}
values |= dict(word.split("=") for word in sys.argv[2:])
context = Context(load(values, {}).config, root=root, mountinfo=root / "mountinfo")
file = root / "features.d/gfd"
if file.is_file() and not isinstance(context.labels, GfdError):
    file.write_text(format_labels(context.labels))
# The facts check reads the sysfs of the real machine, so leave it out.
checks = [each for each in (*hardware.CHECKS, *publishing.CHECKS[:2]) if each.name != "facts"]
sys.stdout.write(to_text(list(run_checks(context, checks))))
"""


def run(
    root: Path, machine: Standin, *, library: Path | None = None, prefix: tuple[str, ...] = (), **options: str
) -> str:
    """Return the output of the checks, with ROOT for the folder and LIBRARY for the library's folder."""
    library = library or standin.build(root.parent / "library")
    environ = standin.environment(library, machine.write(root.parent / "machine"))
    done = subprocess.run(
        (*prefix, sys.executable, "-c", SCRIPT, root, *(f"{name}={text}" for name, text in options.items())),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.replace(str(root), "ROOT").replace(str(library), "LIBRARY")


NEXT = " " * 20 + "-> "
MOUNT = "mount the host's NFD folder features.d there, like manifests/components/file"
HEALTHY = """\
ok    GPU           1 NVIDIA GPU on the PCI bus (0000:3b:00.0)
ok    driver        NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build
ok    library       LIBRARY/libnvidia-ml.so.1, version 580.159.04, like the kernel module
ok    NVML          1 GPU, driver 580.159.04
ok    device nodes  ROOT/dev/nvidiactl, ROOT/dev/nvidia0
ok    MIG           no GPU supports MIG
ok    /proc         gfd sees changes in ROOT/proc/driver
ok    labels        gfd renders 25 labels
ok    feature file  ROOT/features.d/gfd, 25 lines
9 ok
"""


def test_a_healthy_machine(root: Path) -> None:
    assert run(root, MACHINE) == HEALTHY


def test_a_library_of_another_version(root: Path, tmp_path: Path) -> None:
    """The driver's files were upgraded, but the old kernel module is still loaded."""
    write(root / "proc/driver/nvidia/version", KERNEL.replace("580.159.04", "535.104.05"))
    library = standin.build(tmp_path / "library")
    (library / "libnvidia-ml.so.1").rename(library / "libnvidia-ml.so.580.159.04")
    (library / "libnvidia-ml.so.1").symlink_to("libnvidia-ml.so.580.159.04")
    file = "LIBRARY/libnvidia-ml.so.580.159.04"
    said = run(root, Standin(gpus=(T4,), faults=(Fault(function="nvmlInit", error=18),)), library=library)
    differ = (
        "the library and the loaded kernel module have different versions: reload the kernel module or "
        "reboot the node; restart a container that still has the old library"
    )
    assert said.splitlines()[2:6] == [
        f"FAIL  library       {file} has version 580.159.04, the kernel module 535.104.05",
        f"{NEXT}stop the programs that use the old driver and reload the kernel module, or reboot the node",
        "FAIL  NVML          nvmlInit failed: RM has detected an NVML/RM version mismatch. (NVML error 18)",
        f"{NEXT}{differ}",
    ]
    assert said.endswith("\n5 ok, 3 failed, 1 skipped\n")


def test_a_missing_library(root: Path, tmp_path: Path) -> None:
    library = tmp_path / "empty"
    library.mkdir()
    reason = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
    roots = "the loader's path or under /driver-root"
    said = run(root, MACHINE, library=library)
    install = "install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver"
    assert said.splitlines()[2:5] == [
        f"FAIL  library       libnvidia-ml.so.1 could not be loaded from {roots}: {reason}",
        f"{NEXT}{install} and pass its folder with --driver-root-ctr-path",
        "skip  NVML          NVML cannot work without its library",
    ]
    assert "FAIL  labels        no labels, because the hardware cannot be read\n" in said


def without_override() -> tuple[str, ...]:
    """Return a command prefix that stops root from opening all files; other users need none."""
    if os.geteuid():
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_permission_denied(root: Path) -> None:
    for name in ("nvidiactl", "nvidia0"):
        (root / "dev" / name).chmod(0)
    (root / "features.d").chmod(0o555)
    denied = Standin(gpus=(T4,), faults=(Fault(function="nvmlInit", error=4),))
    user = os.geteuid()
    give = "run as a user that may open /dev/nvidiactl, or give the container the device nodes"
    open_up = (
        "run gfd as a user who can read and write them, or set their mode to 0666 (NVreg_DeviceFileMode)"
    )
    assert run(root, denied, prefix=without_override()).splitlines()[2:] == [
        "ok    library       LIBRARY/libnvidia-ml.so.1",
        "FAIL  NVML          nvmlInit failed: Insufficient Permissions (NVML error 4)",
        f"{NEXT}{give}",
        f"FAIL  device nodes  user {user} cannot open ROOT/dev/nvidiactl, ROOT/dev/nvidia0",
        f"{NEXT}{open_up}",
        "skip  MIG           unknown without the driver",
        "ok    /proc         gfd sees changes in ROOT/proc/driver",
        "FAIL  labels        no labels, because the hardware cannot be read",
        f"{NEXT}see NVML above",
        f"FAIL  feature file  user {user} cannot write to ROOT/features.d",
        f"{NEXT}run gfd as its owner, or mount it writable",
        "4 ok, 4 failed, 1 skipped",
    ]


def test_a_driver_that_hangs(root: Path) -> None:
    hanging = Standin(gpus=(T4,), faults=(Fault(function="nvmlDeviceGetName", hang=True),))
    said = run(root, hanging)
    doing = "it hung in nvmlDeviceGetName on GPU 0"
    assert f"FAIL  NVML          reading the hardware took longer than 3 s: {doing}\n" in said
    assert said.endswith("\n6 ok, 2 failed, 1 skipped\n")


def test_a_machine_without_a_gpu(tmp_path: Path) -> None:
    library = tmp_path / "empty"
    library.mkdir()
    (tmp_path / "root").mkdir()
    step = "if there should be a GPU, check that it sits in its slot or is passed to the virtual machine"
    advice = (
        f"run gfd doctor on a node with a GPU; {step}; for nodes without one, set --fail-on-init-error=false"
    )
    assert run(tmp_path / "root", MACHINE, library=library) == (
        "FAIL  GPU  no NVIDIA GPU and no driver on this machine, so nothing else was checked\n"
        f"           -> {advice}\n"
        "1 failed\n"
    )
    said = run(tmp_path / "root", MACHINE, library=library, fail_on_init_error="false")
    assert said.splitlines() == [
        "warn  GPU           no NVIDIA GPU and no driver on this machine",
        f"{NEXT}{step}",
        "ok    labels        gfd renders 1 label",
        "FAIL  feature file  there is no directory ROOT/features.d",
        f"{NEXT}{MOUNT}; or set another --output-file",
        "1 ok, 1 warning, 1 failed",
    ]


def test_wsl(tmp_path: Path) -> None:
    """On WSL2, the GPU is not on the PCI bus and has no kernel module and no NVIDIA device nodes."""
    root, library = tmp_path / "root", tmp_path / "empty"
    library.mkdir()
    write(root / "dev/dxg", "")
    (root / "features.d").mkdir()
    assert run(root, MACHINE).splitlines()[:5] == [
        "ok    GPU           WSL2: ROOT/dev/dxg is the GPU of Windows; the PCI bus does not show it",
        "ok    driver        WSL2 uses the driver of Windows and has no NVIDIA kernel module",
        "ok    library       LIBRARY/libnvidia-ml.so.1, version 580.159.04",
        "ok    NVML          1 GPU, driver 580.159.04",
        "ok    device nodes  ROOT/dev/dxg",
    ]
    said = run(root, MACHINE, library=library)
    assert "FAIL  library       libnvidia-ml.so.1 could not be loaded from" in said
    assert "its library is in /usr/lib/wsl/lib\n" in said
    assert "no GPU" not in said
    assert "FAIL  labels        no labels, because the hardware cannot be read\n" in said
