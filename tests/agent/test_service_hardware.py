"""What the service does when the driver or a GPU fails or changes, on the stand-in driver."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.simulation import machines
from tests.agent.running import A100, MIG, PATIENCE_S, play, serve, wait
from tests.standin import Fault, Standin, build, from_inventory

pytestmark = pytest.mark.whole


def test_a_repeated_failure_is_logged_once(tmp_path: Path) -> None:
    lost = (Fault(function="nvmlDeviceGetHandleByIndex", error=15),)
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        service.play(replace(A100, faults=lost))
        wait(lambda: len(service.log("cycle.failed")) > 3, "failures")
        first, *rest = service.log("cycle.failed")
        assert first["level"] == "warning"
        assert "nvmlDeviceGetHandleByIndex on GPU 0 failed: GPU is lost (NVML error 15)" in first["reason"]
        assert {entry["level"] for entry in rest} == {"debug"}
        assert service.labels["gpu.count"] == "1"
        done = len(service.log("cycle.published"))
        service.play(A100)
        wait(lambda: len(service.log("cycle.published")) > done, "the recovery")
        service.play(replace(A100, faults=lost))
        wait(
            lambda: [entry["level"] for entry in service.log("cycle.failed")].count("warning") == 2,
            "a new word",
        )


def test_a_gpu_that_fails_is_left_out_and_named(tmp_path: Path) -> None:
    two = from_inventory(machines.read("dgx-a100", "all-disabled"))
    with serve(
        tmp_path, machine=replace(two, faults=(Fault(function="nvmlDeviceGetName", gpu=3, error=999),))
    ) as service:
        wait(lambda: service.labels.get("gpu.count") == "7", "labels")
        entry = wait(lambda: service.log("gpu.failed"), "the warning")[0]
        assert (entry["level"], entry["gpu"]) == ("warning", 3)
        assert entry["reason"] == "nvmlDeviceGetName on GPU 3 failed: Unknown Error (NVML error 999)"
        assert (entry["pci_address"], entry["uuid"]) == ("0000:4e:00.0", two.gpus[3].uuid)


@pytest.mark.parametrize(
    ("strategy", "event"),
    [("none", "memory.unknown"), ("single", "memory.unknown"), ("mixed", "cycle.failed")],
)
def test_a_container_without_the_right_to_see_mig_counts_every_gpu(
    tmp_path: Path, strategy: str, event: str
) -> None:
    """MIG is switched on for the last GPU of two, in a container without the right to see that."""
    last, *others = reversed(from_inventory(machines.read("dgx-a100")).gpus[:2])
    before = Standin(gpus=(*others, last))
    refused = tuple(
        Fault(function=function, gpu=1, mig=mig, error=error)
        for function, mig, error in (
            ("nvmlDeviceGetMemoryInfo", -1, 4),
            ("nvmlDeviceGetMigDeviceHandleByIndex", None, 6),
        )
    )
    with serve(tmp_path, f"--mig-strategy={strategy}", "--no-timestamp", machine=before) as service:
        wait(lambda: service.labels.get("gpu.count") == "2", "labels")
        labels = service.labels
        service.play(replace(before, gpus=(*others, replace(last, mig=True)), faults=refused))
        entry = wait(lambda: service.log(event), "the warning")[0]
        assert entry["level"] == "warning"
        assert "nvmlDeviceGetMemoryInfo on GPU 1 failed: Insufficient Permissions" in entry["reason"]
        assert "NVIDIA_MIG_MONITOR_DEVICES=all" in entry["reason"]
        invalid = {
            "gpu.count": "0",
            "gpu.memory": "0",
            "gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-INVALID",
            "gpu.replicas": "0",
            "gpu.sharing-strategy": "",
        }
        expected = {**labels, **invalid} if strategy == "single" else labels
        wait(lambda: service.labels == expected, "the labels")
        assert service.log("gpu.failed") == []
        service.play(before)
        wait(
            lambda: [e for e in service.log() if e["event"] == event.partition(".")[0] + ".recovered"],
            "an end",
        )
        wait(lambda: service.labels == labels, "the labels as before")


def test_without_a_driver_the_service_ends_with_the_reason(tmp_path: Path) -> None:
    with serve(tmp_path, library=False) as service:
        assert service.process.wait(PATIENCE_S) == 1
        (entry,) = service.log("service.failed")
        assert entry["level"] == "error"
        assert entry["reason"].startswith("libnvidia-ml.so.1 could not be loaded")
        assert not service.file.exists()


def test_a_driver_that_comes_late_and_goes_again(tmp_path: Path) -> None:
    with serve(tmp_path, "--fail-on-init-error=false", "--no-timestamp", library=False) as service:
        wait(service.file.exists, "the file")
        assert set(service.labels) <= {"vgpu.present"}
        build(tmp_path / "lib")
        wait(lambda: service.labels.get("gpu.count") == "1", "the driver's labels")
        service.play(replace(A100, faults=(Fault(function="nvmlInitWithFlags", error=9),)))
        failed = wait(lambda: service.log("cycle.failed"), "the failure")
        assert failed[0]["reason"].startswith("nvmlInit failed: Driver Not Loaded (NVML error 9)")
        assert service.labels["gpu.count"] == "1"


def test_a_driver_that_is_upgraded_while_it_runs(tmp_path: Path) -> None:
    with serve(tmp_path, "--sleep-interval=1h", "--no-timestamp") as service:
        wait(lambda: service.labels, "labels")
        before = service.labels
        play(tmp_path, replace(A100, driver="580.159.04", cuda=13000))
        build(tmp_path / "lib", without=("nvmlDeviceGetGpuFabricInfo",))
        wait(lambda: service.labels.get("cuda.driver-version.full") == "580.159.04", "the upgrade")
        changed = {key for key in before if before[key] != service.labels[key]}
        assert {key.rpartition(".")[0] for key in changed} == {
            *("cuda.driver", "cuda.driver-version", "cuda.runtime", "cuda.runtime-version"),
        }
        assert before.keys() == service.labels.keys()


def test_labels_that_are_stale_for_too_long_are_withdrawn(tmp_path: Path) -> None:
    with serve(tmp_path, "--stale-after=1s", "--sleep-interval=1h") as service:
        wait(lambda: service.labels, "labels")
        before = service.file.read_bytes()
        service.play(replace(A100, faults=(Fault(function="nvmlInitWithFlags", error=9),)))
        (tmp_path / "lib" / "libnvidia-ml.so.1").touch()
        wait(lambda: service.log("cycle.failed"), "the failure")
        wait(lambda: not service.file.exists(), "the withdrawal")
        (withdrawn,) = wait(lambda: service.log("labels.withdrawn"), "the event")
        assert withdrawn["level"] == "warning"
        service.play(A100)
        wait(service.file.exists, "the labels again, without any change but the retry")
        assert service.file.read_bytes() == before
        (recovered,) = wait(lambda: service.log("cycle.recovered"), "the event")
        assert recovered["reason"].startswith("nvmlInit failed: Driver Not Loaded (NVML error 9)")


def test_a_mig_change_starts_a_cycle(tmp_path: Path) -> None:
    """The layout changes where the driver shows it, and only there: there is no interval."""
    folder = tmp_path / "proc" / "nvidia" / "capabilities" / "gpu0" / "mig"
    folder.mkdir(parents=True)
    with serve(
        tmp_path,
        *("--sleep-interval=infinite", "--mig-strategy=single", f"--proc-driver-dir={tmp_path / 'proc'}"),
    ) as service:
        wait(lambda: service.labels.get("gpu.product") == "A100-PCIE-40GB", "labels")
        service.play(MIG)
        for number in range(7):
            (folder / f"gi{number}" / "ci0").mkdir(parents=True)
            (folder / f"gi{number}" / "ci0" / "access").touch()
            time.sleep(0.1)
        wait(lambda: service.labels.get("gpu.count") == "7", "MIG labels")

        def changes() -> list[int]:
            return [entry["mig_devices"] for entry in service.log("cycle.published") if entry["changed"]]

        wait(lambda: changes() == [0, 7], "the word about it")
