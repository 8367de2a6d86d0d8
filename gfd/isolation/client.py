"""The service's end of the fork server: starts it, asks it, and starts it again when it must."""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gfd.errors import DriverUnavailable, ProbeError
from gfd.isolation import wire

if TYPE_CHECKING:
    from gfd.order import Order

MARGIN_S = 5.0
"""What the server may need beyond the deadline of a read: to kill, to reap, to start."""


class ForkServer:
    """A fork server, and how it fares. One thread at a time may use it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._order: Order | None = None
        """What it was asked last."""
        self._answer: dict[str, Any] = {}
        """What was answered last."""
        self.losses = 0
        """How often it ended by itself or had to be killed."""
        self.stuck = 0
        """Children that are stuck in the kernel."""

    def start(self) -> None:
        """Start it unless it runs; it makes itself ready while others go on."""
        if self._process is not None:
            return
        # The same modules as here, whatever the working directory holds.
        program = f"import sys; sys.path[:] = {sys.path!r}; from gfd.isolation.server import main; main()"
        flags = [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_CHILDREN}
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
        )

    def ask(self, order: Order) -> dict[str, Any]:
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
        process, self._process, self._order = self._process, None, None
        if process is None:
            return
        process.kill()
        process.wait()
        # Not until they end: a child that is stuck in the kernel holds them, too.
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def _ask(self, order: Order) -> dict[str, Any]:
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(None if order == self._order else order, process.stdin)
            process.stdin.flush()
        except BrokenPipeError:
            self.losses += 1
            self.close()
            raise
        self._order = order
        line = _read_line(process.stdout.fileno(), time.monotonic() + order.config.probe_timeout_s + MARGIN_S)
        if not line.endswith("\n"):
            how = f"ended ({process.returncode})" if process.poll() is not None else "does not answer"
            self.losses += 1
            self.close()
            raise ProbeError(f"the process that forks readers of the hardware {how}; it is started again")
        stuck, _, rest = line.partition(" ")
        self.stuck = int(stuck)
        if rest.strip() != wire.SAME:
            self._answer = wire.read(rest)
        return self._answer


_FLAGS = {"isolated": "-I", "no_site": "-S", "dev_mode": "-Xdev"}
_NOT_FOR_CHILDREN = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


def _read_line(descriptor: int, deadline_s: float) -> str:
    data = b""
    while not data.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0, deadline_s - time.monotonic()))
        piece = os.read(descriptor, 1 << 16) if readable else b""
        if not piece:
            break
        data += piece
    return data.decode()
