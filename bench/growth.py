"""Measure how a cycle grows with GPUs, MIG devices and extra labels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import nodes, places, processes, programs
from bench.figure import GFD, Figure
from bench.service import INTERVAL_S, cpu_ms
from gfd.config.options import EXTRA_LABELS
from gfd.labels.resources import resolve
from gfd.labels.templates import Templates
from gfd.simulation import machines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = ((1, 0), (4, 0), (8, 0), (16, 0), (1, 7), (4, 7), (8, 7), (16, 7))
"""GPUs, and MIG devices per GPU."""


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield CPU time and NVML calls of a cycle by the size of the node, then the CPU time of rendering."""
    for gpus, devices in SIZES:
        node = nodes.play(folder, f"{gpus} GPUs, {gpus * devices} MIG devices", nodes.divided(gpus, devices))
        used: dict[str, list[float]] = {}
        calls: dict[str, list[float]] = {}
        for _ in range(max(2, runs // 10)):
            for name, argv in programs.compared().items():
                place, log = places.File(folder / f"labels-{name}"), folder / "calls"
                used.setdefault(name, []).append(cpu_ms(name, node.environ, place))
                log.unlink(missing_ok=True)
                serving = [*argv, *place.arguments, f"--sleep-interval={INTERVAL_S}s"]
                environ = {**node.environ, "GFD_STANDIN_LOG": str(log)}
                with processes.serve(serving, environ, place.clear()):
                    time.sleep(1)
                calls.setdefault(name, []).append(float(log.read_text().split("nvmlInit")[-2].count("\n")))
        yield Figure(benchmark="growth", node=node.name, name="CPU a cycle", unit="ms", samples=used)
        yield Figure(benchmark="growth", node=node.name, name="NVML calls a cycle", unit="", samples=calls)
    yield from _render(runs)


def _render(runs: int) -> Iterator[Figure]:
    inventory = machines.read("b200", "all-1g.23gb")
    groups = tuple(group for group in EXTRA_LABELS if group != "all")
    for name, extra in (("without extra labels", ()), ("with all extra labels", groups)):
        templates = Templates()
        templates.compile("mixed", extra)
        times: list[float] = []
        for _ in range(runs):
            started_s = time.process_time()
            labels = templates.render(resolve(inventory, mig_strategy="mixed"), inventory, extra)
            times.append((time.process_time() - started_s) * 1000)
        title = f"rendering {len(labels)} labels, {name}"
        node = "8 GPUs, 56 MIG devices"
        yield Figure(benchmark="growth", node=node, name=title, unit="ms", samples={GFD: times})
