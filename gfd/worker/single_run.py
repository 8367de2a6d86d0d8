"""Read once for a command, in a child of the command's process."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gfd.probe import preload, strategies
from gfd.worker import child_process, discovery, pipeline, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory.model import Inventory
    from gfd.inventory.progress import Progress
    from gfd.worker.child_main import Work
    from gfd.worker.request import Request
    from gfd.worker.result import CycleResult


def start(request: Request) -> Callable[[], CycleResult]:
    """Start to read; return a function that waits for the result. Both raise GfdError."""
    if request.inventory is not None and not request.templates:
        labelled = pipeline.resolve_and_render(request, discovery.ProbeResult(inventory=request.inventory))
        return lambda: labelled
    started_s = time.monotonic()
    child = child_process.start(_with_preload(request, pipeline.label))

    def wait() -> CycleResult:
        timeout_s = request.config.probe_timeout_s
        return result.from_plain(child_process.wait_for_answer(child, timeout_s, started_s=started_s))

    return wait


def label(request: Request) -> CycleResult:
    """Return the labels for ``request``. Raises GfdError."""
    return start(request)()


def read_inventory(request: Request) -> Inventory:
    """Return the complete inventory for ``request``. Raises GfdError."""
    work = _with_preload(request, partial(pipeline.read, is_complete=True))
    return discovery.from_plain(child_process.run(work, request.config.probe_timeout_s)).inventory


def _with_preload(request: Request, work: Callable[[Request, Progress], dict[str, Any]]) -> Work:
    """Return ``work`` for a child: NVML is initialised while the child imports what it needs."""

    def do(progress: Progress) -> dict[str, Any]:
        config = request.config
        is_simulated = request.inventory is not None or config.simulate
        if not is_simulated and config.device_discovery_strategy not in strategies.WITHOUT_NVML:
            preload.start(config.driver_root, progress)
        return work(request, progress)

    return do
