"""--unified-memory: the memory of GPUs that NVML reports none for, from CUDA."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import standin
from tests.standin import Fault, Standin, StandinGpu, cuda
from tests.standin.cuda import CudaFault, CudaGpu, CudaStandin

NOT_SUPPORTED = 3
GB10 = StandinGpu(name="NVIDIA GB10", uuid="GPU-1", cc_major=12, cc_minor=1, pci="0000000F:01:00.0")
SPARK = Standin(gpus=(GB10,), faults=(Fault(function="nvmlDeviceGetMemoryInfo", error=NOT_SUPPORTED),))
CUDA = CudaStandin(
    gpus=(CudaGpu(name="NVIDIA GB10", capability=(12, 1), memory=128_501_256_192),), version=13_000
)
MEMORY = "nvidia.com/gpu.memory="
WARNING = "gfd: warning: the memory of GPU 0 is unknown: memory_bytes of GPU 0 could not be read from "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    standin.build(tmp_path / "lib")
    cuda.build(tmp_path / "lib")
    return tmp_path


def run(
    folder: Path, *arguments: str, driver: CudaStandin = CUDA, machine: Standin = SPARK
) -> tuple[list[str], str, list[str]]:
    """Return the labels of the memory, the messages of gfd dump, and the CUDA functions it called."""
    log = folder / "calls"
    log.write_text("")
    environ = standin.environment(folder / "lib", machine.write(folder / "machine"))
    done = subprocess.run(
        [sys.executable, "-m", "gfd", "dump", "--device-discovery-strategy=nvml", *arguments],
        env=environ | {cuda.DESCRIPTION: driver.describe(), cuda.LOG: str(log)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    labels = [line for line in done.stdout.splitlines() if "memory" in line]
    return labels, done.stderr, log.read_text().split()


pytestmark = pytest.mark.whole


def test_the_flag_reads_the_memory_from_cuda(folder: Path) -> None:
    labels, messages, calls = run(folder, "--unified-memory", "--extra-labels=identity")
    total = 128_501_256_192 // 2**20
    assert labels == [
        f"{MEMORY}{total}",
        "nvidia.com/gpu.memory.unified=true",
        f"nvidia.com/gpu.model.memory={total}",
    ]
    assert messages == ""
    assert calls[0] == "cuInit"


def test_without_the_flag_cuda_is_not_called(folder: Path) -> None:
    assert run(folder, "--extra-labels=identity") == (["nvidia.com/gpu.memory.unified=true"], "", [])


def test_cuda_is_not_called_where_nvml_reports_memory(folder: Path) -> None:
    machine = replace(SPARK, gpus=(replace(GB10, memory=1 << 30),), faults=())
    assert run(folder, "--unified-memory", machine=machine) == ([f"{MEMORY}1024"], "", [])


@pytest.mark.parametrize(
    ("gpus", "label"),
    [
        ((CudaGpu(name="Orin", memory=2 << 30),), f"{MEMORY}2048"),
        ((CudaGpu(name="NVIDIA GB10", memory=2 << 30, is_integrated=False),), f"{MEMORY}2048"),
        (
            (CudaGpu(name="Other", memory=1 << 30, is_integrated=False), CudaGpu(memory=2 << 30)),
            f"{MEMORY}2048",
        ),
    ],
)
def test_which_gpu_of_cuda_counts(folder: Path, gpus: tuple[CudaGpu, ...], label: str) -> None:
    assert run(folder, "--unified-memory", driver=CudaStandin(gpus=gpus))[:2] == ([label], "")


@pytest.mark.parametrize(
    "gpus",
    [
        (),
        (CudaGpu(memory=0),),
        (CudaGpu(memory=1 << 30), CudaGpu(memory=2 << 30)),
        (CudaGpu(name="Other", is_integrated=False),),
    ],
)
def test_cuda_shows_no_total(folder: Path, gpus: tuple[CudaGpu, ...]) -> None:
    labels, messages, _ = run(folder, "--unified-memory", driver=CudaStandin(gpus=gpus))
    assert labels == []
    assert messages == (
        f"{WARNING}cuDeviceTotalMem_v2: CUDA does not show one total for the GPUs that use the memory of the"
        " CPU; see the kernel log (dmesg) for messages of nvgpu and NVRM\n"
    )


def test_cuda_fails(folder: Path) -> None:
    driver = replace(CUDA, faults=(CudaFault(function="cuDeviceTotalMem_v2", error=999),))
    labels, messages, _ = run(folder, "--unified-memory", driver=driver)
    assert labels == []
    assert messages == (
        f"{WARNING}cuDeviceTotalMem_v2: CUDA_ERROR_UNKNOWN (CUDA error 999); see the kernel log (dmesg) for"
        " messages of nvgpu and NVRM\n"
    )


def test_cuda_is_missing(folder: Path) -> None:
    (folder / "lib" / cuda.LIBRARY).unlink()
    labels, messages, _ = run(folder, "--unified-memory")
    assert labels == []
    assert messages.startswith(f"{WARNING}libcuda.so.1: libcuda.so.1 could not be loaded")
    assert messages.endswith(
        "; install the NVIDIA driver (on a Jetson: JetPack); in a container use the NVIDIA runtime with"
        " NVIDIA_DRIVER_CAPABILITIES=compute,utility, or mount the driver and pass its folder with"
        " --driver-root-ctr-path\n"
    )


def test_cuda_hangs(folder: Path) -> None:
    environ = standin.environment(folder / "lib", SPARK.write(folder / "machine"))
    done = subprocess.run(
        [sys.executable, "-m", "gfd", "dump", "--unified-memory", "--probe-timeout=1s"],
        env=environ | {cuda.DESCRIPTION: replace(CUDA, hangs=("cuInit",)).describe()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "took longer than 1 s: it hung in cuInit" in done.stderr
