"""One child, forked for one piece of work, and waited for no longer than a deadline."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from gfd import limits
from gfd.errors import GfdError, ProbeError
from gfd.isolation import wire
from gfd.limits import Note

Work = Callable[[Note], dict[str, Any]]

REAP_S = 1.0
"""How long a killed child may take to be gone; a process that takes longer is stuck in the kernel."""

_MARK_BYTES = 256
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Stopped(Exception):
    """Nobody waits for the child any more."""


class Stuck(ProbeError):
    """A child that does not even die of SIGKILL."""

    def __init__(self, pid: int, doing: str) -> None:
        super().__init__(
            f"the process {pid} that reads the hardware does not end, not even by SIGKILL: it is stuck in "
            f"the kernel, in {doing}. See dmesg for what the driver says; the GPU needs a reset, or the "
            "node a reboot"
        )
        self.pid = pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child at work."""

    pid: int
    pipe: int
    """Where its answer comes from."""
    mark: mmap.mmap
    """Memory that it shares, in which it says what it does: a call that hangs cannot tell any more."""


def run(work: Work, timeout_s: float) -> dict[str, Any]:
    """Do ``work`` in a child; return its answer.

    Raises the GfdError that it raised, or ProbeError where it ended otherwise or not in time.
    """
    return wire.read(finish(start(work), timeout_s))


def start(work: Work) -> Child:
    """Fork a child that does ``work``. The process must have a single thread."""
    mark = mmap.mmap(-1, _MARK_BYTES)
    reader, writer = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _work(work, parent, writer, mark)
    os.close(writer)
    return Child(pid=pid, pipe=reader, mark=mark)


def finish(child: Child, timeout_s: float, stop: int | None = None) -> str:
    """Return the line that the child answers with, and see it off.

    Raises ProbeError where it ends without one or is killed at the deadline, Stuck where it does not die,
    and Stopped when ``stop`` becomes readable.
    """
    deadline_s = time.monotonic() + timeout_s
    try:
        line = _listen(child.pipe, deadline_s, stop)
        # The driver may also hang while the child's handles are closed.
        ended = reap(child.pid, deadline_s)
        if ended is None:
            os.kill(child.pid, signal.SIGKILL)
            if reap(child.pid, time.monotonic() + REAP_S) is None:
                raise Stuck(child.pid, _doing(child))
    except Stopped:
        os.kill(child.pid, signal.SIGKILL)
        raise
    finally:
        doing = _doing(child)
        os.close(child.pipe)
        child.mark.close()
    if line.endswith("\n"):
        return line
    if ended is None:
        raise ProbeError(f"reading the hardware did not end within {timeout_s:g} s: it hung in {doing}")
    raise ProbeError(f"the process that reads the hardware {_explain(ended)}, in {doing}")


def reap(pid: int, deadline_s: float = 0) -> int | None:
    """Return the wait status of a child once it is gone; None if it is not at ``deadline_s`` (monotonic)."""
    pause_s = 0.0005
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= deadline_s:
            return None
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)


def _work(work: Work, parent: int, pipe: int, mark: mmap.mmap) -> NoReturn:
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be asked to take us along
            os._exit(1)
        # What it collects would only copy the pages shared with the parent.
        gc.disable()

        def note(text: str) -> None:
            data = text.encode(errors="replace")[: _MARK_BYTES - 1]
            mark[: len(data) + 1] = data + b"\0"

        note("its beginning")
        try:
            line = wire.write_answer(work(note))
        except GfdError as error:
            line = wire.write_error(error)
        data = line.encode() + b"\n"
        while data:
            data = data[os.write(pipe, data) :]
        os._exit(0)
    except BaseException:  # a defect of ours; whoever waits learns of it by the exit code
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


def _listen(pipe: int, deadline_s: float, stop: int | None) -> str:
    """Return what comes out of ``pipe`` up to the end of a line, of the pipe, or of the time."""
    data = b""
    while not data.endswith(b"\n"):
        readable, _, _ = select.select(
            [pipe] if stop is None else [pipe, stop], [], [], max(0, deadline_s - time.monotonic())
        )
        if stop in readable:
            raise Stopped
        if not readable:
            break
        piece = os.read(pipe, 1 << 16)
        if not piece:
            break
        data += piece
    return data.decode()


def _doing(child: Child) -> str:
    return child.mark[:].partition(b"\0")[0].decode(errors="replace")


def _explain(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return f"was ended after {limits.CPU_S} s of CPU time"
    return f"was ended by {signal.Signals(number).name}"
