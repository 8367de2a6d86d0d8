"""What happens inside a child: it gives up what it does not need, does its work, and answers."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from gfd import limits
from gfd.errors import GfdError, ProbeError
from gfd.worker import messages
from gfd.worker.parent_death import end_with
from gfd.worker.signals import ENDING, RELOADING

if TYPE_CHECKING:
    import mmap

    from gfd.limits import Note

Work = Callable[["Note"], dict[str, Any]]

STAYS = "+"
"""Begins the answer of a child that can be asked again; any other ends with its answer."""

MARK_BYTES = 256

_OOM_SCORE = "/proc/self/oom_score_adj"
_OOM_MORE = 300
_OOM_MOST = 1000


class ChildPipes(NamedTuple):
    """A child's ends of what it shares with its parent."""

    pipe: int
    """Where it answers."""
    outlet: int
    """Where what it prints goes."""
    mark: mmap.mmap
    nonce: str
    """Begins each answer: what else gets into the pipe lacks it."""
    bell: int | None = None
    """Where it is asked again; None for one that answers once."""


def work_and_exit(
    work: Work,
    ends: ChildPipes,
    *,
    parent: int,
    private: Sequence[int],
    can_stay: Callable[[], bool] | None,
) -> NoReturn:
    """Do ``work``, answer, and exit; do it again as often as asked, as long as ``can_stay`` is true.

    ``private`` are descriptors of the parent that nothing in this process may use.
    """
    try:
        _withdraw(ends.outlet, parent, private)
        if can_stay is None:
            # What it collects would only copy the pages shared with the parent.
            gc.disable()
        said = ""
        while True:
            before, said = said, _answer(work, ends.mark)
            bell = ends.bell if can_stay is not None and can_stay() else None
            line = messages.SAME if said == before else said
            _write(ends.pipe, f"{ends.nonce}{'' if bell is None else STAYS}{line}\n".encode())
            if bell is None or not os.read(bell, 1):
                os._exit(0)
    except BaseException:  # whoever waits learns of it by the exit code, and what was being done by the mark
        os._exit(1)


def _withdraw(outlet: int, parent: int, private: Sequence[int]) -> None:
    """Leave the driver's library nothing to read, and nothing to print on but ``outlet``."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(outlet, 1)
    os.dup2(outlet, 2)
    for descriptor in (nothing, outlet, *private):
        os.close(descriptor)
    for number in (*ENDING, RELOADING):
        # They reach everyone in the terminal or control group. The parent takes them, and this ends with it.
        signal.signal(number, signal.SIG_IGN)
    end_with(parent)
    # Where memory is short, the kernel is to end this process rather than the service. Some systems do not
    # tell or take it; then it chooses by size.
    with contextlib.suppress(OSError, ValueError), open(_OOM_SCORE, "r+b", buffering=0) as file:  # noqa: PTH123
        file.write(b"%d" % min(_OOM_MOST, int(file.read()) + _OOM_MORE))


def _answer(work: Work, mark: mmap.mmap) -> str:
    doing = "its beginning"

    def note(text: str) -> None:
        nonlocal doing
        doing = text
        data = text.encode("utf-8", "replace")[: MARK_BYTES - 1] + b"\0"
        mark[: len(data)] = data

    note(doing)
    try:
        return messages.write_answer(work(note))
    except GfdError as error:
        return messages.write_error(error)
    except Exception as error:  # a defect of gfd, or of what it reads by
        with limits.lifted():
            return messages.write_error(
                ProbeError(
                    f"the process that reads the hardware failed, in {doing}: {messages.describe(error)}"
                )
            )


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]
