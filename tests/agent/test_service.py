"""The service as a process, on the stand-in driver."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.agent.watcher import IDLE_S
from gfd.probe import sysfs
from gfd.publishing.sinks.delayed_touch import DELAY_S
from gfd.simulation import machines
from tests.agent.running import A100, MIG, PATIENCE_S, fetch, free_port, play, serve, wait
from tests.standin import Fault, Standin, build, environment, from_inventory

pytestmark = pytest.mark.whole


def test_a_service_follows_the_hardware_and_leaves_its_labels(tmp_path: Path) -> None:
    with serve(tmp_path, "--mig-strategy=single") as service:
        wait(lambda: service.labels.get("gpu.product") == "A100-PCIE-40GB", "labels")
        # A file that is written anew is another one; its times move as it is read and touched.
        before, count = service.file.stat().st_ino, len(service.labels)
        wait(lambda: len(service.log("cycle.published")) > 3, "quiet cycles")
        assert service.file.stat().st_ino == before
        service.play(MIG)
        wait(lambda: service.labels.get("gpu.product") == "A100-PCIE-40GB-MIG-1g.5gb", "MIG labels")
        timestamp = service.labels["gfd.timestamp"]
        put_s = service.file.stat().st_mtime
        code, took_s = service.end()
        assert code == 0
        assert took_s < 1 + DELAY_S
        # It was not too late to let nfd-worker read the change again.
        assert service.file.stat().st_mtime > put_s + 1
        assert service.labels["gpu.count"] == "7"
        assert service.labels["gfd.timestamp"] == timestamp
        first, *rest = service.log("cycle.published")
        facts = {name: first[name] for name in ("level", "gpus", "mig_devices", "labels", "changed")}
        assert facts == {"level": "info", "gpus": 1, "mig_devices": 0, "labels": count, "changed": ["file"]}
        assert [entry["mig_devices"] for entry in rest if entry["level"] == "info"] == [7]
        assert {entry["level"] for entry in rest} == {"info", "debug"}
        assert service.log()[-1]["event"] == "service.stopped"
    calls = (tmp_path / "calls").read_text()
    # An open handle between cycles would block a MIG change or a driver upgrade.
    assert calls.count("nvmlInit") == calls.count("nvmlShutdown") > 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_other_signals_end_it_too(tmp_path: Path, number: signal.Signals) -> None:
    with serve(tmp_path, "--sleep-interval=infinite") as service:
        wait(lambda: service.labels, "labels")
        assert service.end(number)[0] == 0
        assert len(service.log("cycle.published")) == 1


def test_a_call_that_hangs_does_not_keep_it_alive(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        service.play(replace(A100, faults=(Fault(function="nvmlDeviceGetUUID", hang=True),)))
        wait(lambda: (tmp_path / "calls").read_text().endswith("nvmlDeviceGetUUID gpu=0\n"), "the hang")
        code, took_s = service.end()
        assert code == 0
        assert took_s < 1 + DELAY_S


def test_the_feature_file_is_repaired_at_once(tmp_path: Path) -> None:
    with serve(tmp_path, "--sleep-interval=infinite") as service:
        wait(lambda: service.labels, "labels")
        text, directory = service.file.read_text(), service.file.parent

        def repaired() -> bool:
            return service.file.is_file() and service.file.read_text() == text

        service.file.unlink()
        wait(repaired, "the file after its removal")
        (directory / "new").write_text("nvidia.com/gpu.count=8\n")
        (directory / "new").replace(service.file)
        wait(repaired, "the file after a change")
        os.mkfifo(directory / "new")
        (directory / "new").replace(service.file)
        wait(repaired, "the file after a pipe")
        directory.rename(tmp_path / "old")
        wait(lambda: service.log("publish.failed"), "the failure")
        directory.mkdir()
        wait(repaired, "the file in a new directory")
        # What gfd writes itself, and that it touches the file, is nothing to repair.
        lock = directory / ".gfd-tmp/gfd.lock"
        wait(lambda: service.file.stat().st_mtime > lock.stat().st_mtime, "the touch")
        time.sleep(2 * IDLE_S)
        first, second, third, *last = [entry["what"] for entry in service.log("drift.detected")]
        assert (first, second, third) == ("deleted", "labels", "labels")
        # The new directory is seen by the watch, or before that by a retry.
        assert last in (["deleted"], ["deleted", "deleted"])


def test_reload(tmp_path: Path) -> None:
    config, port = tmp_path / "config.yaml", free_port()
    good = "flags: {migStrategy: none}\n"
    config.write_text(good)
    given = (f"--config-file={config}", "--sleep-interval=infinite", f"--metrics-addr=127.0.0.1:{port}")
    with serve(tmp_path, *given) as service:
        wait(lambda: service.labels, "labels")
        assert "mig.strategy" not in service.labels
        config.write_text("flags: {migStrategy: wrong}\n")
        service.process.send_signal(signal.SIGHUP)
        (rejected,) = wait(lambda: service.log("config.rejected"), "the rejection")
        assert rejected["reason"].startswith(f"flags.migStrategy ({config}:1): 'wrong' is not a valid value")
        assert "mig.strategy" not in service.labels
        wait(lambda: "\ngfd_config_rejected 1.0\n" in fetch(port, "/metrics")[1], "the metric")
        assert fetch(port, "/readyz") == (
            200,
            "ok\nconfiguration rejected, the one loaded before is in force: " + rejected["reason"] + "\n",
        )
        # What cannot be read at all does not hang it either.
        config.unlink()
        os.mkfifo(config)
        wait(lambda: len(service.log("config.rejected")) > 1, "the rejection of a pipe")
        assert service.log("config.rejected")[-1]["reason"].endswith("it is a pipe, not a regular file")
        config.unlink()
        # What is on disk is what is in force again.
        config.write_text(good)
        wait(lambda: "\ngfd_config_rejected 0.0\n" in fetch(port, "/metrics")[1], "the end of the rejection")
        assert fetch(port, "/readyz") == (200, "ok\n")
        config.write_text("flags: {migStrategy: mixed}\nnonsense: 1\n")
        service.process.send_signal(signal.SIGHUP)
        wait(lambda: service.labels.get("mig.strategy") == "mixed", "the new strategy")
        (doubted,) = service.log("config.warning")
        assert doubted["reason"].startswith(f"{config}:2: unknown key nonsense is ignored")
        wait(lambda: len(service.log("cycle.published")) == 2, "the second line")
        assert [entry["level"] for entry in service.log("cycle.published")] == ["info", "info"]
        assert "\ngfd_config_warnings 1.0\n" in fetch(port, "/metrics")[1]
        assert fetch(port, "/readyz") == (200, f"ok\nconfiguration warning: {doubted['reason']}\n")
        # The key goes, and nothing else changes.
        config.write_text("flags: {migStrategy: mixed}\n")
        wait(lambda: fetch(port, "/readyz") == (200, "ok\n"), "the end of the doubt")
        assert service.end()[0] == 0


def test_it_is_not_ready_while_no_sink_holds_the_labels(tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, f"--metrics-addr=127.0.0.1:{port}") as service:
        wait(lambda: service.log("cycle.published"), "labels")
        assert fetch(port, "/readyz") == (200, "ok\n")
        service.file.unlink()
        service.file.mkdir()
        wait(lambda: fetch(port, "/readyz")[0] == 503, "the failure")
        said = fetch(port, "/readyz")[1]
        assert said.startswith(f"no sink has taken the labels: sink file: {service.file}: ")
        service.file.rmdir()
        wait(lambda: fetch(port, "/readyz") == (200, "ok\n"), "readiness again")
        assert service.labels


def test_a_template_that_breaks_keeps_the_last_labels(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "mine.j2").write_text("nvidia.com/mine=1\n")
    with serve(tmp_path, f"--template-dir={templates}") as service:
        wait(lambda: service.labels.get("mine") == "1", "labels")
        (templates / "mine.j2").write_text("nvidia.com/mine={{ 1/0 }}\n")
        service.process.send_signal(signal.SIGHUP)
        failed = wait(lambda: service.log("cycle.failed"), "the failure")
        assert failed[0]["reason"] == (
            "template mine.j2, line 1: division by zero in «nvidia.com/mine={{ 1/0 }}»"
        )
        assert service.labels["mine"] == "1"


def test_what_fails_again_and_again_is_said_once(tmp_path: Path) -> None:
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


def test_one_gpu_that_fails_is_left_out_and_named(tmp_path: Path) -> None:
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
def test_mig_that_may_not_be_seen_takes_no_gpu_away(tmp_path: Path, strategy: str, event: str) -> None:
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


def test_without_a_driver_it_says_so_and_exits(tmp_path: Path) -> None:
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


def test_a_second_service_on_one_file_is_refused(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        second = subprocess.run(
            [sys.executable, "-m", "gfd", "-o", str(service.file)],
            env=environment(tmp_path / "lib", tmp_path / "machine"),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert second.returncode == 1
        assert f"another gfd (process {service.process.pid}) writes this file" in second.stderr


def test_an_output_directory_that_is_missing_at_the_start(tmp_path: Path) -> None:
    with serve(tmp_path, f"--output-file={tmp_path}/gone/gfd") as service:
        assert service.process.wait(PATIENCE_S) == 1
        assert "No such file or directory; create it" in (tmp_path / "log").read_text()


def test_an_output_directory_that_goes_and_comes_back(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        service.file.parent.rename(tmp_path / "away")
        wait(lambda: service.log("publish.failed"), "the failure")
        service.file.parent.mkdir()
        wait(lambda: service.labels, "labels again")
        assert service.process.poll() is None


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
        (healed,) = service.log("cycle.recovered")
        assert healed["reason"].startswith("nvmlInit failed: Driver Not Loaded (NVML error 9)")


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


def test_a_changed_config_file_is_loaded_without_being_asked(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("flags: {migStrategy: none}\n")
    with serve(tmp_path, f"--config-file={config}", "--sleep-interval=infinite") as service:
        wait(lambda: service.labels, "labels")
        timestamp = service.labels["gfd.timestamp"]
        config.write_text("flags: {migStrategy: 'none'} # the same in other words\n")
        time.sleep(2)
        assert not service.log("config.reloaded")
        config.write_text("flags: {migStrategy: mixed}\n")
        wait(lambda: service.labels.get("mig.strategy") == "mixed", "the new strategy")
        assert int(service.labels["gfd.timestamp"]) > int(timestamp)


def test_what_it_tells(tmp_path: Path) -> None:
    port = free_port()

    def read(path: str) -> tuple[int, str]:
        return fetch(port, path)

    with serve(tmp_path, f"--metrics-addr=127.0.0.1:{port}", "--mig-strategy=mixed", machine=MIG) as service:
        wait(lambda: service.log("cycle.published"), "labels")
        wait(lambda: read("/readyz") == (200, "ok\n"), "readiness")
        assert read("/healthz") == (200, "ok\n")
        metrics = read("/metrics")[1]
        for line in (
            'gfd_gpus{state="ok"} 1.0',
            'gfd_mig_devices{profile="1g.5gb"} 7.0',
            f"gfd_labels {float(len(service.labels))}",
            'gfd_published_changes_total{sink="file"} 1.0',
            "gfd_stale 0.0",
        ):
            assert f"\n{line}\n" in metrics
        service.play(replace(MIG, faults=(Fault(function="nvmlDeviceGetHandleByIndex", error=15),)))
        wait(lambda: read("/readyz")[0] == 503, "the staleness")
        assert "the labels are stale since" in read("/readyz")[1]
        assert "nvmlDeviceGetHandleByIndex on GPU 0 failed: GPU is lost" in read("/readyz")[1]
        assert "\ngfd_stale 1.0\n" in read("/metrics")[1]
        assert read("/healthz") == (200, "ok\n")
        second = subprocess.run(
            [sys.executable, "-m", "gfd", "-o", str(tmp_path / "x"), f"--metrics-addr=127.0.0.1:{port}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert second.returncode == 1
        assert "the port is in use" in second.stderr


def test_a_driver_that_is_late_does_not_blank_what_was_published_before(tmp_path: Path) -> None:
    (tmp_path / "features.d").mkdir()
    file = tmp_path / "features.d" / "gfd"
    file.write_text("nvidia.com/gpu.count=1\n")
    arguments = ("--fail-on-init-error=false", "--no-timestamp")
    has_gpu = sysfs.has_gpu()
    with serve(tmp_path, *arguments, library=False) as service:
        if has_gpu:
            wait(lambda: service.log("cycle.failed"), "the failure")
            assert file.read_text() == "nvidia.com/gpu.count=1\n"
        else:
            wait(lambda: service.log("driver.not_found"), "the word about it")
            wait(lambda: "gpu.count" not in service.labels, "the labels of a node without a GPU")


def test_it_tells_systemd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, pytest.MonkeyPatch.context() as patch:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        patch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        patch.setenv("WATCHDOG_USEC", "500000")
        with serve(tmp_path) as service:
            told = [systemd.recv(4096).decode()]
            while told.count("WATCHDOG=1") < 3 or not any(text.startswith("READY=1") for text in told):
                told.append(systemd.recv(4096).decode())
            assert "READY=1\nSTATUS=ok" in told
            service.process.send_signal(signal.SIGHUP)
            while not told[-1].startswith("RELOADING=1\nMONOTONIC_USEC="):
                told.append(systemd.recv(4096).decode())
            service.end()
            while told[-1] != "STOPPING=1":
                told.append(systemd.recv(4096).decode())


def test_nothing_is_left_behind_when_it_is_killed(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        service.end(signal.SIGKILL)
        assert service.labels["gpu.count"] == "1"
    with serve(tmp_path) as service:
        wait(lambda: service.log("cycle.published"), "labels by another")
        names = sorted(os.listdir(service.file.parent))
        assert names == [".gfd-tmp", "gfd"]


def test_an_interval_that_is_shorter_than_a_cycle(tmp_path: Path) -> None:
    with serve(tmp_path, "--sleep-interval=100us") as service:
        wait(lambda: len(service.log("cycle.published")) > 5, "cycles")
        overruns = service.log("interval.exceeded")
        assert [entry["level"] for entry in overruns].count("warning") == 1
        assert overruns[0]["interval_s"] == 0.0001
        # One at a time: never was NVML opened twice before it was closed.
        calls = (tmp_path / "calls").read_text().splitlines()
        turns = [line.split()[0] for line in calls if line.startswith(("nvmlInit", "nvmlShutdown"))]
        assert turns[::2] == ["nvmlInitWithFlags"] * len(turns[::2])
        assert turns[1::2] == ["nvmlShutdown"] * len(turns[1::2])
        assert service.end()[0] == 0
