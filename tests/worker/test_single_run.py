"""One-shot with a broken driver: the preload of NVML changes no result and no error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gfd.labels.requirements import KERNEL_LOG_ADVICE
from gfd.simulation import machines
from tests.standin import Fault, Standin, build, environment, from_inventory

pytestmark = pytest.mark.whole

H100 = from_inventory(machines.read("h100"))
NOT_LOADED = (
    "nvmlInit failed: Driver Not Loaded (NVML error 9); load the NVIDIA kernel module (nvidia-smi shows "
    "whether it answers)"
)
LONGER = f"{KERNEL_LOG_ADVICE}, or pass a longer --probe-timeout"
OPTIONS = ("--oneshot", "--no-timestamp", "--output-file=", "--machine-type-file=")


def label(folder: Path, machine: Standin, *options: str) -> tuple[int, str, str]:
    build(folder / "lib")
    described = environment(folder / "lib", machine.write(folder / "machine"), folder / "calls")
    argv = [sys.executable, "-m", "gfd", *OPTIONS, *options]
    done = subprocess.run(argv, env=described, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def faulty(**fault: object) -> Standin:
    return Standin(gpus=H100.gpus, faults=(Fault(function="nvmlInit", **fault),))  # type: ignore[arg-type]


def test_every_nvml_init_has_a_shutdown(tmp_path: Path) -> None:
    code, out, err = label(tmp_path, H100)
    assert (code, err) == (0, "")
    assert "nvidia.com/gpu.product=NVIDIA-H100-80GB-HBM3\n" in out
    made = calls(tmp_path)
    ends = ["nvmlInit_v2", "nvmlInitWithFlags", "nvmlShutdown", "nvmlShutdown"]
    assert [call for call in made if call in ends] == ends
    assert made[-1] == "nvmlShutdown"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"hang": True}, f"reading the hardware took longer than 2 s: it hung in nvmlInit; {LONGER}"),
        (
            {"segv": True},
            f"the process that reads the hardware was killed by SIGSEGV, in nvmlInit; {KERNEL_LOG_ADVICE}",
        ),
        ({"error": 9}, NOT_LOADED),
        ({"error": 9, "after": 1}, NOT_LOADED),
    ],
)
def test_a_driver_that_cannot_be_initialised(tmp_path: Path, fault: dict[str, object], reason: str) -> None:
    found = label(tmp_path, faulty(**fault), "--probe-timeout=2s", "--fail-on-init-error")
    assert found == (1, "", f"gfd: {reason}\n")


def test_a_preload_without_a_session_is_shut_down(tmp_path: Path) -> None:
    code, _, _ = label(tmp_path, faulty(error=9, after=1), "--fail-on-init-error")
    assert code == 1
    begun = ["nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2 gpu=0"]
    assert calls(tmp_path) == [*begun, "nvmlInitWithFlags", "nvmlShutdown"]


def test_a_library_that_cannot_be_loaded(tmp_path: Path) -> None:
    library = tmp_path / "root/usr/lib64/libnvidia-ml.so.1"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"half of it")
    root = f"--driver-root-ctr-path={tmp_path / 'root'}"
    code, out, err = label(tmp_path, H100, root, "--fail-on-init-error")
    assert (code, out) == (1, "")
    assert err.startswith("gfd: libnvidia-ml.so.1 could not be loaded from the loader's path or under ")
    assert "file too short" in err
