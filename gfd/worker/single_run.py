"""One read for a command, in a child of the command's own."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gfd.probe import preload
from gfd.worker import child_process, discovery, pipeline, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory.model import Inventory
    from gfd.limits import Note
    from gfd.worker.child_main import Work
    from gfd.worker.request import Request
    from gfd.worker.result import CycleResult


def begin(order: Request) -> Callable[[], CycleResult]:
    """Begin to read; return what waits for the labels that ``order`` asks for. Both raise GfdError."""
    if order.inventory is not None and not order.templates:
        labelled = pipeline.answer(order, discovery.ProbeResult(inventory=order.inventory))
        return lambda: labelled
    began_s = time.monotonic()
    asked = child_process.start(_beside_nvml(order, pipeline.label))

    def wait() -> CycleResult:
        return result.from_plain(child_process.answer(asked, order.config.probe_timeout_s, since_s=began_s))

    return wait


def label(order: Request) -> CycleResult:
    """Return the labels that ``order`` asks for. Raises GfdError."""
    return begin(order)()


def take_snapshot(order: Request) -> Inventory:
    """Return the inventory of what ``order`` asks for. Raises GfdError."""
    work = _beside_nvml(order, partial(pipeline.read, is_complete=True))
    return discovery.from_plain(child_process.run(work, order.config.probe_timeout_s)).inventory


def _beside_nvml(order: Request, work: Callable[[Request, Note], dict[str, Any]]) -> Work:
    """Return ``work`` as a child does it: what it imports, while NVML is initialised."""

    def do(note: Note) -> dict[str, Any]:
        if order.inventory is None and not order.config.simulate:
            preload.begin(order.config.driver_root, note)
        return work(order, note)

    return do
