"""The code of a child process: isolate it, do the work, write the answer, exit."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from gfd.errors import GfdError, ProbeError
from gfd.inventory.progress import Progress
from gfd.labels import limits
from gfd.worker import messages
from gfd.worker.parent_death import die_with_parent
from gfd.worker.pipes import STEP_BYTES
from gfd.worker.signals import END_SIGNALS, RELOAD_SIGNAL

if TYPE_CHECKING:
    import mmap

    from gfd.worker.pipes import ChildPipes

Work = Callable[[Progress], dict[str, Any]]
"""Takes a function ``progress`` that records the current step, so that an error can name it if the process
hangs or crashes."""

_OOM_SCORE = "/proc/self/oom_score_adj"
_OOM_INCREASE = 300
_MAX_OOM_SCORE = 1000


def work_and_exit(work: Work, pipes: ChildPipes, *, parent_pid: int, private: Sequence[int]) -> NoReturn:
    """Do ``work``, write the answer and exit.

    ``private`` are descriptors of the parent that the child must close.
    """
    try:
        _isolate(pipes.output, parent_pid, private)
        gc.disable()  # a garbage collection would only copy memory that is shared with the parent
        answer = _do(work, pipes.step)
        _write(pipes.answer, f"{pipes.nonce}{answer}\n".encode())
        os._exit(0)
    except BaseException:  # the parent sees the exit code, and the failed step in the shared memory
        os._exit(1)


def _isolate(output: int, parent_pid: int, private: Sequence[int]) -> None:
    """Keep the driver's library away from the parent's files, and let this process end with the parent.

    Make standard input empty, and send standard output and error to ``output``.
    """
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (empty, output, *private):
        os.close(descriptor)
    for number in (*END_SIGNALS, RELOAD_SIGNAL):
        # A terminal or systemd sends these signals to every process, but only the parent handles them.
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(parent_pid)
    # If memory runs out, let the kernel kill this process instead of the service. If this file cannot be
    # written, the kernel chooses by size.
    with contextlib.suppress(OSError, ValueError), open(_OOM_SCORE, "r+b", buffering=0) as file:  # noqa: PTH123
        file.write(b"%d" % min(_MAX_OOM_SCORE, int(file.read()) + _OOM_INCREASE))


def _do(work: Work, step: mmap.mmap) -> str:
    """Do ``work`` and return the message for its answer or its error."""
    current = ""

    def progress(text: str) -> None:
        nonlocal current
        current = text
        data = text.encode("utf-8", "replace")[: STEP_BYTES - 1] + b"\0"
        step[: len(data)] = data

    progress("startup")
    try:
        return messages.encode_answer(work(progress))
    except GfdError as error:
        return messages.encode_error(error)
    except Exception as error:  # a defect in gfd or in a library
        with limits.lift_memory_limit():
            reason = f"the process that reads the hardware failed, in {current}: {messages.describe(error)}"
            return messages.encode_error(ProbeError(reason))


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]
