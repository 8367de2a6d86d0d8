"""The service with the feature file: CPU a cycle, memory, and how often it wakes with nothing to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import nodes, programs
from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INTERVAL_S = 0.2
WATCHED_S = 4.0
IDLE_S = 5.0


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the figures of each node; ``runs`` services of each program in turn, a fifth of the usual."""
    for node in nodes.choose(folder):
        found: dict[tuple[str, str], dict[str, list[float]]] = {}
        for _ in range(max(3, runs // 5)):
            for name, argv in programs.compared().items():
                output = folder / f"labels-{name}"
                for (figure, unit), value in _watch([*argv, f"--output-file={output}"], node, output).items():
                    found.setdefault((figure, unit), {}).setdefault(name, []).append(value)
        for (figure, unit), samples in found.items():
            yield Figure(benchmark="service", node=node.name, name=figure, unit=unit, samples=samples)


def _watch(argv: list[str], node: nodes.Node, output: Path) -> dict[tuple[str, str], float]:
    with programs.serve([*argv, f"--sleep-interval={INTERVAL_S}s"], node.environ, output) as service:
        used_ms, started_s = service.cpu_ms(), time.monotonic()
        time.sleep(WATCHED_S)
        cycles = (time.monotonic() - started_s) / INTERVAL_S
        values = {("CPU a cycle", "ms"): (service.cpu_ms() - used_ms) / cycles}
    with programs.serve([*argv, "--sleep-interval=1h"], node.environ, output) as service:
        switches = service.switches()
        time.sleep(IDLE_S)
        values["switches a minute at rest", ""] = (service.switches() - switches) * 60 / IDLE_S
        return values | {(f"{name} memory", "MiB"): size for name, size in service.memory_mib().items()}
