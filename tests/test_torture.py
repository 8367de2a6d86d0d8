"""The service in bad conditions: killed, on a full disk, with a broken driver, with endless changes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.agent.running import A100, MIG, Service, serve, wait
from tests.standin import Fault, Standin, environment
from tests.worker.test_child_process import is_running, wait_until

pytestmark = pytest.mark.slow

SINGLE = ("--mig-strategy=single", "--no-timestamp")

NOT_SUPPORTED, GPU_IS_LOST, UNKNOWN = 3, 15, 999

FUNCTIONS = (
    "nvmlInitWithFlags",
    "nvmlShutdown",
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetBrand",
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetPciInfo",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetGpuFabricInfo",
    "nvmlDeviceGetGpuInstanceProfileInfo",
    "nvmlDeviceGetMaxMigDeviceCount",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlDeviceGetAttributes",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetComputeInstanceId",
    "nvmlDeviceGetGpuInstanceById",
    "nvmlGpuInstanceGetInfo",
    "nvmlGpuInstanceGetComputeInstanceById",
    "nvmlComputeInstanceGetInfo",
    "nvmlGpuInstanceGetComputeInstanceProfileInfo",
)
"""The functions that a read calls, by their names in faults."""


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for each in found:
        try:
            with open(f"/proc/{each}/task/{each}/children") as file:
                found += [int(child) for child in file.read().split()]
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/children") as file:
                    found += [int(child) for child in file.read().split() if int(child) not in found]
        except FileNotFoundError:
            continue
    return list(dict.fromkeys(found))


def test_every_function_hangs_crashes_and_exits(tmp_path: Path) -> None:
    """One service survives all of it, and its labels stay the same."""
    with serve(tmp_path, *SINGLE, "--probe-timeout=400ms", machine=MIG) as service:
        wait(lambda: service.labels, "labels")
        labels = service.file.read_bytes()
        for function in FUNCTIONS:
            for fault, word in (
                (Fault(function=function, hang=True), "it hung in "),
                (Fault(function=function, segv=True), "was killed by SIGSEGV, in "),
                (Fault(function=function, exit=True), "exited with code "),
            ):
                count = len(service.log("cycle.failed"))
                service.play(replace(MIG, faults=(fault,)))

                def failures(count: int = count, word: str = word, name: str = function) -> bool:
                    told = [entry["reason"] for entry in service.log("cycle.failed")[count:]]
                    # gfd may call another version of the function than the fault names.
                    return any(word in text and name.split("WithFlags")[0] in text for text in told)

                wait(failures, f"{function}: {word}")
                assert service.file.read_bytes() == labels
                healed = len(service.log("cycle.recovered"))
                service.play(MIG)
                wait(partial(has_more, service, healed), f"{function} to heal")
                assert service.file.read_bytes() == labels
        assert service.process.poll() is None
        assert wait_until(lambda: len(family(service.process.pid)) == 2)


def run_oneshot(folder: Path, machine: Standin) -> tuple[str, bytes]:
    """Return error and output of one-shot with the same options."""
    described = machine.write(folder / "oneshot")
    run = subprocess.run(
        (sys.executable, "-m", "gfd", "--oneshot", "--output-file=", *SINGLE),
        env=environment(folder / "lib", described, folder / "oneshot.calls"),
        capture_output=True,
        check=False,
    )
    lines = run.stderr.decode().splitlines()
    failed = [line.removeprefix("gfd: ") for line in lines if not line.startswith("gfd: warning: ")]
    return "; ".join(failed) if run.returncode else "", run.stdout


@pytest.mark.parametrize("code", [NOT_SUPPORTED, GPU_IS_LOST, UNKNOWN])
def test_every_function_fails_on_one_of_two_gpus(tmp_path: Path, code: int) -> None:
    """The service publishes the same labels as one-shot, and keeps its labels if one-shot fails."""
    first = MIG.gpus[0]
    second = replace(first, uuid="GPU-11111111-1111-1111-1111-111111111111", pci="00000000:41:00.0")
    pair = replace(MIG, gpus=(first, second))
    kept = published = 0
    with serve(tmp_path, *SINGLE, machine=pair) as service:
        wait(lambda: service.labels, "labels")
        whole = service.file.read_bytes()
        for function in FUNCTIONS:
            machine = replace(pair, faults=(Fault(function=function, gpu=1, error=code),))
            reason, text = run_oneshot(tmp_path, machine)
            count = len(cycles(service))
            service.play(machine)
            # The cycle that was running may have read the machine before the change.
            wait(lambda count=count: len(cycles(service)) > count + 2, f"cycles with {function}")  # type: ignore[misc]
            if reason:
                kept += 1
                assert service.log("cycle.failed")[-1]["reason"] == reason
                assert service.file.read_bytes() == whole
            else:
                published += 1
                assert service.file.read_bytes() == text
            service.play(pair)
            wait(lambda: service.file.read_bytes() == whole, f"{function} to heal")
        assert service.process.poll() is None
    assert published
    assert kept + published == len(FUNCTIONS)


def cycles(service: Service) -> list[dict[str, Any]]:
    return service.log("cycle.published") + service.log("cycle.failed")


def has_more(service: Service, healed: int) -> bool:
    return len(service.log("cycle.recovered")) > healed


def has_cycled(service: Service, count: int) -> bool:
    return len(service.log("cycle.published")) > count


def counts(service: Service, gpus: str) -> bool:
    return service.labels.get("gpu.count") == gpus


def are_gone(pids: list[int]) -> bool:
    return not any(map(is_running, pids))


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """The file is always one complete version, and no process or temporary file is left.

    GFD_SOAK_KILLS makes the test longer.
    """
    kills = int(os.environ.get("GFD_SOAK_KILLS", "100"))
    whole: set[bytes] = set()
    for machine in (A100, MIG):
        started_s = time.monotonic()
        with serve(tmp_path, *SINGLE, machine=machine) as service:
            wait(lambda: service.log("cycle.published"), "labels")
            startup_s = time.monotonic() - started_s
            whole.add(service.file.read_bytes())
    assert len(whole) == 2
    chance = random.Random(1)
    seen: set[bytes] = set()
    for _ in range(kills):
        with serve(tmp_path, *SINGLE, "--sleep-interval=20ms", machine=MIG) as service:
            until_s = time.monotonic() + startup_s * (0.5 + 1.5 * chance.random())
            machines = [A100, MIG]
            while time.monotonic() < until_s:
                service.play(machines[0])
                machines.reverse()
                time.sleep(0.015)
            alive = family(service.process.pid)
            service.end(signal.SIGKILL)
            seen.add(service.file.read_bytes())
        assert wait_until(partial(are_gone, alive))
        assert sorted(os.listdir(service.file.parent)) == [".gfd-tmp", "gfd"]
        assert set(os.listdir(service.file.parent / ".gfd-tmp")) <= {"gfd", "gfd.lock"}
    assert seen == whole


def test_layouts_that_change_all_the_time(tmp_path: Path) -> None:
    with serve(tmp_path, *SINGLE, "--sleep-interval=50ms") as service:
        wait(lambda: service.labels, "labels")
        products = set()
        machines = [MIG, A100]
        turned_s = 0.0
        is_done = False
        while not is_done:
            if time.monotonic() > turned_s + 0.1:
                # Only now and then: each call reads the whole log.
                is_done = len(service.log("cycle.published")) >= 200
                turned_s = time.monotonic()
                service.play(machines[0])
                machines.reverse()
            labels = service.labels
            products.add((labels["gpu.product"], labels["gpu.count"]))
            time.sleep(0.002)
        assert products == {("A100-PCIE-40GB", "1"), ("A100-PCIE-40GB-MIG-1g.5gb", "7")}
        service.play(MIG)
        wait(lambda: service.labels["gpu.count"] == "7", "the last layout")
        assert not service.log("cycle.failed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "features.d"
    folder.mkdir()
    if subprocess.run(("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder), check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(("umount", "-l", folder), check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    with serve(tmp_path, *SINGLE) as service:
        wait(lambda: service.labels, "labels")
        before = service.file.read_bytes()
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "ballast").write_bytes(b"x" * (1 << 20))
        service.play(MIG)
        wait(lambda: len(service.log("publish.failed")) > 2, "failures")
        levels = [entry["level"] for entry in service.log("publish.failed")]
        assert levels.count("warning") == 1
        assert "No space left on device" in service.log("publish.failed")[0]["reason"]
        assert service.file.read_bytes() == before
        (small_disk / "ballast").unlink()
        wait(lambda: service.labels.get("gpu.count") == "7", "the labels")
        wait(lambda: service.log("publish.recovered"), "the word about it")


def test_a_disk_that_becomes_read_only(tmp_path: Path, small_disk: Path) -> None:
    with serve(tmp_path, *SINGLE) as service:
        wait(lambda: service.labels, "labels")
        before = service.file.read_bytes()
        subprocess.run(("mount", "-o", "remount,bind,ro", small_disk), check=True)
        service.play(MIG)
        wait(lambda: service.log("publish.failed"), "the failure")
        assert "Read-only file system; mount it writable" in service.log("publish.failed")[0]["reason"]
        assert service.file.read_bytes() == before
        subprocess.run(("mount", "-o", "remount,bind,rw", small_disk), check=True)
        wait(lambda: service.labels.get("gpu.count") == "7", "the labels")


def measure_memory_kib(service: Service) -> int:
    """Measure the memory that the service and its fork server allocated themselves.

    The sizes that the kernel calls private would also change with each child that is forked or ends, and with
    each other Python process on the machine.
    """
    size = 0
    for pid in family(service.process.pid)[:2]:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            size += sum(int(line.split()[1]) for line in file if line.startswith(("Anonymous:", "Swap:")))
    return size


def count_resources(service: Service) -> tuple[int, int, int]:
    """Count processes, threads and descriptors of the service and its fork server."""
    pids = family(service.process.pid)[:2]
    threads = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids)
    return len(pids), threads, len(os.listdir(f"/proc/{pids[0]}/fd"))


def test_soak(tmp_path: Path) -> None:
    """Memory, descriptors, threads and processes do not grow. GFD_SOAK_CYCLES makes the test longer."""
    last = int(os.environ.get("GFD_SOAK_CYCLES", "1500"))
    machines = [MIG, A100]
    with serve(
        tmp_path, *SINGLE, "--sleep-interval=20ms", "--log-level=info", f"--metrics-addr=127.0.0.1:{PORT}"
    ) as service:
        wait(lambda: service.labels, "labels")
        cycles_until(service, 500, machines)
        first_kib, first_shape = measure_minimum(service)
        cycles_until(service, last, machines)
        last_kib, last_shape = measure_minimum(service)
        assert last_shape == first_shape
        assert last_kib - first_kib <= 1024


PORT = 18_421


def measure_minimum(service: Service) -> tuple[int, tuple[int, int, int]]:
    """Return the minimum of several measurements: a running request or child adds to some of them."""
    samples = []
    for _ in range(40):
        samples.append((measure_memory_kib(service), count_resources(service)))
        time.sleep(0.03)
    return min(kib for kib, _ in samples), min(each for _, each in samples)


def cycles_until(service: Service, count: int, machines: list[Standin]) -> None:
    import urllib.request

    while True:
        service.play(machines[0])
        machines.reverse()
        time.sleep(0.5)
        assert service.process.poll() is None
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        if sum(float(line.split()[1]) for line in lines if line.startswith("gfd_cycles_total")) >= count:
            return


def test_clock_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "clock.so"
    source = Path(__file__).parent / "standin" / "clock.c"
    subprocess.run(("gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", shim, source), check=True)
    clock = tmp_path / "clock"
    clock.write_text("0")
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("GFD_CLOCK", str(clock))
    with serve(tmp_path, *SINGLE, "--label-ttl=10m") as service:
        monkeypatch.delenv("LD_PRELOAD")
        wait(lambda: service.labels, "labels")
        machines = [MIG, A100]
        for step_s in (-86_400, 0, 86_400, 0):
            (tmp_path / "clock.new").write_text(str(step_s))
            (tmp_path / "clock.new").replace(clock)
            counted = len(service.log("cycle.published"))
            service.play(machines[0])
            expected = {MIG: "7", A100: "1"}[machines[0]]
            machines.reverse()
            wait(partial(counts, service, expected), f"labels after a step to {step_s} s")
            wait(partial(has_cycled, service, counted + 3), "cycles that go on")
            expiry = service.file.read_text().splitlines()[0].removeprefix("# +expiry-time=")
            lives_s = datetime.fromisoformat(expiry).timestamp() - (time.time() + step_s)
            assert 0 < lives_s <= 601
        assert not service.log("cycle.failed")
