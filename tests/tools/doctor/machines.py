"""A machine with one GPU, laid out in a folder, and a context of its values."""

from __future__ import annotations

from pathlib import Path

from gfd.config.loader import load
from gfd.tools.doctor.checks import CHECKS
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.result import CheckResult
from gfd.tools.doctor.runner import run_checks
from tests.make import gpu, inventory
from tests.standin import Standin, StandinGpu

KERNEL = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n"
ADDRESS = "0000:3b:00.0"
T4 = StandinGpu(
    name="Tesla T4", uuid="GPU-1", cc_major=7, cc_minor=5, memory=15_843_721_216, pci="00000000:3B:00.0"
)
MACHINE = Standin(gpus=(T4,))


def lay_out(root: Path, *, kernel: str = KERNEL) -> Path:
    """Write the files of a machine with one GPU."""
    write(root / f"sys/bus/pci/devices/{ADDRESS}/vendor", "0x10de\n")
    write(root / f"sys/bus/pci/devices/{ADDRESS}/class", "0x030200\n")
    write(root / "proc/driver/nvidia/version", kernel + "GCC version: gcc\n")
    write(
        root / f"proc/driver/nvidia/gpus/{ADDRESS}/information",
        "Model: \t\t Tesla T4\nDevice Minor: \t 0\n",
    )
    for name in ("nvidiactl", "nvidia0"):
        write(root / "dev" / name, "")
    write(root / "features.d/gfd", "a=b\n")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_context(root: Path, **options: str) -> Context:
    """Return a context with one A100."""
    values = {"output_file": "/features.d/gfd", "mig_strategy": "mixed", **options}
    context = Context(load(values, {}).config, root=root, mountinfo=root / "mountinfo")
    context.library = {"path": str(root / "lib/libnvidia-ml.so.1"), "version": "13.580.159.04"}
    context.inventory = inventory(gpu(0), driver_version="580.159.04")
    context.labels = {"nvidia.com/gpu.count": "1"}
    return context


def run_check(context: Context, name: str) -> CheckResult:
    (check,) = [each for each in CHECKS if each.name == name]
    ((_, result),) = run_checks(context, [check])
    return result
