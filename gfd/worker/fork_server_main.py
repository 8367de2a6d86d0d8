"""The fork server: a process with a single thread that forks a child for each request of the service.

It never runs the driver's code or the operator's templates. Requests and replies use two pipes that no child
has; a reply starts with the nonce of its request. The fork server ends when the service ends, and its
children end with it (:mod:`gfd.worker.parent_death`).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import time
from typing import IO, TYPE_CHECKING

from gfd.errors import GfdError, MalformedAnswer, ProbeError
from gfd.inventory import snapshot as _snapshot  # noqa: F401

# Import everything that a read needs once, before forking.
from gfd.labels import resources as _resources  # noqa: F401
from gfd.probe import node as _node  # noqa: F401
from gfd.worker import child_process, messages, pipeline
from gfd.worker.library_output import OutputLimiter
from gfd.worker.signals import END_SIGNALS, RELOAD_SIGNAL

if TYPE_CHECKING:
    from gfd.worker.request import Request

MAX_STUCK = 2
"""The maximum number of stuck children: after the first, try once more; after that, refuse to read."""

_PR_SET_NAME = 15


def main(requests: int, replies: int) -> None:
    """Answer requests until the service closes its pipe. ``requests`` and ``replies`` are descriptors."""
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)
    for number in (*END_SIGNALS, RELOAD_SIGNAL):
        # systemd sends these signals to every process of the service, but only the service handles them.
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, b"gfd-probe", 0, 0, 0)
    gc.collect()
    gc.freeze()
    with (
        os.fdopen(requests, "rb") as source,
        os.fdopen(replies, "wb") as target,
        # The service is gone, perhaps in the middle of a request.
        contextlib.suppress(EOFError, BrokenPipeError, pickle.UnpicklingError),
    ):
        _ForkServer(source, target).serve()
    # Exit at once: nothing is left to flush, and a child may be stuck.
    os._exit(0)


class _ForkServer:
    def __init__(self, requests: IO[bytes], replies: IO[bytes]) -> None:
        self._requests = requests
        self._replies = replies
        self._stuck_pids: set[int] = set()
        self._library_output = OutputLimiter()

    def serve(self) -> None:
        while True:
            # Unpickling is safe: requests come from the service. Data from a child is never unpickled.
            nonce, job, request = pickle.load(self._requests)  # noqa: S301
            self._stuck_pids = {pid for pid in self._stuck_pids if child_process.wait_for_exit(pid) is None}
            answer = self._answer(job, request)
            stuck, output = len(self._stuck_pids), self._library_output.take()
            self._replies.write(messages.encode_reply(nonce, stuck, answer, output))
            self._replies.flush()

    def _answer(self, job: str, request: Request) -> str:
        """Return a child's answer, or the message for an error."""
        try:
            return self._run(job, request)
        except MalformedAnswer as error:
            # Only the child is at fault, but on a MalformedAnswer the service would restart the fork server.
            return messages.encode_error(ProbeError(error.reason, error.advice))
        except child_process.StuckError as error:
            self._stuck_pids.add(error.pid)
            return messages.encode_error(ProbeError(error.reason, error.advice))
        except GfdError as error:
            return messages.encode_error(error)
        except Exception as error:  # a defect in gfd: report it to the service and go on
            return messages.encode_error(ProbeError(f"the fork server failed: {messages.describe(error)}"))

    def _run(self, job: str, request: Request) -> str:
        started_s = time.monotonic()
        if len(self._stuck_pids) >= MAX_STUCK:
            pids = ", ".join(map(str, sorted(self._stuck_pids)))
            raise ProbeError(
                f"the hardware is not read: {len(self._stuck_pids)} earlier reads are stuck in the kernel "
                f"(processes {pids})",
                "reset the GPU or reboot the node",
            )
        if not request.templates:
            pipeline.compile_templates(request)  # compile gfd's own templates once; every child inherits them
        child = child_process.start(
            lambda progress: pipeline.JOBS[job](request, progress),
            private=(self._requests.fileno(), self._replies.fileno()),
        )
        try:
            return child_process.wait(child, request.config.probe_timeout_s, started_s=started_s)
        finally:
            if output := child.pipes.library_output.take():
                self._library_output.add(output)
