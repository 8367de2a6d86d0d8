"""The fork server: forks a child for each read, for a service that must not load the driver itself.

It runs nothing of the driver's and nothing of the operator's. It ends when the service does, since then its
standard input ends, and its children end with it (PR_SET_PDEATHSIG, which asks who forked: here a process
with one thread).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import sys
from typing import IO, TYPE_CHECKING

from gfd import cycle

# What a read imports is imported once, before forking.
from gfd import resources as _resources  # noqa: F401
from gfd import snapshot as _snapshot  # noqa: F401
from gfd.errors import GfdError, ProbeError
from gfd.isolation import child, wire
from gfd.probe import node as _node  # noqa: F401

if TYPE_CHECKING:
    from gfd.order import Order

MAX_STUCK = 2
"""A process that is stuck in the kernel may be followed by one other, to see whether that goes better."""

_PR_SET_NAME = 15


def main() -> None:
    """Answer each order on standard input by a line on standard output, until there are no more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        # They are for the service, and reach everyone in its terminal or control group.
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, b"gfd-probe", 0, 0, 0)
    gc.collect()
    gc.freeze()
    with contextlib.suppress(EOFError, BrokenPipeError, child.Stopped):
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    # Whoever reads the other ends is gone; there is nothing to flush, and no time for stuck children.
    os._exit(0)


def _serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    stuck: set[int] = set()
    while True:
        # Orders come from the service that started us; what comes back is never unpickled.
        order: Order = pickle.load(orders)  # noqa: S301
        stuck = {pid for pid in stuck if child.reap(pid) is None}
        try:
            line = _answer(order, stuck, orders.fileno())
        except GfdError as error:
            line = wire.write_error(error) + "\n"
        answers.write(f"{len(stuck)} {line}".encode())
        answers.flush()


def _answer(order: Order, stuck: set[int], stop: int) -> str:
    if len(stuck) >= MAX_STUCK:
        raise ProbeError(
            f"the hardware is not read: {len(stuck)} earlier reads are stuck in the kernel (processes "
            f"{', '.join(map(str, sorted(stuck)))}); the GPU needs a reset, or the node a reboot"
        )
    if not order.templates:
        cycle.prepare(order)  # kept from fork to fork
    try:
        return child.finish(
            child.start(lambda note: cycle.JOBS[order.job](order, note)), order.config.probe_timeout_s, stop
        )
    except child.Stuck as error:
        stuck.add(error.pid)
        raise ProbeError(str(error)) from error
