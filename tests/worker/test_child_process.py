"""Child processes that hang, crash, and use too much CPU time and memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from gfd.errors import NvmlCallFailed, ProbeError
from gfd.inventory.progress import Progress
from gfd.labels import limits
from gfd.labels.requirements import KERNEL_LOG_ADVICE
from gfd.worker import child_process
from gfd.worker.child_main import Work

pytestmark = pytest.mark.whole

READING = "the process that reads the hardware"
NAME = "nvmlDeviceGetName on GPU 0"
LONGER = f"{KERNEL_LOG_ADVICE}, or pass a longer --probe-timeout"


def hang(progress: Progress) -> dict[str, Any]:
    progress("nvmlDeviceGetName on GPU 0")
    while True:
        time.sleep(60)


def crash(progress: Progress) -> dict[str, Any]:
    progress("nvmlDeviceGetName on GPU 0")
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def leave(progress: Progress) -> NoReturn:
    progress("nvmlInit")
    os._exit(3)


def err(progress: Progress) -> NoReturn:
    raise ValueError("a defect")


def compute(progress: Progress) -> dict[str, Any]:
    limits.impose()
    progress("template mine.j2")
    return {"digits": 9**10**8}


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (hang, f"reading the hardware took longer than 2 s: it hung in {NAME}; {LONGER}"),
        (crash, f"{READING} was killed by SIGSEGV, in {NAME}; {KERNEL_LOG_ADVICE}"),
        (leave, f"{READING} exited with code 3, in nvmlInit; {KERNEL_LOG_ADVICE}"),
        (err, f"{READING} failed, in startup: ValueError: a defect (test_child_process.py, line 45)"),
    ],
)
def test_a_child_without_an_answer(work: Work, reason: str) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ProbeError) as failed:
        # A child that exits by itself first writes its coverage, which takes time.
        child_process.run(work, 2 if work is hang else 30)
    assert str(failed.value) == reason
    assert len(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_endless_expression_is_killed() -> None:
    with pytest.raises(ProbeError) as failed:
        child_process.run(compute, 30)
    assert failed.value.reason == f"{READING} was killed after 2 s of CPU time, in template mine.j2"
    assert failed.value.advice == "simplify the template"


def test_memory_is_limited() -> None:
    def eat(progress: Progress) -> dict[str, Any]:
        limits.impose()
        try:
            return {"size": len(b"a" * (1 << 30))}
        except MemoryError:
            return {"size": 0}

    assert child_process.run(eat, 30) == {"size": 0}


def test_an_answer_larger_than_a_pipe() -> None:
    text = "x" * 1_000_000
    assert child_process.run(lambda progress: {"text": text}, 10) == {"text": text}


def test_an_error_of_the_work() -> None:
    def fail(progress: Progress) -> NoReturn:
        raise NvmlCallFailed("nvmlDeviceGetName", "GPU 0", 15, "GPU is lost")

    with pytest.raises(NvmlCallFailed, match="nvmlDeviceGetName on GPU 0 failed: GPU is lost"):
        child_process.run(fail, 10)


def test_a_child_ends_with_its_parent() -> None:
    def fork_grandchild(progress: Progress) -> dict[str, Any]:
        return {"pid": child_process.start(hang).pid}

    pid = child_process.run(fork_grandchild, 10)["pid"]
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
