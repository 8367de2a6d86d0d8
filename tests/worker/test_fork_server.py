"""The fork server as the service uses it, with the stand-in driver."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.config.loader import load
from gfd.errors import DriverUnavailable, ProbeError, TemplateError
from gfd.simulation import machines
from gfd.worker.fork_server import ForkServer
from gfd.worker.request import Request, build_request
from gfd.worker.result import CycleResult
from tests.standin import Fault, build, environment, from_inventory
from tests.worker.test_child_process import is_running, wait_until

pytestmark = pytest.mark.whole

A100 = from_inventory(machines.read("mig-doc", "all-disabled"))
PRODUCT = "nvidia.com/gpu.product"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    A100.write(tmp_path / "machine")
    (tmp_path / "lib").mkdir()
    for name, value in environment(tmp_path / "lib", tmp_path / "machine").items():
        monkeypatch.setenv(name, value)
    started = ForkServer()
    yield started
    started.close()


def request(**values: str) -> Request:
    return build_request(load({"probe_timeout_s": "60s", **values}, {}).config)


def children(pid: int | None = None) -> list[int]:
    """The processes that a process, by default this one, has started."""
    pid = pid or os.getpid()
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def test_each_read_is_a_new_child_that_ends(server: ForkServer, tmp_path: Path) -> None:
    """Nothing is remembered: a GPU with another name is seen, though its UUID and the driver are the same."""
    build(tmp_path / "lib")
    before = set(children())
    first = server.label(request())
    (pid,) = set(children()) - before
    assert children(pid) == []
    replace(A100, gpus=(replace(A100.gpus[0], name="Renamed"),)).write(tmp_path / "machine")
    second = server.label(request())
    assert first.labels[PRODUCT] != second.labels[PRODUCT] == "Renamed"
    assert children(pid) == []
    assert set(children()) - before == {pid}


def test_a_library_that_appears_disappears_and_changes(server: ForkServer, tmp_path: Path) -> None:
    def label() -> CycleResult:
        return server.label(request())

    library = tmp_path / "lib" / "libnvidia-ml.so.1"
    with pytest.raises(DriverUnavailable, match="could not be loaded"):
        label()
    build(tmp_path / "lib")
    assert label().labels["nvidia.com/cuda.driver.major"] == "460"
    library.unlink()
    with pytest.raises(DriverUnavailable, match="could not be loaded"):
        label()
    build(tmp_path / "lib", without=("nvmlDeviceGetGpuFabricInfo",))
    replace(A100, driver="535.1").write(tmp_path / "machine")
    assert label().labels["nvidia.com/cuda.driver.major"] == "535"
    whole = library.read_bytes()
    library.unlink()
    library.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProbeError):
        label()
    library.unlink()
    library.write_bytes(whole)
    assert label().gpus == 1
    assert server.failures == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_fork_server_is_started_again(
    server: ForkServer, tmp_path: Path, number: signal.Signals
) -> None:
    build(tmp_path / "lib")
    before = set(children())
    server.start()
    (pid,) = set(children()) - before
    os.kill(pid, number)
    if number == signal.SIGKILL:
        assert wait_until(lambda: not is_running(pid))
        assert server.label(request()).gpus == 1
    else:
        with pytest.raises(ProbeError, match="does not answer; gfd starts a new one"):
            server.label(request(probe_timeout_s="100ms"))
        assert server.label(request()).gpus == 1
    assert server.failures == 1


def test_a_fork_server_that_cannot_run(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it ends before or after it was sent a request, the service gets a ProbeError."""
    monkeypatch.setattr("gfd.worker.fork_server._program", lambda requests, replies: "raise SystemExit(3)")
    with pytest.raises(ProbeError, match="the fork server that reads the hardware ended"):
        server.label(request())
    start = server.start

    def start_and_wait() -> None:
        start()
        assert server._running is not None
        server._running.process.wait()

    monkeypatch.setattr(server, "start", start_and_wait)
    with pytest.raises(ProbeError, match="the fork server that reads the hardware ended"):
        server.label(request())


def test_close_ends_the_fork_server(server: ForkServer, tmp_path: Path) -> None:
    build(tmp_path / "lib")
    before = set(children())
    server.start()
    (pid,) = set(children()) - before
    assert server.label(request()).gpus == 1
    server.close()
    assert not is_running(pid)
    assert set(children()) == before


def test_templates_that_use_too_much_are_named(server: ForkServer, tmp_path: Path) -> None:
    build(tmp_path / "lib")
    folder = tmp_path / "templates"
    folder.mkdir()
    mine = folder / "mine.j2"
    for text, reason in (
        ("nvidia.com/a={{ 9**(10**8) }}", "was killed after 2 s of CPU time, in compiling template mine.j2"),
        (
            "nvidia.com/a={{ 9**(inventory.gpus|length*10**8) }}",
            "after 2 s of CPU time, in rendering template mine.j2; simplify the template",
        ),
    ):
        mine.write_text(text)
        with pytest.raises(ProbeError, match=reason.replace(".", r"\.")):
            server.label(request(template_dir=str(folder)))
    mine.write_text("nvidia.com/a={{ 'a' * (inventory.gpus|length * 10**9) }}")
    with pytest.raises(TemplateError, match="it needs more than 256 MiB, the limit for templates"):
        server.label(request(template_dir=str(folder)))
    mine.write_text("nvidia.com/a=1")
    assert server.label(request(template_dir=str(folder))).labels["nvidia.com/a"] == "1"


@pytest.mark.slow
def test_children_stuck_in_the_kernel(server: ForkServer, tmp_path: Path) -> None:
    """A process that writes to a frozen file system is stuck in the kernel, where no signal reaches it."""
    build(tmp_path / "lib")
    image, folder = tmp_path / "image", tmp_path / "frozen"
    folder.mkdir()
    mount = (
        ("truncate", "-s", "20M", image),
        ("mkfs.ext4", "-q", image),
        ("mount", "-o", "loop", image, folder),
    )
    try:
        for command in mount:
            subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no loop device may be mounted here, and so no process can be stuck in the kernel")
    # The stand-in writes its log of calls there.
    os.environ["GFD_STANDIN_LOG"] = str(folder / "calls")
    try:
        before = set(children())
        assert server.label(request()).gpus == 1
        subprocess.run(("fsfreeze", "-f", folder), check=True)
        try:
            for stuck in (1, 2):
                with pytest.raises(ProbeError, match="SIGKILL does not end it"):
                    server.label(request(probe_timeout_s="300ms"))
                assert server.stuck == stuck
            with pytest.raises(ProbeError, match="2 earlier reads are stuck in the kernel"):
                server.label(request())
            server.close()  # does not wait for stuck children
            assert set(children()) == before
        finally:
            subprocess.run(("fsfreeze", "-u", folder), check=True)
        assert wait_until(lambda: can_read(server))
    finally:
        del os.environ["GFD_STANDIN_LOG"]
        server.close()
        subprocess.run(("umount", folder), check=True)


def can_read(server: ForkServer) -> bool:
    try:
        return server.label(request()).gpus == 1 and not server.stuck
    except ProbeError:
        return False


def test_a_crash_in_the_driver_is_named(server: ForkServer, tmp_path: Path) -> None:
    build(tmp_path / "lib")
    replace(A100, faults=(Fault(function="nvmlDeviceGetName", segv=True),)).write(tmp_path / "machine")
    with pytest.raises(ProbeError, match="was killed by SIGSEGV, in nvmlDeviceGetName on GPU 0"):
        server.label(request())
    A100.write(tmp_path / "machine")
    assert server.label(request()).gpus == 1
