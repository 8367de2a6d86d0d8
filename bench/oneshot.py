"""One-shot: the whole process, beside the least that C and Python can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import nodes, programs
from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NVML = "import pynvml as n; n.nvmlInit(); n.nvmlDeviceGetCount(); n.nvmlShutdown()"


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield wall and CPU time on each node; the programs take turns."""
    asked = {name: [*argv, "--oneshot", "--output-file="] for name, argv in programs.compared().items()}
    asked["same calls in C"] = [str(programs.build_floor(folder))]
    asked["Python + pynvml + NVML"] = [*programs.PYTHON, "-c", NVML]
    asked["bare Python"] = [*programs.PYTHON, "-c", "pass"]
    for node in nodes.choose(folder):
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for _ in range(runs):
            for name, argv in asked.items():
                times[name].append(programs.run(argv, node.environ))
        for place, kind in enumerate(("wall", "CPU")):
            samples = {name: [time[place] for time in found] for name, found in times.items()}
            yield Figure(benchmark="one-shot", node=node.name, name=kind, unit="ms", samples=samples)
