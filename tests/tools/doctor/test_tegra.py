"""gfd doctor on machines whose GPU CUDA shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gfd.errors import CudaCallFailed, CudaUnavailable, GfdError
from gfd.inventory.model import FactFailure, FailedGpu, Inventory
from gfd.labels.requirements import CUDA_ADVICE, CUDA_LOG_ADVICE
from gfd.tools.doctor.checks import HARDWARE
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.result import CheckResult, fail, ok, skip, warn
from gfd.tools.doctor.runner import run_checks
from tests.make import gpu
from tests.tools.doctor.machines import make_context, run_check, write

ORIN = Inventory(discovery="tegra", cuda_version=12_060, gpus=(gpu(0, name="Orin"),))
MISSING = CudaUnavailable("libcuda.so.1 could not be loaded", CUDA_ADVICE)
NO_DEVICE = CudaUnavailable("cuInit failed: CUDA_ERROR_NO_DEVICE (CUDA error 100)", "give it the nodes")
LOST = FactFailure(fact="gpu", source="cuDeviceGetName", device="GPU 0", reason="unknown error")
FAILED = ORIN._replace(gpus=(), failed_gpus=(FailedGpu(index=0, failure=LOST),))
RUNTIME = "in a container, use the NVIDIA runtime and set NVIDIA_VISIBLE_DEVICES=all"


def make_tegra_context(
    root: Path, found: Inventory | GfdError = ORIN, library: str | GfdError = "", strategy: str = "tegra"
) -> Context:
    context = make_context(root, device_discovery_strategy=strategy)
    context.inventory = found
    context.cuda_library = library or f"{root}/lib/libcuda.so.1"
    return context


@pytest.fixture
def jetson(tmp_path: Path) -> Path:
    write(tmp_path / "etc/nv_tegra_release", "# R36\n")
    for name in ("nvmap", "nvhost-ctrl-gpu", "nvgpu/igpu0/ctrl", "null"):
        write(tmp_path / "dev" / name, "")
    return tmp_path


@pytest.mark.parametrize("strategy", ["tegra", "auto"])
def test_a_healthy_machine(jetson: Path, strategy: str) -> None:
    dev = jetson / "dev"
    seen = "not checked, because tegra asks CUDA, not NVML: driver, NVML, MIG, /proc"
    assert list(run_checks(make_tegra_context(jetson, strategy=strategy), HARDWARE)) == [
        ("GPU", ok("Orin")),
        ("NVIDIA driver", skip(seen)),
        ("library", ok(f"{jetson}/lib/libcuda.so.1")),
        ("CUDA", ok("1 GPU, CUDA 12.6")),
        ("device nodes", ok(f"{dev}/nvgpu/igpu0/ctrl, {dev}/nvhost-ctrl-gpu, {dev}/nvmap")),
        ("facts", ok("all values were read")),
    ]


def test_without_a_library(jetson: Path) -> None:
    context = make_tegra_context(jetson, MISSING, MISSING, strategy="auto")
    assert run_check(context, "GPU") == ok("this is a Tegra machine")
    assert run_check(context, "library") == fail(MISSING.reason, CUDA_ADVICE)
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in CUDA_ADVICE
    assert run_check(context, "CUDA") == skip("CUDA cannot work without its library")


def test_nvml_named_an_integrated_gpu_that_cuda_cannot_use(tmp_path: Path) -> None:
    # In a container there may be no file that shows the Tegra chip.
    context = make_tegra_context(tmp_path, NO_DEVICE, strategy="auto")
    results = dict(run_checks(context, HARDWARE))
    assert results["GPU"] == ok("NVML names a GPU that is integrated into a Tegra chip")
    assert results["CUDA"] == fail(NO_DEVICE.reason, "give it the nodes")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (NO_DEVICE, fail(NO_DEVICE.reason, "give it the nodes")),
        (
            CudaCallFailed("cuDeviceGetCount", "", 999, "CUDA_ERROR_UNKNOWN"),
            fail("cuDeviceGetCount failed: CUDA_ERROR_UNKNOWN (CUDA error 999)", CUDA_LOG_ADVICE),
        ),
        (FAILED, fail(str(FAILED.failed_gpus[0]), CUDA_LOG_ADVICE)),
        (ORIN._replace(gpus=()), warn("CUDA shows no GPU", f"{RUNTIME}; otherwise {CUDA_LOG_ADVICE}")),
        (ORIN._replace(cuda_version=None), ok("1 GPU")),
    ],
)
def test_cuda(jetson: Path, found: Inventory | GfdError, expected: CheckResult) -> None:
    assert run_check(make_tegra_context(jetson, found), "CUDA") == expected


def test_another_machine(tmp_path: Path) -> None:
    context = make_tegra_context(tmp_path, NO_DEVICE)
    assert run_check(context, "GPU") == warn(
        "neither /etc/nv_tegra_release nor /sys/devices/soc0/family shows a Tegra chip",
        "if it is no Jetson and no Thor, use --device-discovery-strategy auto",
    )
    result = run_check(context, "device nodes")
    assert result.state == "fail"
    assert result.seen.startswith(f"none of {tmp_path}/dev/nvmap, ")
    assert result.next_step == f"{RUNTIME}; otherwise {CUDA_LOG_ADVICE}"


def test_a_user_that_may_not_open_the_device_nodes(jetson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, *_mode, **_options: path.name != "nvmap")
    node = jetson / "dev/nvmap"
    assert run_check(make_tegra_context(jetson, NO_DEVICE), "device nodes") == fail(
        f"user {os.geteuid()} cannot open {node}",
        f"run gfd with the group that owns them ({node.stat().st_gid}); in a pod, add it to"
        " supplementalGroups",
    )
    # What CUDA does not need, does no harm.
    assert run_check(make_tegra_context(jetson), "device nodes").state == "ok"


def test_cuda_works_with_other_device_nodes(tmp_path: Path) -> None:
    assert run_check(make_tegra_context(tmp_path), "device nodes") == ok("CUDA works without known ones")


def test_cuda_fails_although_the_device_nodes_are_open(jetson: Path) -> None:
    dev = jetson / "dev"
    assert run_check(make_tegra_context(jetson, NO_DEVICE), "device nodes") == ok(
        f"{dev}/nvgpu/igpu0/ctrl, {dev}/nvhost-ctrl-gpu, {dev}/nvmap"
    )
