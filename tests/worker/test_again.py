"""A child that stays: what it asks again, what it takes from before, and when it is replaced."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ProbeError
from gfd.simulation import machines
from gfd.worker import child_process
from gfd.worker import fork_server_main as server_module
from gfd.worker.fork_server import ForkServer
from gfd.worker.request import Request
from tests.standin import Fault, Standin, build, environment, from_inventory
from tests.worker.test_child_process import is_running, wait_until
from tests.worker.test_fork_server import order

pytestmark = pytest.mark.whole

MIXED = order(mig_strategy="mixed", no_timestamp="true")
NODE = replace(from_inventory(machines.read("mig-doc", "all-1g.5gb")), driver="535.1")


def with_gpu(**changes: Any) -> Standin:
    return replace(NODE, gpus=(replace(NODE.gpus[0], **changes), *NODE.gpus[1:]))


def with_mig(**changes: Any) -> Standin:
    first, *others = NODE.gpus[0].migs
    return with_gpu(migs=(replace(first, **changes), *others))


FABRIC = {"fabric_state": 3, "fabric_status": 0, "fabric_cluster": "ab" * 16, "fabric_clique": 7}

CHANGES = {
    "MIG is off": with_gpu(mig=False, migs=()),
    "there is no MIG": with_gpu(mig=None, migs=(), profiles=()),
    "ECC takes memory": with_gpu(memory=(NODE.gpus[0].memory or 0) * 15 // 16),
    "memory cannot be told": with_gpu(memory=None),
    "the fabric is there": with_gpu(**FABRIC),
    "a MIG device went": with_gpu(migs=NODE.gpus[0].migs[1:]),
    "all MIG devices went": with_gpu(migs=()),
    "a MIG device is another": with_mig(uuid="MIG-other", sm=7),
    "a MIG device is another under the same UUID": with_mig(memory_mib=4096, sm=7),
    "a MIG device cannot be read": replace(
        NODE, faults=(Fault(function="nvmlDeviceGetAttributes", gpu=0, mig=0, error=999),)
    ),
    "the GPU is another": with_gpu(uuid="GPU-other", name="Another", cc_major=9),
    "the GPU is lost": replace(NODE, faults=(Fault(function="nvmlDeviceGetUUID", gpu=0, mig=-1, error=15),)),
    "a GPU was added": replace(NODE, gpus=(*NODE.gpus, replace(NODE.gpus[0], uuid="GPU-2"))),
    "the driver is another": replace(NODE, driver="580.1", gpus=with_gpu(name="Renamed").gpus),
    "CUDA is another": replace(NODE, cuda=13010),
    "no fabric question can be asked": replace(
        NODE, faults=(Fault(function="nvmlDeviceGetGpuFabricInfo", gpu=0, error=15),)
    ),
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    build(tmp_path / "lib")
    NODE.write(tmp_path / "machine")
    for name, value in environment(tmp_path / "lib", tmp_path / "machine", tmp_path / "calls").items():
        monkeypatch.setenv(name, value)
    started = ForkServer()
    yield started
    started.close()


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def reader(before: set[int]) -> int:
    (fork_server,) = set(children(os.getpid())) - before
    (pid,) = children(fork_server)
    return pid


def answer(server: ForkServer, asked: Request) -> dict[str, Any] | str:
    try:
        return server.ask(asked)
    except ProbeError as error:
        return str(error)


@pytest.mark.parametrize("change", CHANGES)
def test_what_can_change_is_seen(server: ForkServer, tmp_path: Path, change: str) -> None:
    before = server.ask(MIXED)
    assert server.ask(MIXED) == before
    CHANGES[change].write(tmp_path / "machine")
    seen = answer(server, MIXED)
    assert seen == answer(server, MIXED._replace(is_fresh=True))
    NODE.write(tmp_path / "machine")
    assert server.ask(MIXED) == before


MEMORY_REFUSED = Fault(function="nvmlDeviceGetMemoryInfo", gpu=0, mig=-1, error=4)
NO_DEVICES = Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", gpu=0, error=6)


@pytest.mark.parametrize("strategy", ["none", "single", "mixed"])
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param((MEMORY_REFUSED,), id="the memory is refused"),
        pytest.param((MEMORY_REFUSED, NO_DEVICES), id="the memory is refused and MIG cannot be seen"),
        pytest.param((replace(MEMORY_REFUSED, error=999),), id="the memory cannot be read"),
    ],
)
def test_what_is_refused_is_seen(
    server: ForkServer, tmp_path: Path, strategy: str, faults: tuple[Fault, ...]
) -> None:
    asked = order(mig_strategy=strategy, no_timestamp="true")
    before = server.ask(asked)
    assert server.ask(asked) == before
    replace(NODE, faults=faults).write(tmp_path / "machine")
    seen = answer(server, asked)
    assert seen != before
    assert seen == answer(server, asked) == answer(server, asked._replace(is_fresh=True))
    NODE.write(tmp_path / "machine")
    assert server.ask(asked) == server.ask(asked) == before


def test_what_cannot_change_is_taken_from_before_unless_the_read_is_fresh(
    server: ForkServer, tmp_path: Path
) -> None:
    """Neither a GPU's name nor the placement of a MIG device changes under the same UUID."""
    before = server.ask(MIXED)
    with_gpu(name="Renamed").write(tmp_path / "machine")
    assert server.ask(MIXED) == before
    fresh = server.ask(MIXED._replace(is_fresh=True))
    assert fresh["labels"]["nvidia.com/gpu.product"] == "Renamed"
    assert server.ask(MIXED) == fresh


def test_it_stays_while_all_is_well(server: ForkServer, tmp_path: Path) -> None:
    others = set(children(os.getpid()))
    server.ask(MIXED)
    pid = reader(others)
    server.ask(MIXED)
    assert reader(others) == pid
    calls = (tmp_path / "calls").read_text()
    assert calls.count("nvmlInit") == calls.count("nvmlShutdown") == 2
    server.ask(MIXED._replace(is_fresh=True))
    assert reader(others) != pid
    assert not is_running(pid)
    pid = reader(others)
    server.ask(order(mig_strategy="single"))
    assert reader(others) != pid
    server.close()
    assert set(children(os.getpid())) == others


def test_one_that_was_killed_while_it_had_nothing_to_do(server: ForkServer) -> None:
    others = set(children(os.getpid()))
    before = server.ask(MIXED)
    pid = reader(others)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))
    assert server.ask(MIXED) == before
    assert server.losses == 0


def test_it_does_not_stay_with_a_driver_that_would_not_shut_down(server: ForkServer, tmp_path: Path) -> None:
    replace(NODE, faults=(Fault(function="nvmlShutdown", error=999),)).write(tmp_path / "machine")
    others = set(children(os.getpid()))
    server.ask(MIXED)
    (fork_server,) = set(children(os.getpid())) - others
    assert children(fork_server) == []


def test_templates_of_the_operator_never_stay(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("nvidia.com/a=1")
    others = set(children(os.getpid()))
    server.ask(order(template_dir=str(tmp_path / "templates")))
    (fork_server,) = set(children(os.getpid())) - others
    assert children(fork_server) == []


def test_what_it_remembers_has_an_age(
    server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process looked for its libraries before they were there.
    build(tmp_path / "usr" / "lib")
    asking = order(mig_strategy="mixed", driver_root=str(tmp_path))
    silence, mouth = os.pipe()
    with open(silence, "rb", buffering=0) as orders, open(os.devnull, "wb", buffering=0) as answers:
        asked = server_module._Server(orders, answers)
        assert asked._answer(asking, time.monotonic())
        assert asked._kept is not None
        pid = asked._kept.child.pid
        assert asked._answer(asking, time.monotonic())
        assert asked._kept.child.pid == pid
        monkeypatch.setattr(server_module, "MAX_AGE_S", 0.0)
        assert asked._answer(asking, time.monotonic())
        assert asked._kept.child.pid != pid
        child_process.dismiss(asked._kept.child)
    os.close(mouth)
