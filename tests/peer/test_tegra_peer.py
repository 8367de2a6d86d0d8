"""gfd beside NVIDIA's gpu-feature-discovery on Tegra machines: the same strategy and the same labels.

Both programs run in a mount namespace without PCI devices, with the files of a Tegra machine, and with the
stand-ins for CUDA and NVML. gfd differs on purpose: Thor has a family, and a GPU that fails is left out
alone.
The stand-in gives the original 64 bits of memory; a real libcuda gives it 32, so that it says 4095 MiB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import standin
from tests.peer.original import ORIGINAL, SHARING, require_mount_namespace, require_original
from tests.standin import Fault, Standin, StandinGpu, cuda
from tests.standin.cuda import CudaFault, CudaGpu, CudaStandin

require_original()
require_mount_namespace()

pytestmark = pytest.mark.slow

MOUNT = """
mount -t tmpfs none /sys/bus/pci/devices
mount -t tmpfs none /sys/devices
mount --bind "$1" /etc
[ -z "$2" ] || { mkdir /sys/devices/soc0; printf %s "$2" > /sys/devices/soc0/family; }
shift 2
exec "$@"
"""
RELEASE = "nv_tegra_release"
ORIN = CudaGpu()
XAVIER = CudaGpu(name="Xavier", capability=(7, 2), memory=33_281_486_848)
THOR = CudaGpu(name="NVIDIA Thor", capability=(11, 0), memory=131_882_934_272)
TX2 = CudaGpu(name="NVIDIA Tegra X2", capability=(6, 2), memory=0)
WITH_ORIN = CudaStandin()
TEGRA = "--device-discovery-strategy=tegra"
MAY_FAIL = "--fail-on-init-error=false"
WITH_GPU, WITHOUT_GPU, FAILED = 25, 1, 0


def nvml(name: str) -> Standin:
    """Return a driver whose NVML shows one GPU with this name."""
    gpu = StandinGpu(name=name, uuid="GPU-1", cc_major=8, cc_minor=6, memory=48 << 30, pci="00000000:3B:00.0")
    return Standin(driver="580.105.08", cuda=13_000, gpus=(gpu,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A machine, and what gfd says about it instead of what the original says."""

    name: str
    cuda: CudaStandin | None = WITH_ORIN
    nvml: Standin | None = None
    has_dxcore: bool = False
    has_release: bool = False
    family: str = ""
    """The text of /sys/devices/soc0/family; empty without the file."""
    arguments: tuple[str, ...] = (TEGRA,)
    config: str = ""
    missing: tuple[str, ...] = ()
    """Functions that libcuda does not have."""
    gpu_family: str = ""
    """The label gpu.family that gfd writes instead of the original's."""
    is_like: CudaStandin | None = None
    """The driver with which the original has the labels that gfd has with ``cuda``."""
    labels: int = WITH_GPU
    """How many labels gfd writes; none if it fails."""


def fail(function: str, error: int = 999, gpu: int = -1) -> tuple[CudaFault, ...]:
    return (CudaFault(function=function, error=error, gpu=gpu),)


AUTO = (
    Case(name="a: nv_tegra_release", arguments=(), has_release=True),
    Case(name="b: soc0 says Tegra", arguments=(), family="Tegra", cuda=CudaStandin(gpus=(XAVIER,))),
    Case(name="b: soc0 says TEGRA234", arguments=(), family="TEGRA234\n"),
    Case(
        name="an empty strategy",
        arguments=("--device-discovery-strategy=",),
        has_release=True,
        labels=FAILED,
    ),
    Case(name="c: another chip", arguments=(), family="Snapdragon", labels=FAILED),
    Case(name="c: another chip, allowed", arguments=(MAY_FAIL,), family="Snapdragon", labels=WITHOUT_GPU),
    Case(name="c: no Tegra at the beginning", arguments=(), family="a Tegra", labels=FAILED),
    Case(name="nothing", arguments=(), cuda=None, labels=FAILED),
    Case(name="d: a discrete GPU", arguments=(), has_release=True, nvml=nvml("NVIDIA RTX A6000")),
    Case(name="e: an integrated GPU", arguments=(), has_release=True, nvml=nvml("Orin (nvgpu)")),
    Case(
        name="f: Thor beside NVML",
        arguments=(),
        nvml=nvml("NVIDIA Thor"),
        cuda=CudaStandin(gpus=(THOR,), version=13_000),
        gpu_family="blackwell",
    ),
    Case(name="f: case matters", arguments=(), nvml=nvml("nvidia thor")),
    Case(name="g: WSL", arguments=(), has_release=True, has_dxcore=True, nvml=nvml("Orin (nvgpu)")),
    Case(name="g: WSL without NVML", arguments=(), has_release=True, has_dxcore=True, labels=FAILED),
    Case(name="h: GB10", arguments=(), nvml=nvml("NVIDIA GB10")),
    Case(
        name="NVML does not start",
        arguments=(),
        has_release=True,
        nvml=Standin(faults=(Fault(function="nvmlInit", error=9),)),
        labels=FAILED,
    ),
    Case(name="NVML without a GPU", arguments=(), has_release=True, nvml=Standin(), labels=WITHOUT_GPU),
    Case(
        name="CUDA is missing beside an integrated GPU",
        arguments=(),
        nvml=nvml("Orin (nvgpu)"),
        cuda=None,
        labels=FAILED,
    ),
    Case(name="explicitly nvml", arguments=("--device-discovery-strategy=nvml",), nvml=nvml("Orin (nvgpu)")),
)
CASES = (
    *AUTO,
    Case(name="T1 Orin"),
    Case(name="T2 Xavier", cuda=CudaStandin(gpus=(XAVIER,), version=11_040)),
    Case(name="T4 two without memory", cuda=CudaStandin(gpus=(TX2, TX2)), labels=WITH_GPU - 1),
    Case(
        name="T5 MPS and mixed",
        arguments=(TEGRA, "--mig-strategy=mixed"),
        config=SHARING.format(strategy="mps"),
        labels=WITH_GPU + 1,
    ),
    Case(name="T6 cuInit fails", cuda=CudaStandin(faults=fail("cuInit", 100)), labels=FAILED),
    Case(
        name="T6 cuInit may fail",
        arguments=(TEGRA, MAY_FAIL),
        cuda=CudaStandin(faults=fail("cuInit", 100)),
        labels=WITHOUT_GPU,
    ),
    Case(name="T7 no GPU", cuda=CudaStandin(gpus=()), labels=WITHOUT_GPU),
    Case(name="time slicing", config=SHARING.format(strategy="timeSlicing")),
    Case(name="single", arguments=(TEGRA, "--mig-strategy=single"), labels=WITH_GPU + 1),
    Case(name="no library", cuda=None, labels=FAILED),
    Case(name="no library, allowed", cuda=None, arguments=(TEGRA, MAY_FAIL), labels=WITHOUT_GPU),
    Case(name="no cuInit", missing=("cuInit",), labels=FAILED),
    Case(name="no cuInit, allowed", missing=("cuInit",), arguments=(TEGRA, MAY_FAIL), labels=WITHOUT_GPU),
    *(
        Case(
            name=f"{function} fails{', initialisation may' if allowed else ''}",
            arguments=(TEGRA, *allowed),
            cuda=CudaStandin(faults=fail(function)),
            labels=FAILED,
        )
        for function in (
            "cuDeviceGetCount",
            "cuDeviceGet",
            "cuDeviceGetName",
            "cuDeviceGetAttribute",
            "cuDriverGetVersion",
        )
        for allowed in ((), (MAY_FAIL,))
    ),
    Case(name="memory fails", cuda=CudaStandin(faults=fail("cuDeviceTotalMem_v2")), labels=WITH_GPU - 1),
    Case(
        name="memory of one of two fails",
        cuda=CudaStandin(gpus=(ORIN, ORIN), faults=fail("cuDeviceTotalMem_v2", gpu=0)),
    ),
    Case(name="integrated fails", cuda=CudaStandin(faults=fail("integrated"))),
    Case(name="less than a MiB", cuda=CudaStandin(gpus=(CudaGpu(memory=1000),)), labels=WITH_GPU - 1),
    *(
        Case(name=f"CUDA {version}", cuda=CudaStandin(version=version))
        for version in (0, 10_020, 11_080, 12_130, 13_000)
    ),
    *(
        Case(name=f"capability {capability}", cuda=CudaStandin(gpus=(CudaGpu(capability=capability),)))
        for capability in ((5, 3), (6, 2), (8, 0), (8, 9), (9, 0), (10, 1), (12, 1))
    ),
    Case(name="no capability", cuda=CudaStandin(gpus=(CudaGpu(capability=(0, 0)),)), labels=WITH_GPU - 3),
    Case(
        name="a minor capability only",
        cuda=CudaStandin(gpus=(CudaGpu(capability=(0, 7)),)),
        labels=WITH_GPU - 3,
    ),
    Case(name="a name with blanks", cuda=CudaStandin(gpus=(CudaGpu(name="Orin  (nvgpu), 64GB"),))),
    Case(name="a discrete GPU under tegra", cuda=CudaStandin(gpus=(CudaGpu(is_integrated=False),))),
    *(
        Case(
            name=f"{function} fails for one of two",
            cuda=CudaStandin(gpus=(ORIN, ORIN), faults=fail(function, gpu=0)),
            is_like=CudaStandin(),
        )
        for function in ("cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute")
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and the labels it printed."""

    exit_code: int
    lines: tuple[str, ...]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_labels(case: Case, tmp_path: Path) -> None:
    theirs = run([ORIGINAL], case, case.is_like or case.cuda, tmp_path / "theirs")
    ours = run_gfd(case, tmp_path / "ours")
    lines = sorted(
        f"nvidia.com/gpu.family={case.gpu_family}"
        if case.gpu_family and line.startswith("nvidia.com/gpu.family=")
        else line
        for line in theirs.lines
    )
    assert ours == Outcome(exit_code=theirs.exit_code, lines=tuple(lines))
    assert len(ours.lines) == case.labels


def test_two_models(tmp_path: Path) -> None:
    """The original draws one of two models at random; gfd describes that with more GPUs, and counts both."""
    mixed = Case(name="", cuda=CudaStandin(gpus=(XAVIER, ORIN, ORIN)))
    two_orins = Case(name="", cuda=CudaStandin(gpus=(ORIN, ORIN)))
    theirs = run([ORIGINAL], two_orins, two_orins.cuda, tmp_path / "theirs")
    counts = {"nvidia.com/gpu.count.Orin=2", "nvidia.com/gpu.count.Xavier=1"}
    assert set(run_gfd(mixed, tmp_path / "ours").lines) == {*theirs.lines, *counts}


def test_a_library_below_the_driver_root(tmp_path: Path) -> None:
    """The original asks only the loader; gfd looks for libcuda where it looks for libnvidia-ml."""
    cuda.build(tmp_path / "driver/usr/lib64")
    case = Case(name="", cuda=None, arguments=(TEGRA, f"--driver-root-ctr-path={tmp_path}/driver"))
    assert run([ORIGINAL], case, None, tmp_path / "theirs") == Outcome(exit_code=1, lines=())
    assert len(run_gfd(case, tmp_path / "ours").lines) == WITH_GPU


def run_gfd(case: Case, folder: Path) -> Outcome:
    return run([str(Path(sys.executable).with_name("gpu-feature-discovery"))], case, case.cuda, folder)


def run(program: list[str], case: Case, driver: CudaStandin | None, folder: Path) -> Outcome:
    """Run a program on a machine and return its outcome, the labels sorted."""
    etc, libraries, config = folder / "etc", folder / "lib", folder / "config.yaml"
    etc.mkdir(parents=True)
    libraries.mkdir()
    config.write_text(case.config, encoding="utf-8")
    if case.has_release:
        (etc / RELEASE).touch()
    if driver is not None:
        cuda.build(libraries, without=case.missing)
    if case.nvml is not None:
        standin.build(libraries)
    if case.has_dxcore:
        empty = ["gcc", "-shared", "-o", str(libraries / "libdxcore.so"), "-x", "c", os.devnull]
        subprocess.run(empty, check=True)
    arguments = [
        "--oneshot",
        "--no-timestamp",
        "--use-node-feature-api=false",
        "--output-file=",
        "--machine-type-file=",
        f"--config-file={config}",
        *case.arguments,
    ]
    finished = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", MOUNT, "sh", str(etc), case.family, *program, *arguments],
        # The namespace hides the machine; tests/hook/alone would also hide soc0.
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "",
            "LD_LIBRARY_PATH": str(libraries),
            "GFD_STANDIN": str((case.nvml or Standin()).write(folder / "machine")),
            cuda.DESCRIPTION: (driver or CudaStandin()).describe(),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    print(f"--- {program[0]} exits {finished.returncode}\n{finished.stderr}")
    return Outcome(
        exit_code=finished.returncode, lines=tuple(sorted(filter(None, finished.stdout.split("\n"))))
    )
