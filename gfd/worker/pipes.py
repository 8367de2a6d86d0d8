"""Open the pipes and the shared memory between a parent and its child process."""

from __future__ import annotations

import mmap
import os
import select
import time
from typing import NamedTuple

from gfd.worker import messages
from gfd.worker.library_output import OutputLimiter

STEP_BYTES = 256

_CHUNK_BYTES = 1 << 16
_MAX_CHUNKS = 16
"""The size of a pipe's buffer in the kernel."""


class ChildPipes(NamedTuple):
    """The child's ends."""

    answer: int
    """The child writes its answer here."""
    output: int
    """The output of the driver's library goes here."""
    step: mmap.mmap
    """Shared memory with the current step, because a child that hangs or crashes cannot report it."""
    nonce: str
    """The word at the start of the answer; the parent refuses an answer without it."""

    def close(self) -> None:
        """Close the pipes."""
        os.close(self.answer)
        os.close(self.output)


class ParentPipes(NamedTuple):
    """The parent's ends."""

    answer: int
    output: int
    step: mmap.mmap
    nonce: str
    library_output: OutputLimiter
    """The output of the driver's library so far."""

    def close(self) -> None:
        """Close the pipes and the shared memory."""
        os.close(self.answer)
        os.close(self.output)
        self.step.close()

    @property
    def current_step(self) -> str:
        """The last step that the child reported."""
        return self.step[:].partition(b"\0")[0].decode(errors="replace") or "startup"

    def read_line(self, deadline_s: float) -> bytes:
        """Read the answer up to its line end, or until the pipe ends or ``deadline_s`` (monotonic) passes.

        Also read the output of the library, which would block on a full pipe.
        """
        line = bytearray()
        pipes = [self.answer, self.output]
        while not line.endswith(b"\n") and len(line) <= messages.MAX_BYTES:
            readable, _, _ = select.select(pipes, [], [], max(0, deadline_s - time.monotonic()))
            if not readable:
                break
            if self.output in readable and not self._read_output():
                pipes.remove(self.output)  # the child has closed it
            if self.answer in readable:
                chunk = os.read(self.answer, _CHUNK_BYTES)
                if not chunk:
                    break
                line += chunk
        return bytes(line)

    def check_nonce(self, line: bytes) -> str | None:
        """Return the answer without nonce and line end; None if it is not one line with the nonce."""
        nonce = self.nonce.encode()
        if not line.startswith(nonce) or line.find(b"\n") != len(line) - 1:
            return None
        try:
            return line[len(nonce) : -1].decode()
        except UnicodeDecodeError:
            return None

    def has_more(self) -> bool:
        """Return whether the child wrote more than the line from :meth:`read_line`."""
        return _is_readable(self.answer) and os.read(self.answer, 1) != b""

    def drain_output(self) -> None:
        """Read the rest of the library's output."""
        for _ in range(_MAX_CHUNKS):
            if not _is_readable(self.output) or not self._read_output():
                break

    def _read_output(self) -> bool:
        """Read a chunk of the library's output; return False at the end of the pipe."""
        chunk = os.read(self.output, _CHUNK_BYTES)
        self.library_output.feed(chunk)
        return bool(chunk)


def open_pipes() -> tuple[ParentPipes, ChildPipes]:
    """Open the pipes for one child. Raises OSError."""
    opened: list[int] = []
    try:
        for _ in range(2):
            opened += os.pipe()
        step = mmap.mmap(-1, STEP_BYTES)
    except OSError:
        for descriptor in opened:
            os.close(descriptor)
        raise
    nonce = messages.make_nonce()
    parent = ParentPipes(
        answer=opened[0], output=opened[2], step=step, nonce=nonce, library_output=OutputLimiter()
    )
    return parent, ChildPipes(answer=opened[1], output=opened[3], step=step, nonce=nonce)


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
