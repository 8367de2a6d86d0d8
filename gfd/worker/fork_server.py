"""The service's end of the fork server: starts it, asks it, and starts it again when it must."""

from __future__ import annotations

import math
import os
import pickle
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from gfd.errors import DriverUnavailable, MalformedAnswer, ProbeError
from gfd.worker import messages, result
from gfd.worker.library_output import OutputLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.worker.library_output import LibraryOutput
    from gfd.worker.request import Request

MARGIN_S = 5.0
"""What the server may need beyond the deadline of a read: to kill, to reap, to start."""

PRINTED_S = 60.0
"""What the driver's library prints is told no more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A fork server, and this end of its pipes."""

    process: subprocess.Popen[bytes]
    orders: IO[bytes]
    replies: IO[bytes]


class ForkServer:
    """A fork server, and how it fares. One thread at a time may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: _Running | None = None
        self._order: Request | None = None
        """What it was asked last."""
        self._answer: dict[str, Any] = {}
        """What was answered last."""
        self._printed = OutputLimiter()
        self._printed_due_s = -math.inf
        self.losses = 0
        """How often it ended by itself or had to be killed."""
        self.stuck = 0
        """Children that are stuck in the kernel."""

    def start(self) -> None:
        """Start it unless it runs; it makes itself ready while others go on. Raises ProbeError."""
        if self._running is not None:
            return
        flags = [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_CHILDREN}
        opened: list[int] = []
        try:
            opened += os.pipe()
            opened += os.pipe()
            theirs, orders, replies, ours = opened
            process = subprocess.Popen(
                [sys.executable, *flags, "-c", _program(theirs, ours)],
                stdin=subprocess.DEVNULL,
                stdout=_STDERR,
                env=environ,
                pass_fds=(theirs, ours),
                start_new_session=True,
            )
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            reason = error.strerror or str(error)
            raise ProbeError(
                f"the process that forks readers of the hardware could not be started: {reason}; see the "
                "limits of the container or unit on processes, memory and open files"
            ) from error
        os.close(theirs)
        os.close(ours)
        self._running = _Running(
            process=process, orders=os.fdopen(orders, "wb"), replies=os.fdopen(replies, "rb", buffering=0)
        )

    def take_printed(self) -> LibraryOutput | None:
        """Return what the driver's library printed since the last time; None if nothing, and too soon."""
        if self._clock() < self._printed_due_s:
            return None
        printed = self._printed.take()
        if printed is not None:
            self._printed_due_s = self._clock() + PRINTED_S
        return printed

    def ask(self, order: Request) -> dict[str, Any]:
        """Return the answer to ``order``. Raises GfdError; ProbeError where the server does not answer."""
        try:
            try:
                return self._ask(order)
            except BrokenPipeError:
                # It was killed while it had nothing to do; that says nothing of the hardware.
                return self._ask(order)
        except DriverUnavailable:
            # The loader remembers folders that were not there when it first looked.
            if not self.stuck:
                self.close()
            raise

    def close(self) -> None:
        """End the server, and the child that it may have."""
        running, self._running, self._order = self._running, None, None
        if running is None:
            return
        running.process.kill()
        running.process.wait()
        # Not until they end: a child that is stuck in the kernel holds them, too.
        for pipe in (running.orders, running.replies):
            with suppress(OSError):
                pipe.close()

    def _ask(self, order: Request) -> dict[str, Any]:
        self.start()
        running = self._running
        assert running is not None
        nonce = messages.make_nonce()
        try:
            pickle.dump((nonce, None if order == self._order else order), running.orders)
            running.orders.flush()
        except BrokenPipeError:
            self.losses += 1
            self.close()
            raise
        self._order = order
        line = _read_line(running.replies, time.monotonic() + order.config.probe_timeout_s + MARGIN_S)
        if not line.endswith(b"\n"):
            process = running.process
            how = f"ended ({process.returncode})" if process.poll() is not None else "does not answer"
            self.losses += 1
            self.close()
            raise ProbeError(f"the process that forks readers of the hardware {how}; it is started again")
        try:
            return self._take(order, nonce, line)
        except MalformedAnswer:
            self.losses += 1
            self.close()
            raise

    def _take(self, order: Request, nonce: str, line: bytes) -> dict[str, Any]:
        """Return the answer in a reply. Raises GfdError; MalformedAnswer where it is none."""
        self.stuck, text, printed = messages.read_reply(nonce, line)
        if printed is not None:
            self._printed.add(printed)
        if text != messages.SAME:
            answer = messages.read(text)
            if order.job == "label":
                result.check(answer)
            self._answer = answer
        return self._answer


_FLAGS = {"isolated": "-I", "no_site": "-S", "dev_mode": "-Xdev"}
_NOT_FOR_CHILDREN = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
_STDERR = 2


def _program(orders: int, replies: int) -> str:
    """Return what the fork server runs: the same modules as here, whatever the working directory holds."""
    return (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from gfd.worker.parent_death import end_with; end_with({os.getpid()})\n"
        f"from gfd.worker.fork_server_main import main; main({orders}, {replies})"
    )


def _read_line(source: IO[bytes], deadline_s: float) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and len(line) <= 2 * messages.MAX_BYTES:
        readable, _, _ = select.select([source], [], [], max(0, deadline_s - time.monotonic()))
        piece = os.read(source.fileno(), 1 << 16) if readable else b""
        if not piece:
            break
        line += piece
    return bytes(line)
