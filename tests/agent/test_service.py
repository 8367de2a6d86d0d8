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
from gfd.publishing.sinks.delayed_touch import DELAY_S
from tests.agent.running import A100, MIG, PATIENCE_S, fetch, free_port, serve, wait
from tests.standin import Fault, environment

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
def test_other_signals_end_the_service(tmp_path: Path, number: signal.Signals) -> None:
    with serve(tmp_path, "--sleep-interval=infinite") as service:
        wait(lambda: service.labels, "labels")
        assert service.end(number)[0] == 0
        assert len(service.log("cycle.published")) == 1


def test_a_call_that_hangs_does_not_delay_the_end(tmp_path: Path) -> None:
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


def test_the_service_is_not_ready_while_no_sink_takes_the_labels(tmp_path: Path) -> None:
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


def test_metrics_health_and_readiness(tmp_path: Path) -> None:
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


def test_systemd_is_notified(tmp_path: Path) -> None:
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


def test_a_killed_service_leaves_nothing_behind(tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        wait(lambda: service.labels, "labels")
        service.end(signal.SIGKILL)
        assert service.labels["gpu.count"] == "1"
    with serve(tmp_path) as service:
        wait(lambda: service.log("cycle.published"), "labels by another")
        names = sorted(os.listdir(service.file.parent))
        assert names == [".gfd-tmp", "gfd"]


def test_an_interval_shorter_than_a_cycle(tmp_path: Path) -> None:
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
