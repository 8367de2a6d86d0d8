"""A child, forked for a piece of work, and waited for no longer than a deadline."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd import limits
from gfd.errors import MalformedAnswer, ProbeError
from gfd.worker import messages
from gfd.worker.child_main import MARK_BYTES, STAYS, ChildPipes, Work, work_and_exit
from gfd.worker.library_output import LibraryOutput, OutputLimiter
from gfd.worker.pipes import ParentPipes, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REAP_S = 1.0
"""How long a killed child may take to be gone; a process that takes longer is stuck in the kernel."""


class Stuck(ProbeError):
    """A child that does not even die of SIGKILL."""

    def __init__(self, pid: int, doing: str) -> None:
        super().__init__(
            f"the process {pid} that reads the hardware does not end, not even by SIGKILL: it is stuck in "
            f"the kernel, in {doing}. See dmesg for what the driver says; the GPU needs a reset, or the "
            "node a reboot"
        )
        self.pid = pid


class Child(NamedTuple):
    """A child at work."""

    pid: int
    channel: ParentPipes


def run(work: Work, timeout_s: float) -> dict[str, Any]:
    """Do ``work`` in a child; return its answer. What it prints is told on standard error.

    Raises the GfdError that it raised, or ProbeError where it ended otherwise or not in time.
    """
    return answer(start(work), timeout_s)


def answer(child: Child, timeout_s: float, *, since_s: float | None = None) -> dict[str, Any]:
    """Return the answer of a child that answers once, as :func:`run` does."""
    try:
        return messages.read(finish(child, timeout_s, since_s=since_s))
    finally:
        tell(child.channel.printed.take())


def tell(printed: LibraryOutput | None) -> None:
    """Say on standard error what a child printed."""
    if printed is None:
        return
    from gfd.text import print_error

    for line in printed.lines:
        print_error(f"warning: the driver's library printed: {line}")
    if printed.dropped:
        print_error(f"warning: the driver's library printed {printed.dropped} more lines")


def start(work: Work, can_stay: Callable[[], bool] | None = None, *, private: Sequence[int] = ()) -> Child:
    """Fork a child that does ``work``. The process must have a single thread.

    With ``can_stay`` the child does it again whenever :func:`ask_again` wants it, as long as that is true
    after each time. ``private`` are open descriptors that the child must not have. Raises ProbeError where
    the system allows no further process.
    """
    opened: list[int] = []
    mark = mmap.mmap(-1, MARK_BYTES)
    nonce, parent = messages.make_nonce(), os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        for _ in range(2 if can_stay is None else 3):
            opened += os.pipe()
        pid = os.fork()
    except OSError as error:
        for descriptor in opened:
            os.close(descriptor)
        mark.close()
        raise ProbeError(
            f"no process could be started to read the hardware: {error.strerror}; see the limits of the "
            "container or unit on processes, memory and open files"
        ) from error
    reader, writer, outlet, inlet, *bell = opened
    if pid == 0:
        ends = ChildPipes(pipe=writer, outlet=inlet, mark=mark, nonce=nonce, bell=bell[0] if bell else None)
        theirs = (reader, outlet, *bell[1:], *private)
        work_and_exit(work, ends, parent=parent, private=theirs, can_stay=can_stay)
    for descriptor in (writer, inlet, *bell[:1]):
        os.close(descriptor)
    ringer = bell[1] if bell else None
    channel = ParentPipes(
        pipe=reader, outlet=outlet, mark=mark, nonce=nonce, printed=OutputLimiter(), bell=ringer
    )
    return Child(pid=pid, channel=channel)


def ask_again(child: Child) -> bool:
    """Let a child that stayed do its work once more; return False if it is not there any more.

    It says nothing of the hardware when a child ends that had nothing to do.
    """
    assert child.channel.bell is not None
    if reap(child.pid) is None:
        with contextlib.suppress(BrokenPipeError):
            os.write(child.channel.bell, b"\n")
            return True
        reap(child.pid, time.monotonic() + REAP_S)
    child.channel.close()
    return False


def dismiss(child: Child) -> None:
    """End a child that stayed. Raises Stuck where it does not die."""
    try:
        _kill(child)
    finally:
        child.channel.close()


def finish(child: Child, timeout_s: float, stop: int | None = None, *, since_s: float | None = None) -> str:
    """Return the line that the child answers with, and see it off unless it stays.

    The time runs from now, or ``since_s`` (monotonic). Raises ProbeError where the child ends without an
    answer, says anything besides it, or is killed at the deadline; Stuck where it does not die; and Stopped
    when ``stop`` becomes readable.
    """
    deadline_s = (time.monotonic() if since_s is None else since_s) + timeout_s
    channel = child.channel
    stays = False
    try:
        heard = channel.listen(deadline_s, stop)
        line = channel.verify(heard)
        if line is not None and line.startswith(STAYS):
            stays = True
            return line
        # The driver may also hang while the child's handles are closed.
        is_forged = line is None and (heard.endswith(b"\n") or len(heard) > messages.MAX_BYTES)
        ended = None if is_forged else reap(child.pid, deadline_s)
        if ended is None:
            _kill(child)
        if is_forged or (line is not None and channel.has_more()):
            raise MalformedAnswer
        if line is not None:
            return line
        if ended is None:
            reason = f"reading the hardware did not end within {timeout_s:g} s: it hung in {channel.doing}"
            raise ProbeError(reason)
        raise ProbeError(f"the process that reads the hardware {_explain(ended)}, in {channel.doing}")
    except Stopped:
        os.kill(child.pid, signal.SIGKILL)
        raise
    finally:
        channel.drain()
        if not stays:
            channel.close()


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


def _kill(child: Child) -> None:
    """Kill a child, and wait for its end. Raises Stuck where it does not die."""
    os.kill(child.pid, signal.SIGKILL)
    if reap(child.pid, time.monotonic() + REAP_S) is None:
        raise Stuck(child.pid, child.channel.doing)


def _explain(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return f"was ended after {limits.CPU_S} s of CPU time"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return f"was ended by {name}"
