"""Children that really hang, crash and eat."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from gfd import limits
from gfd.errors import NvmlCallFailed, ProbeError
from gfd.limits import Note
from gfd.worker import child_process
from gfd.worker.child_main import Work
from gfd.worker.pipes import Stopped

pytestmark = pytest.mark.whole

READING = "the process that reads the hardware"


def hang(note: Note) -> dict[str, Any]:
    note("nvmlDeviceGetName on GPU 0")
    while True:
        time.sleep(60)


def crash(note: Note) -> dict[str, Any]:
    note("nvmlDeviceGetName on GPU 0")
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def leave(note: Note) -> NoReturn:
    note("nvmlInit")
    os._exit(3)


def err(note: Note) -> NoReturn:
    raise ValueError("a defect")


def compute(note: Note) -> dict[str, Any]:
    limits.impose()
    note("template mine.j2")
    return {"digits": 9**10**8}


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (hang, "reading the hardware did not end within 2 s: it hung in nvmlDeviceGetName on GPU 0"),
        (crash, f"{READING} was ended by SIGSEGV, in nvmlDeviceGetName on GPU 0"),
        (leave, f"{READING} ended with exit code 3, in nvmlInit"),
        (err, f"{READING} failed, in its beginning: ValueError: a defect (test_child_process.py, line 43)"),
    ],
)
def test_a_child_that_does_not_answer(work: Work, reason: str) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ProbeError) as failed:
        # Who ends by itself may first write down what of it was covered.
        child_process.run(work, 2 if work is hang else 30)
    assert str(failed.value) == reason
    assert len(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_expression_that_takes_for_ever_is_ended() -> None:
    with pytest.raises(ProbeError) as failed:
        child_process.run(compute, 30)
    assert str(failed.value) == f"{READING} was ended after 2 s of CPU time, in template mine.j2"


def test_memory_is_bounded() -> None:
    def eat(note: Note) -> dict[str, Any]:
        limits.impose()
        try:
            return {"size": len(b"a" * (1 << 30))}
        except MemoryError:
            return {"size": 0}

    assert child_process.run(eat, 30) == {"size": 0}


def test_an_answer_larger_than_a_pipe() -> None:
    text = "x" * 1_000_000
    assert child_process.run(lambda note: {"text": text}, 10) == {"text": text}


def test_an_error_of_the_work() -> None:
    def fail(note: Note) -> NoReturn:
        raise NvmlCallFailed("nvmlDeviceGetName", "GPU 0", 15, "GPU is lost")

    with pytest.raises(NvmlCallFailed, match="nvmlDeviceGetName on GPU 0 failed: GPU is lost"):
        child_process.run(fail, 10)


def test_nobody_waits_any_more() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    started = child_process.start(hang)
    with pytest.raises(Stopped):
        child_process.finish(started, 30, reader)
    os.close(reader)
    assert child_process.reap(started.pid, time.monotonic() + 5) == signal.SIGKILL


def test_a_child_ends_with_who_forked_it() -> None:
    def fork_another(note: Note) -> dict[str, Any]:
        return {"pid": child_process.start(hang).pid}

    pid = child_process.run(fork_another, 10)["pid"]
    assert wait_until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], patience_s: float = 10) -> bool:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02)
    return True
