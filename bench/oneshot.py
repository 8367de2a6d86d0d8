"""One-shot: the whole process, beside the least that C and Python can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import nodes, processes, programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.figure import Figure

NVML = "import pynvml as n; n.nvmlInit(); n.nvmlDeviceGetCount(); n.nvmlShutdown()"


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield wall and CPU time, and peak memory, on each node; the programs take turns."""
    asked = {name: [*argv, "--oneshot", "--output-file="] for name, argv in programs.compared().items()}
    asked["same calls in C"] = [str(programs.build_floor(folder))]
    asked["Python + pynvml + NVML"] = [*programs.PYTHON, "-c", NVML]
    asked["bare Python"] = [*programs.PYTHON, "-c", "pass"]
    for node in nodes.choose(folder):
        used: dict[str, list[processes.Used]] = {name: [] for name in asked}
        for _ in range(runs):
            for name, argv in asked.items():
                used[name].append(processes.run(argv, node.environ))
        yield from processes.figures("one-shot", node.name, used)
