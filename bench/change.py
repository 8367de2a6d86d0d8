"""Measure the time from a change of the hardware to the new label."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import processes, programs
from bench.figure import GFD, Figure
from bench.hardware import Hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 30.0


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield gfd's times for each kind of change. The original only reads at its interval, 60 s."""
    hardware = Hardware(folder)
    node = hardware.node
    config = folder / "config.yaml"

    def change_configuration(turn: int) -> None:
        config.write_text(f"flags: {{migStrategy: {('none', 'mixed')[turn % 2]}}}\n")

    output = folder / "labels"
    argv = [*programs.PYTHON, "-m", "gfd", "--no-timestamp", *hardware.arguments]
    argv += [f"--output-file={output}", f"--config-file={config}", "--sleep-interval=infinite"]
    changes: dict[str, tuple[str, Callable[[int], None]]] = {
        "MIG layout": ("mixed", hardware.change_layout),
        "driver upgrade": ("none", hardware.upgrade_driver),
        "configuration": ("none", change_configuration),
    }
    for kind, (strategy, change) in changes.items():
        hardware.reset()
        config.write_text(f"flags: {{migStrategy: {strategy}}}\n")
        with processes.serve(argv, node.environ, processes.writing(output)):
            times = [_time(change, turn, output) for turn in range(1, runs + 1)]
        yield Figure(benchmark="change to label", node=node.name, name=kind, unit="s", samples={GFD: times})
        worst = sorted(times)
        for name, value in (("p99", worst[int(0.99 * (len(worst) - 1) + 0.5)]), ("worst", worst[-1])):
            label = f"{kind}, {name}"
            yield Figure(
                benchmark="change to label", node=node.name, name=label, unit="s", samples={GFD: [value]}
            )


def _time(change: Callable[[int], None], turn: int, output: Path) -> float:
    before = output.read_bytes()
    started_s = time.monotonic()
    change(turn)
    while output.read_bytes() == before:
        if time.monotonic() > started_s + PATIENCE_S:
            raise RuntimeError("a change was not seen")
        time.sleep(0.002)
    return time.monotonic() - started_s
