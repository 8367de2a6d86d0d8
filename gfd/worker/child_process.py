"""A child process that does one piece of work: start it, wait for it with a deadline, kill it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import MalformedAnswer, ProbeError
from gfd.labels import limits
from gfd.labels.requirements import KERNEL_LOG_ADVICE
from gfd.worker import messages
from gfd.worker.child_main import work_and_exit
from gfd.worker.pipes import ParentPipes, open_pipes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.worker.child_main import Work
    from gfd.worker.library_output import LibraryOutput

KILL_S = 1.0
"""A killed child that has not ended after this time is stuck in the kernel."""


class StuckError(ProbeError):
    """A child that SIGKILL does not end."""

    def __init__(self, pid: int, step: str) -> None:
        super().__init__(
            f"process {pid}, which reads the hardware, is stuck in {step}: SIGKILL does not end it",
            f"{KERNEL_LOG_ADVICE}, then reset the GPU or reboot the node",
        )
        self.pid = pid


class Child(NamedTuple):
    """A child process at work."""

    pid: int
    pipes: ParentPipes


def run(work: Work, timeout_s: float) -> dict[str, Any]:
    """Do ``work`` in a child process and return its answer. Print the output of the driver's library.

    Raises the GfdError that ``work`` raised; ProbeError if the child crashed or ran out of time.
    """
    return wait_for_answer(start(work), timeout_s)


def start(work: Work, *, private: Sequence[int] = ()) -> Child:
    """Fork a child that does ``work``; call it only in a process with a single thread.

    ``private`` are open descriptors that the child closes. Raises ProbeError if no process can be started.
    """
    parent_pid = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pipes, child_pipes = open_pipes()
        try:
            pid = os.fork()
        except OSError:
            pipes.close()
            child_pipes.close()
            raise
    except OSError as error:
        raise ProbeError(
            f"cannot start a process to read the hardware: {error.strerror}",
            "raise the limits of the container or unit on processes, memory and open files",
        ) from error
    if pid == 0:
        private = (pipes.answer, pipes.output, *private)
        work_and_exit(work, child_pipes, parent_pid=parent_pid, private=private)
    child_pipes.close()
    return Child(pid=pid, pipes=pipes)


def wait_for_answer(child: Child, timeout_s: float, *, started_s: float | None = None) -> dict[str, Any]:
    """Wait for a child and return its answer, like :func:`run`. :func:`wait` explains ``started_s``."""
    try:
        return messages.decode_answer(wait(child, timeout_s, started_s=started_s))
    finally:
        _warn_of_output(child.pipes.library_output.take())


def _warn_of_output(output: LibraryOutput | None) -> None:
    """Print the output of the driver's library to standard error."""
    if output is None:
        return
    from gfd.text import print_error

    for line in output.lines:
        print_error(f"warning: the driver's library printed: {line}")
    if output.dropped:
        print_error(f"warning: the driver's library printed {output.dropped} more lines")


def wait(child: Child, timeout_s: float, *, started_s: float | None = None) -> str:
    """Wait until a child has answered and ended; return its answer, one line.

    The timeout starts at ``started_s`` (monotonic), by default now. Raises ProbeError if the child ends
    without an answer or is killed at the deadline; MalformedAnswer if it writes anything else; StuckError
    if it cannot be killed.
    """
    deadline_s = (time.monotonic() if started_s is None else started_s) + timeout_s
    pipes = child.pipes
    try:
        line = pipes.read_line(deadline_s)
        answer = pipes.check_nonce(line)
        is_forged = answer is None and (line.endswith(b"\n") or len(line) > messages.MAX_BYTES)
        # The driver can also hang after the answer, when the process exits.
        status = None if is_forged else wait_for_exit(child.pid, deadline_s)
        if status is None:
            _kill(child)
        if is_forged or (answer is not None and pipes.has_more()):
            raise MalformedAnswer
        if answer is not None:
            return answer
        if status is None:
            raise ProbeError(
                f"reading the hardware took longer than {timeout_s:g} s: it hung in {pipes.current_step}",
                f"{KERNEL_LOG_ADVICE}, or pass a longer --probe-timeout",
            )
        raise _explain_exit(status, pipes.current_step)
    finally:
        pipes.drain_output()
        pipes.close()


def wait_for_exit(pid: int, deadline_s: float = 0) -> int | None:
    """Return a child's wait status; None if it still runs at ``deadline_s`` (monotonic)."""
    pause_s = 0.0005
    while True:
        ended_pid, status = os.waitpid(pid, os.WNOHANG)
        if ended_pid:
            return status
        if time.monotonic() >= deadline_s:
            return None
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)


def _kill(child: Child) -> None:
    """Kill a child and wait until it has ended. Raises StuckError."""
    os.kill(child.pid, signal.SIGKILL)
    if wait_for_exit(child.pid, time.monotonic() + KILL_S) is None:
        raise StuckError(child.pid, child.pipes.current_step)


def _explain_exit(status: int, step: str) -> ProbeError:
    """Return the error for a child that ended without an answer."""
    advice = KERNEL_LOG_ADVICE
    if not os.WIFSIGNALED(status):
        how = f"exited with code {os.waitstatus_to_exitcode(status)}"
    elif os.WTERMSIG(status) == signal.SIGXCPU:
        how, advice = f"was killed after {limits.CPU_S} s of CPU time", "simplify the template"
    else:
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        how = f"was killed by {name}"
    return ProbeError(f"the process that reads the hardware {how}, in {step}", advice)
