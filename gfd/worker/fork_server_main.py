"""The fork server: forks the children that read, for a service that must not load the driver itself.

A child that read everything without a failure stays, and is asked again: it has the library loaded, and
knows what cannot have changed (:mod:`gfd.probe.again`). Nothing is open in it meanwhile. After a change that
the service saw, with another order, when anything went wrong, and after :data:`MAX_AGE_S`, a new child reads
everything.

It runs nothing of the driver's and nothing of the operator's. Orders and replies go through two pipes that no
child has; each order brings a nonce, and its reply begins with it. It ends when the service does, and its
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
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from gfd.errors import GfdError, MalformedAnswer, ProbeError
from gfd.inventory import snapshot as _snapshot  # noqa: F401

# What a read imports is imported once, before forking.
from gfd.labels import resources as _resources  # noqa: F401
from gfd.probe import node as _node  # noqa: F401
from gfd.worker import child_process, messages, pipeline
from gfd.worker.child_main import STAYS
from gfd.worker.library_output import OutputLimiter
from gfd.worker.pipes import Stopped
from gfd.worker.signals import ENDING, RELOADING

if TYPE_CHECKING:
    from gfd.worker.request import Request

MAX_AGE_S = 600.0
"""How old what a child remembers may become: the bound for what changes without being seen."""

MAX_STUCK = 2
"""A process that is stuck in the kernel may be followed by one other, to see whether that goes better."""

_PR_SET_NAME = 15


def main(orders: int, replies: int) -> None:
    """Reply to each order that comes from a descriptor, None for the same again, by a line on another."""
    for descriptor in (orders, replies):
        os.set_inheritable(descriptor, False)
    for number in (*ENDING, RELOADING):
        # They are for the service, and reach everyone in its control group.
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, b"gfd-probe", 0, 0, 0)
    gc.collect()
    gc.freeze()
    with (
        os.fdopen(orders, "rb") as source,
        os.fdopen(replies, "wb") as target,
        # Whoever has the other ends is gone, perhaps in the middle of an order.
        contextlib.suppress(EOFError, BrokenPipeError, Stopped, pickle.UnpicklingError),
    ):
        _Server(source, target).serve()
    # There is nothing to flush, and no time for stuck children.
    os._exit(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A child that stayed, and what for."""

    child: child_process.Child
    order: Request
    since_s: float


class _Server:
    def __init__(self, orders: IO[bytes], replies: IO[bytes]) -> None:
        self._orders = orders
        self._replies = replies
        self._stuck: set[int] = set()
        self._kept: _Kept | None = None
        self._printed = OutputLimiter()

    def serve(self) -> None:
        order: Request | None = None
        while True:
            # Orders come from the service that started us; what comes back is never unpickled.
            nonce, asked = pickle.load(self._orders)  # noqa: S301
            order = asked or order
            assert order is not None
            self._stuck = {pid for pid in self._stuck if child_process.reap(pid) is None}
            line = self._reply(order, time.monotonic())
            self._replies.write(messages.write_reply(nonce, len(self._stuck), line, self._printed.take()))
            self._replies.flush()

    def _reply(self, order: Request, since_s: float) -> str:
        try:
            return self._answer(order, since_s)
        except MalformedAnswer as error:
            # The child is gone; this process need not end for it.
            return messages.write_error(ProbeError(str(error)))
        except GfdError as error:
            return messages.write_error(error)
        except Stopped:
            raise
        except Exception as error:  # a defect of gfd: the service is told, and goes on
            reason = f"the process that forks readers of the hardware failed: {messages.describe(error)}"
            return messages.write_error(ProbeError(reason))

    def _answer(self, order: Request, since_s: float) -> str:
        try:
            line = self._ask_again(order, since_s)
            return self._ask_anew(order, since_s) if line is None else line
        except child_process.Stuck as error:
            self._stuck.add(error.pid)
            raise ProbeError(str(error)) from error

    def _ask_again(self, order: Request, since_s: float) -> str | None:
        """Return the answer of the child that stayed; None where a new one has to be asked."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        if order != kept.order or time.monotonic() >= kept.since_s + MAX_AGE_S:
            child_process.dismiss(kept.child)
            return None
        if not child_process.ask_again(kept.child):
            return None
        line = self._finish(kept.child, order, since_s)
        if not line.startswith(STAYS):
            return None
        self._kept = kept
        return line.removeprefix(STAYS)

    def _ask_anew(self, order: Request, since_s: float) -> str:
        if len(self._stuck) >= MAX_STUCK:
            raise ProbeError(
                f"the hardware is not read: {len(self._stuck)} earlier reads are stuck in the kernel "
                f"(processes {', '.join(map(str, sorted(self._stuck)))}); the GPU needs a reset, or the node "
                "a reboot"
            )
        if not order.templates:
            pipeline.prepare(order)  # kept from fork to fork
        is_repeatable = order.job == "label" and not (
            order.templates or order.config.simulate or order.inventory
        )
        repeated = pipeline.Repeated(order) if is_repeatable else None
        if repeated is None:
            started = child_process.start(
                lambda note: pipeline.JOBS[order.job](order, note), private=self._private
            )
        else:
            started = child_process.start(repeated.label, lambda: repeated.can_go_on, private=self._private)
        line = self._finish(started, order, since_s)
        if line.startswith(STAYS):
            self._kept = _Kept(child=started, order=order._replace(is_fresh=False), since_s=time.monotonic())
        return line.removeprefix(STAYS)

    @property
    def _private(self) -> tuple[int, int]:
        return self._orders.fileno(), self._replies.fileno()

    def _finish(self, asked: child_process.Child, order: Request, since_s: float) -> str:
        timeout_s, stop = order.config.probe_timeout_s, self._orders.fileno()
        try:
            return child_process.finish(asked, timeout_s, stop, since_s=since_s)
        finally:
            if printed := asked.channel.printed.take():
                self._printed.add(printed)
