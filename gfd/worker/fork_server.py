"""Start the fork server, send it requests, and start a new one after a failure."""

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
    from gfd.worker.result import CycleResult

MARGIN_S = 5.0
"""What the fork server may take beyond --probe-timeout: it must start, kill a child and wait for its end."""

OUTPUT_INTERVAL_S = 60.0
"""What the driver's library prints is reported at most this often."""

_FLAGS = {"isolated": "-I", "no_site": "-S", "dev_mode": "-Xdev"}
_NOT_FOR_CHILDREN = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
_STDERR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A running fork server and the service's ends of its pipes."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    replies: IO[bytes]


class ForkServer:
    """Sends requests to a fork server. Only one thread at a time may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: _Running | None = None
        self._library_output = OutputLimiter()
        self._output_due_s = -math.inf
        self.failures = 0
        """How many fork servers died or had to be killed."""
        self.stuck = 0
        """How many children are stuck in the kernel."""

    def start(self) -> None:
        """Start the fork server unless it runs; do not wait until it is ready. Raises ProbeError."""
        if self._running is not None:
            return
        flags = [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_CHILDREN}
        opened: list[int] = []
        try:
            opened += os.pipe()
            opened += os.pipe()
            their_requests, requests, replies, their_replies = opened
            process = subprocess.Popen(
                [sys.executable, *flags, "-c", _program(their_requests, their_replies)],
                stdin=subprocess.DEVNULL,
                stdout=_STDERR,
                env=environ,
                pass_fds=(their_requests, their_replies),
                start_new_session=True,
            )
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            raise ProbeError(
                f"cannot start the fork server that reads the hardware: {error.strerror or error}",
                "raise the limits of the container or unit on processes, memory and open files",
            ) from error
        os.close(their_requests)
        os.close(their_replies)
        self._running = _Running(
            process=process,
            requests=os.fdopen(requests, "wb"),
            replies=os.fdopen(replies, "rb", buffering=0),
        )

    def label(self, request: Request) -> CycleResult:
        """Read, resolve and render in a new child process. Raises GfdError."""
        return result.from_plain(self._run("label", request))

    def check(self, request: Request) -> None:
        """Check that the simulated machine and the templates of ``request`` can be used. Raises GfdError."""
        self._run("check", request)

    def take_library_output(self) -> LibraryOutput | None:
        """Return the driver library's output since the last call; None if it is empty or not yet due."""
        if self._clock() < self._output_due_s:
            return None
        output = self._library_output.take()
        if output is not None:
            self._output_due_s = self._clock() + OUTPUT_INTERVAL_S
        return output

    def close(self) -> None:
        """Kill the fork server, and with it the child that reads."""
        running, self._running = self._running, None
        if running is None:
            return
        running.process.kill()
        running.process.wait()
        for pipe in (running.requests, running.replies):
            with suppress(OSError):  # closing flushes the rest of a request
                pipe.close()

    def _run(self, job: str, request: Request) -> dict[str, Any]:
        """Return the answer to ``request``. ``job`` is a key of :data:`gfd.worker.pipeline.JOBS`."""
        try:
            try:
                return self._send(job, request)
            except BrokenPipeError:
                # The fork server was killed between two requests. A new one can answer this one.
                return self._send(job, request)
        except BrokenPipeError as error:
            raise ProbeError(
                "the fork server that reads the hardware ended", "gfd starts a new one"
            ) from error
        except DriverUnavailable:
            # The process's dynamic loader remembers which folders were missing. A new process looks again.
            if not self.stuck:
                self.close()
            raise

    def _send(self, job: str, request: Request) -> dict[str, Any]:
        self.start()
        running = self._running
        assert running is not None
        nonce = messages.make_nonce()
        try:
            pickle.dump((nonce, job, request), running.requests)
            running.requests.flush()
        except BrokenPipeError:
            self._fail()
            raise
        line = _read_line(running.replies, time.monotonic() + request.config.probe_timeout_s + MARGIN_S)
        if not line.endswith(b"\n"):
            with suppress(subprocess.TimeoutExpired):  # it ends soon after it closes its pipes
                running.process.wait(0.1)
            code = running.process.returncode
            reason = "does not answer" if code is None else f"ended with code {code}"
            self._fail()
            raise ProbeError(f"the fork server that reads the hardware {reason}", "gfd starts a new one")
        try:
            self.stuck, answer, output = messages.decode_reply(nonce, line)
            if output is not None:
                self._library_output.add(output)
            return messages.decode_answer(answer)
        except MalformedAnswer:
            self._fail()
            raise

    def _fail(self) -> None:
        self.failures += 1
        self.close()


def _program(requests: int, replies: int) -> str:
    """Return the fork server's program. It uses this process's import path, not its working directory."""
    return (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from gfd.worker.parent_death import die_with_parent; die_with_parent({os.getpid()})\n"
        f"from gfd.worker.fork_server_main import main; main({requests}, {replies})"
    )


def _read_line(pipe: IO[bytes], deadline_s: float) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and len(line) <= 2 * messages.MAX_BYTES:
        readable, _, _ = select.select([pipe], [], [], max(0, deadline_s - time.monotonic()))
        chunk = os.read(pipe.fileno(), 1 << 16) if readable else b""
        if not chunk:
            break
        line += chunk
    return bytes(line)
