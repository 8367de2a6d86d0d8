"""From a change to the label: what a pod that waits for it sees."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bench import nodes, programs
from bench.figure import GFD, Figure
from gfd.probe import machines
from tests.standin import from_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LAYOUTS = ("all-1g.5gb", "all-3g.20gb")
PATIENCE_S = 30.0


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the times of each kind of change, gfd's alone: the original waits for its interval, 60 s."""
    machine = {name: from_inventory(machines.read("mig-doc", name)) for name in LAYOUTS}
    node = nodes.play(folder, "a100", machine[LAYOUTS[0]])
    capabilities = folder / "driver" / "nvidia" / "capabilities" / "gpu0" / "mig"
    capabilities.mkdir(parents=True)
    version = folder / "driver" / "nvidia" / "version"
    version.write_text("0")
    config = folder / "config.yaml"
    config.write_text("flags: {migStrategy: none}\n")
    assert node.machine is not None
    described = node.machine

    def change_layout(turn: int) -> None:
        machine[LAYOUTS[turn % 2]].write(described)
        for instance in range(7):
            with suppress(FileNotFoundError):
                (capabilities / f"gi{instance}").rmdir()
        for instance in range(7 if turn % 2 == 0 else 2):
            (capabilities / f"gi{instance}").mkdir()

    def upgrade_driver(turn: int) -> None:
        replace(machine[LAYOUTS[0]], driver=f"{500 + turn}.1").write(described)
        version.write_text(f"{turn}")

    def change_configuration(turn: int) -> None:
        config.write_text(f"flags: {{migStrategy: {('none', 'mixed')[turn % 2]}}}\n")

    output = folder / "labels"
    argv = [*programs.PYTHON, "-m", "gfd", "--no-timestamp", f"--proc-driver-dir={folder / 'driver'}"]
    argv += [f"--output-file={output}", f"--config-file={config}", "--sleep-interval=infinite"]
    changes: dict[str, tuple[str, Callable[[int], None]]] = {
        "MIG layout": ("mixed", change_layout),
        "driver upgrade": ("none", upgrade_driver),
        "configuration": ("none", change_configuration),
    }
    for kind, (strategy, change) in changes.items():
        machine[LAYOUTS[0]].write(described)
        config.write_text(f"flags: {{migStrategy: {strategy}}}\n")
        with programs.serve(argv, node.environ, output):
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
