"""A parent's ends of what it shares with a child: what the child answers, prints and does is read here."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, NamedTuple

from gfd.worker import messages

if TYPE_CHECKING:
    import mmap

    from gfd.worker.library_output import OutputLimiter

_PIECE_BYTES = 1 << 16
_MAX_PIECES = 16
"""As many as a pipe holds, at most."""


class Stopped(Exception):
    """Nobody waits for the child any more."""


class ParentPipes(NamedTuple):
    """The ends of the pipes and of the memory."""

    pipe: int
    """Where the answer comes from."""
    outlet: int
    """Where what the child prints comes from."""
    mark: mmap.mmap
    """Memory in which the child says what it does: a call that hangs cannot tell any more."""
    nonce: str
    """Begins each answer; the child alone knows it."""
    printed: OutputLimiter
    """What the child printed."""
    bell: int | None = None
    """Where the child is asked again; None for one that answers once."""

    def close(self) -> None:
        """Let go of it; a child that waits to be asked again ends."""
        os.close(self.pipe)
        os.close(self.outlet)
        if self.bell is not None:
            os.close(self.bell)
        self.mark.close()

    @property
    def doing(self) -> str:
        """What the child did last."""
        return self.mark[:].partition(b"\0")[0].decode(errors="replace")

    def listen(self, deadline_s: float, stop: int | None) -> bytes:
        """Return what the child answers up to the end of a line, of the pipe, or of the time (monotonic).

        What it prints is read all the while: who prints on a full pipe waits. Raises Stopped when ``stop``
        becomes readable.
        """
        heard = bytearray()
        sources = [self.pipe, self.outlet, *(() if stop is None else (stop,))]
        while not heard.endswith(b"\n") and len(heard) <= messages.MAX_BYTES:
            readable, _, _ = select.select(sources, [], [], max(0, deadline_s - time.monotonic()))
            if stop in readable:
                raise Stopped
            if not readable:
                break
            if self.outlet in readable and not self._take_print():
                sources.remove(self.outlet)  # the child has closed it
            if self.pipe in readable:
                piece = os.read(self.pipe, _PIECE_BYTES)
                if not piece:
                    break
                heard += piece
        return bytes(heard)

    def verify(self, heard: bytes) -> str | None:
        """Return the one line that was answered, without nonce and end; None for anything else."""
        begin = self.nonce.encode()
        if not heard.startswith(begin) or heard.find(b"\n") != len(heard) - 1:
            return None
        try:
            return heard[len(begin) : -1].decode()
        except UnicodeDecodeError:
            return None

    def has_more(self) -> bool:
        """Return whether something was answered that :meth:`listen` did not read."""
        return _is_readable(self.pipe) and os.read(self.pipe, 1) != b""

    def drain(self) -> None:
        """Take in what the child has printed, as far as it is there."""
        for _ in range(_MAX_PIECES):
            if not _is_readable(self.outlet) or not self._take_print():
                break

    def _take_print(self) -> bool:
        """Take in a piece of what the child prints; return False at its end."""
        piece = os.read(self.outlet, _PIECE_BYTES)
        self.printed.feed(piece)
        return bool(piece)


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
