"""A child, forked for a piece of work, and waited for no longer than a deadline."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from gfd import limits
from gfd.errors import GfdError, ProbeError
from gfd.frozen import dataclass
from gfd.isolation import wire
from gfd.limits import Note

Work = Callable[[Note], dict[str, Any]]

STAYS = "+"
"""Begins the answer of a child that can be asked again; any other ends with its answer."""

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
    bell: int | None = None
    """Where it is asked again; None for one that answers once."""

    def close(self) -> None:
        """Let go of what it is spoken to by; one that waits to be asked again ends."""
        os.close(self.pipe)
        if self.bell is not None:
            os.close(self.bell)
        self.mark.close()


def run(work: Work, timeout_s: float) -> dict[str, Any]:
    """Do ``work`` in a child; return its answer.

    Raises the GfdError that it raised, or ProbeError where it ended otherwise or not in time.
    """
    return wire.read(finish(start(work), timeout_s))


def start(work: Work, can_stay: Callable[[], bool] | None = None) -> Child:
    """Fork a child that does ``work``. The process must have a single thread.

    With ``can_stay`` the child does it again whenever :func:`ask_again` wants it, as long as that is true
    after each time.
    """
    mark = mmap.mmap(-1, _MARK_BYTES)
    reader, writer = os.pipe()
    bell, ringer = os.pipe() if can_stay else (None, None)
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        if ringer is not None:
            os.close(ringer)
        _work(work, parent, writer, mark, (bell, can_stay) if bell is not None and can_stay else None)
    os.close(writer)
    if bell is not None:
        os.close(bell)
    return Child(pid=pid, pipe=reader, mark=mark, bell=ringer)


def ask_again(child: Child) -> bool:
    """Let a child that stayed do its work once more; return False if it is not there any more.

    It says nothing of the hardware when a child ends that had nothing to do.
    """
    assert child.bell is not None
    if reap(child.pid) is None:
        with contextlib.suppress(BrokenPipeError):
            os.write(child.bell, b"\n")
            return True
        reap(child.pid, time.monotonic() + REAP_S)
    child.close()
    return False


def dismiss(child: Child) -> None:
    """End a child that stayed. Raises Stuck where it does not die."""
    os.kill(child.pid, signal.SIGKILL)
    is_gone = reap(child.pid, time.monotonic() + REAP_S) is not None
    doing = _doing(child)
    child.close()
    if not is_gone:
        raise Stuck(child.pid, doing)


def finish(child: Child, timeout_s: float, stop: int | None = None, *, since_s: float | None = None) -> str:
    """Return the line that the child answers with, and see it off unless it stays.

    The time runs from now, or ``since_s`` (monotonic). Raises ProbeError where the child ends without an
    answer or is killed at the deadline, Stuck where it does not die, and Stopped when ``stop`` becomes
    readable.
    """
    deadline_s = (time.monotonic() if since_s is None else since_s) + timeout_s
    stays = False
    try:
        line = _listen(child.pipe, deadline_s, stop)
        stays = line.startswith(STAYS) and line.endswith("\n")
        if stays:
            return line
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
        if not stays:
            child.close()
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


def _work(
    work: Work,
    parent: int,
    pipe: int,
    mark: mmap.mmap,
    again: tuple[int, Callable[[], bool]] | None,
) -> NoReturn:
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be asked to take us along
            os._exit(1)
        if again is None:
            # What it collects would only copy the pages shared with the parent.
            gc.disable()

        def note(text: str) -> None:
            data = text.encode("utf-8", "replace")[: _MARK_BYTES - 1] + b"\0"
            mark[: len(data)] = data

        said = ""
        while True:
            note("its beginning")
            before, said = said, _answer(work, note)
            bell = again[0] if again is not None and again[1]() else None
            line = wire.SAME if said == before else said
            _write(pipe, line if bell is None else STAYS + line)
            if bell is None or not os.read(bell, 1):
                os._exit(0)
    except BaseException:  # a defect of ours; whoever waits learns of it by the exit code
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


def _answer(work: Work, note: Note) -> str:
    try:
        return wire.write_answer(work(note))
    except GfdError as error:
        return wire.write_error(error)


def _write(pipe: int, line: str) -> None:
    data = line.encode() + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


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
