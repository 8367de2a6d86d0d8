"""The GPUs that a CUDA driver shows: inventories, failures, and whole label sets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gfd.inventory.model import FactFailure, FailedGpu, Gpu, Inventory, Vgpu
from gfd.labels.resources import resolve
from gfd.labels.sharing import SharedResource, Sharing
from gfd.labels.templates import Templates
from gfd.probe.cuda import FUNCTIONS
from tests import standin
from tests.probe.cuda_reading import CudaResult, read_all
from tests.standin import cuda
from tests.standin.cuda import CudaFault, CudaGpu, CudaStandin

FOLDER = "usr/lib/aarch64-linux-gnu/nvidia"
ORIN = CudaGpu()
XAVIER = CudaGpu(name="Xavier", capability=(7, 2), memory=33_281_486_848)
THOR = CudaGpu(name="NVIDIA Thor", capability=(11, 0), memory=131_882_934_272)
TX2 = CudaGpu(name="NVIDIA Tegra X2", capability=(6, 2), memory=0)
A6000 = CudaGpu(name="NVIDIA RTX A6000", capability=(8, 6), memory=50_925_535_232, is_integrated=False)

DRIVERS = {
    "Orin": CudaStandin(),
    "Xavier": CudaStandin(gpus=(XAVIER,), version=11_040),
    "Thor": CudaStandin(gpus=(THOR,), version=13_000),
    "two without memory": CudaStandin(gpus=(TX2, TX2), version=10_020),
    "no GPU": CudaStandin(gpus=()),
    "no capability": CudaStandin(gpus=(CudaGpu(name="Unknown", capability=(0, 0)),)),
    "12.13": CudaStandin(version=12_130),
    "two models": CudaStandin(gpus=(ORIN, A6000)),
    "a model with more GPUs": CudaStandin(gpus=(ORIN, A6000, A6000)),
    "a long name": CudaStandin(gpus=(CudaGpu(name="N" * 120),)),
    "memory fails": CudaStandin(faults=(CudaFault(function="cuDeviceTotalMem_v2", error=2),)),
    "integrated fails": CudaStandin(faults=(CudaFault(function="integrated", error=1),)),
    "version fails": CudaStandin(faults=(CudaFault(function="cuDriverGetVersion", error=999),)),
    "count fails": CudaStandin(faults=(CudaFault(function="cuDeviceGetCount", error=999),)),
    "get fails": CudaStandin(
        gpus=(ORIN, A6000), faults=(CudaFault(function="cuDeviceGet", error=101, gpu=0),)
    ),
    "name fails": CudaStandin(
        gpus=(ORIN, A6000), faults=(CudaFault(function="cuDeviceGetName", error=999, gpu=1),)
    ),
    "capability fails": CudaStandin(faults=(CudaFault(function="cuDeviceGetAttribute", error=4321),)),
    "cuInit fails": CudaStandin(faults=(CudaFault(function="cuInit", error=100),)),
    "another error of cuInit": CudaStandin(faults=(CudaFault(function="cuInit", error=999),)),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CudaResult]:
    folder = tmp_path_factory.mktemp("tegra")
    driver_root, old, empty = folder / "driver", folder / "old", folder / "empty"
    empty.mkdir()
    cuda.build(driver_root / FOLDER)
    cuda.build(old / FOLDER, without=("cuDeviceTotalMem_v2",))
    cases = {name: (driver, driver_root) for name, driver in DRIVERS.items()}
    missing = {"no library": (CudaStandin(), empty), "an old library": (CudaStandin(), old)}
    # The loader finds a library that is loaded already by its name, so begin without one.
    return read_all(folder, missing | cases)


def test_an_orin(results: dict[str, CudaResult]) -> None:
    gpu = Gpu(
        index=0,
        name="Orin",
        compute_capability=(8, 7),
        memory_bytes=64_349_220_864,
        is_memory_unified=True,
    )
    assert results["Orin"].found == Inventory(
        discovery="tegra", cuda_version=12_060, gpus=(gpu,), vgpu=Vgpu(is_present=False)
    )
    assert results["Orin"].steps[1:] == (
        "cuInit",
        "cuDeviceGetCount",
        *(f"{function} on GPU 0" for function in ("cuDeviceGet", "cuDeviceGetName")),
        *("cuDeviceGetAttribute on GPU 0",) * 2,
        "cuDeviceTotalMem_v2 on GPU 0",
        "cuDeviceGetAttribute on GPU 0",
        "cuDriverGetVersion",
    )
    called = {step.partition(" ")[0] for step in results["Orin"].steps[1:]}
    assert called == set(FUNCTIONS)


def find_gpus(results: dict[str, CudaResult], name: str) -> tuple[Gpu, ...]:
    found = results[name].found
    assert isinstance(found, Inventory)
    return found.gpus


def test_names(results: dict[str, CudaResult]) -> None:
    assert [gpu.name for gpu in find_gpus(results, "two models")] == ["Orin", "NVIDIA RTX A6000"]
    assert [gpu.name for gpu in find_gpus(results, "a long name")] == ["N" * 95]


def test_a_discrete_gpu_has_memory_of_its_own(results: dict[str, CudaResult]) -> None:
    assert [gpu.is_memory_unified for gpu in find_gpus(results, "two models")] == [True, False]


@pytest.mark.parametrize(
    ("name", "fact", "source", "reason"),
    [
        ("memory fails", "memory_bytes", "cuDeviceTotalMem_v2", "CUDA_ERROR_OUT_OF_MEMORY (CUDA error 2)"),
        (
            "integrated fails",
            "is_memory_unified",
            "cuDeviceGetAttribute",
            "CUDA_ERROR_INVALID_VALUE (CUDA error 1)",
        ),
    ],
)
def test_a_fact_that_fails(
    results: dict[str, CudaResult], name: str, fact: str, source: str, reason: str
) -> None:
    (gpu,) = find_gpus(results, name)
    assert gpu.failures == (FactFailure(fact=fact, source=source, device="GPU 0", reason=reason),)
    assert not getattr(gpu, fact)


@pytest.mark.parametrize(
    ("name", "index", "source", "reason", "kept"),
    [
        ("get fails", 0, "cuDeviceGet", "CUDA_ERROR_INVALID_DEVICE (CUDA error 101)", [1]),
        ("name fails", 1, "cuDeviceGetName", "CUDA_ERROR_UNKNOWN (CUDA error 999)", [0]),
        ("capability fails", 0, "cuDeviceGetAttribute", "unknown error (CUDA error 4321)", []),
    ],
)
def test_a_gpu_that_fails_is_left_out(
    results: dict[str, CudaResult], name: str, index: int, source: str, reason: str, kept: list[int]
) -> None:
    found = results[name].found
    assert isinstance(found, Inventory)
    failure = FactFailure(fact="gpu", source=source, device=f"GPU {index}", reason=reason)
    assert found.failed_gpus == (FailedGpu(index=index, failure=failure),)
    assert [gpu.index for gpu in found.gpus] == kept


def test_errors(results: dict[str, CudaResult]) -> None:
    errors = {name: result.found for name, result in results.items() if isinstance(result.found, str)}
    missing, old = errors.pop("no library"), errors.pop("an old library")
    assert missing.startswith(
        "CudaUnavailable: libcuda.so.1 could not be loaded from the loader's path or under "
    )
    assert missing.endswith(
        "; install the NVIDIA driver (on a Jetson: JetPack); in a container use the NVIDIA runtime with"
        " NVIDIA_DRIVER_CAPABILITIES=compute,utility, or mount the driver and pass its folder with"
        " --driver-root-ctr-path"
    )
    assert old.endswith(
        "libcuda.so.1 has no function cuDeviceTotalMem_v2; install the libcuda.so.1 of the NVIDIA driver"
    )
    assert errors == {
        "count fails": "CudaCallFailed: cuDeviceGetCount failed: CUDA_ERROR_UNKNOWN (CUDA error 999)",
        "cuInit fails": (
            "CudaUnavailable: cuInit failed: CUDA_ERROR_NO_DEVICE (CUDA error 100); give the container the"
            " device nodes of the GPU: use the NVIDIA runtime and set NVIDIA_VISIBLE_DEVICES=all"
        ),
        "another error of cuInit": (
            "CudaUnavailable: cuInit failed: CUDA_ERROR_UNKNOWN (CUDA error 999); see the kernel log"
            " (dmesg) for messages of nvgpu and NVRM"
        ),
    }


T1 = {
    **dict.fromkeys(("cuda.driver.major", "cuda.driver.minor", "cuda.driver.rev"), "unknown"),
    **{f"cuda.driver-version.{part}": "unknown" for part in ("major", "minor", "revision")},
    "cuda.driver-version.full": "unknown.unknown.unknown",
    "cuda.runtime-version.full": "12.6",
    "cuda.runtime-version.major": "12",
    "cuda.runtime-version.minor": "6",
    "cuda.runtime.major": "12",
    "cuda.runtime.minor": "6",
    "gpu.compute.major": "8",
    "gpu.compute.minor": "7",
    "gpu.count": "1",
    "gpu.family": "ampere",
    "gpu.machine": "unknown",
    "gpu.memory": "61368",
    "gpu.mode": "unknown",
    "gpu.product": "Orin",
    "gpu.replicas": "1",
    "gpu.sharing-strategy": "none",
    "mig.capable": "false",
    "mps.capable": "false",
    "vgpu.present": "false",
}
"""All labels of an Orin, without their prefix."""


def with_cuda(major: str, minor: str) -> dict[str, str]:
    return {
        "cuda.runtime-version.full": f"{major}.{minor}",
        **dict.fromkeys(("cuda.runtime-version.major", "cuda.runtime.major"), major),
        **dict.fromkeys(("cuda.runtime-version.minor", "cuda.runtime.minor"), minor),
    }


def with_capability(major: str, minor: str, family: str) -> dict[str, str]:
    return {"gpu.compute.major": major, "gpu.compute.minor": minor, "gpu.family": family}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How the labels differ from those of an Orin; None for labels that are missing."""

    driver: str
    labels: Mapping[str, str | None]
    strategy: str = "none"
    sharing: Sharing | None = None


LABELS = {
    "T1 Orin": Expected(driver="Orin", labels={}),
    "T2 Xavier": Expected(
        driver="Xavier",
        labels={
            **with_cuda("11", "4"),
            **with_capability("7", "2", "volta"),
            "gpu.memory": "31739",
            "gpu.product": "Xavier",
        },
    ),
    "T3 Thor": Expected(
        driver="Thor",
        labels={
            **with_cuda("13", "0"),
            **with_capability("11", "0", "blackwell"),
            "gpu.memory": "125773",
            "gpu.product": "NVIDIA-Thor",
        },
    ),
    "T4 two without memory": Expected(
        driver="two without memory",
        labels={
            **with_cuda("10", "2"),
            **with_capability("6", "2", "pascal"),
            "gpu.count": "2",
            "gpu.memory": None,
            "gpu.product": "NVIDIA-Tegra-X2",
        },
    ),
    "T5 MPS, mixed": Expected(
        driver="Orin",
        strategy="mixed",
        sharing=Sharing(strategy="mps", resources=(SharedResource(name="nvidia.com/gpu", replicas=4),)),
        labels={
            "gpu.product": "Orin-SHARED",
            "gpu.replicas": "4",
            "gpu.sharing-strategy": "mps",
            "mps.capable": "true",
            "mig.strategy": "mixed",
        },
    ),
    "T7 no GPU": Expected(driver="no GPU", labels=dict.fromkeys(T1) | {"vgpu.present": "false"}),
    "single": Expected(driver="Orin", strategy="single", labels={"mig.strategy": "single"}),
    "no capability": Expected(
        driver="no capability",
        labels={
            **dict.fromkeys(("gpu.compute.major", "gpu.compute.minor", "gpu.family")),
            "gpu.product": "Unknown",
        },
    ),
    # NVML's rule would make 12.13 of it.
    "CUDA 12.13": Expected(driver="12.13", labels=with_cuda("12", "3")),
    "two models": Expected(
        driver="two models", labels={"gpu.count.Orin": "1", "gpu.count.NVIDIA-RTX-A6000": "1"}
    ),
    "a model with more GPUs": Expected(
        driver="a model with more GPUs",
        labels={
            "gpu.compute.minor": "6",
            "gpu.count": "2",
            "gpu.memory": "48566",
            "gpu.product": "NVIDIA-RTX-A6000",
            "gpu.count.Orin": "1",
            "gpu.count.NVIDIA-RTX-A6000": "2",
        },
    ),
    "memory fails": Expected(driver="memory fails", labels={"gpu.memory": None}),
}


@pytest.mark.parametrize("expected", LABELS.values(), ids=LABELS)
def test_labels(results: dict[str, CudaResult], expected: Expected) -> None:
    found = results[expected.driver].found
    assert isinstance(found, Inventory)
    node = resolve(found, mig_strategy=expected.strategy, sharing=expected.sharing)
    labels = {key: value for key, value in {**T1, **expected.labels}.items() if value is not None}
    assert Templates().render(node, found) == {
        f"nvidia.com/{key}": value for key, value in sorted(labels.items())
    }


def run(folder: Path, driver: CudaStandin, *arguments: str) -> tuple[int, list[str], str]:
    """Return the exit code, the labels and the messages of gfd on a machine with this CUDA driver."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gfd", "dump", "--no-timestamp", "--machine-type-file="),
            *("--device-discovery-strategy=tegra", *arguments),
        ],
        env=standin.environment(cuda.build(folder / "lib"), folder) | {cuda.DESCRIPTION: driver.describe()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.whole
def test_t6_a_failure_of_the_initialisation(tmp_path: Path) -> None:
    driver = DRIVERS["cuInit fails"]
    code, labels, messages = run(tmp_path, driver)
    assert (code, labels) == (1, [])
    assert "cuInit failed: CUDA_ERROR_NO_DEVICE (CUDA error 100); give the container" in messages
    # tests/hook/alone hides the PCI bus, which tells about vGPU.
    code, labels, messages = run(tmp_path, driver, "--fail-on-init-error=false")
    assert (code, labels) == (0, [])


@pytest.mark.whole
def test_a_failure_after_the_initialisation_always_counts(tmp_path: Path) -> None:
    for name in ("count fails", "capability fails"):
        code, labels, _ = run(tmp_path, DRIVERS[name], "--fail-on-init-error=false")
        assert (code, labels) == (1, []), name


@pytest.mark.whole
def test_memory_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    code, labels, messages = run(tmp_path, DRIVERS["memory fails"])
    assert code == 0
    assert not any("gpu.memory" in label for label in labels)
    assert messages == (
        "gfd: warning: the memory of GPU 0 is unknown: memory_bytes of GPU 0 could not be read from"
        " cuDeviceTotalMem_v2: CUDA_ERROR_OUT_OF_MEMORY (CUDA error 2); see the kernel log (dmesg)"
        " for messages of nvgpu and NVRM\n"
    )


@pytest.mark.whole
def test_a_driver_that_hangs_or_prints(tmp_path: Path) -> None:
    code, labels, messages = run(tmp_path, CudaStandin(hangs=("cuInit",)), "--probe-timeout=1s")
    assert (code, labels) == (1, [])
    assert "took longer than 1 s: it hung in cuInit" in messages
    code, labels, _ = run(tmp_path, CudaStandin(prints=("nvidia.com/forged=1",)))
    assert (code, len(labels)) == (0, 24)
