"""Measure the service by sink: CPU and wall time of a cycle, memory, and wake-ups at rest.

The original has no sink for the Node itself. gfd's Node sink is compared with the original's NodeFeature,
which also needs NFD's master.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import nodes, places, processes, programs
from bench.figure import GFD, ORIGINAL, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench.places import File, Pod

    Found = dict[tuple[str, str], list[dict[tuple[str, str], float]]]
    """Values of each run by name and unit, by program and sink."""

INTERVAL_S = 0.2
SHORT_S = 0.001
"""Shorter than a cycle, so that cycles follow each other at once."""
WATCHED_S = 4.0
IDLE_S = 5.0
BESIDE = {
    places.FILE: places.FILE,
    places.NODE_FEATURE: places.NODE_FEATURE,
    places.NODE: places.NODE_FEATURE,
}
"""gfd's sink -> the original's sink to compare with."""


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the figures for feature files on each node, from ``runs`` / 5 services of each program."""
    files = {
        (program, places.FILE): places.File(folder / f"labels-{program}") for program in programs.commands()
    }
    for node in nodes.choose(folder):
        yield from compare(node.name, _watch_all(files, node, max(3, runs // 5)))


def measure_sinks(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the figures for each sink, on the largest node and on real GPUs."""
    with places.planed(folder / "plane") as plane:
        everywhere: dict[tuple[str, str], File | Pod] = {}
        for program in programs.commands():
            everywhere[program, places.FILE] = places.File(folder / f"labels-{program}")
            for sink in places.SINKS[program]:
                everywhere[program, sink] = places.Pod(plane, program, sink)
        for node in nodes.choose(folder):
            if node.name in (nodes.LARGEST, nodes.REAL):
                yield from compare(node.name, _watch_all(everywhere, node, max(2, runs // 5)))


def compare(node: str, found: Found) -> Iterator[Figure]:
    """Yield the figures of each of gfd's sinks beside those of the original's sink."""
    for sink, beside in BESIDE.items():
        columns = {GFD: found.get((GFD, sink), []), ORIGINAL: found.get((ORIGINAL, beside), [])}
        for name, unit in dict.fromkeys(key for each in columns[GFD] for key in each):
            samples = {
                program: [each[name, unit] for each in runs] for program, runs in columns.items() if runs
            }
            yield Figure(benchmark=f"service, {sink}", node=node, name=name, unit=unit, samples=samples)


def cpu_ms(program: str, environ: dict[str, str], place: File | Pod) -> float:
    """Return the CPU time of a cycle, as a mean over the cycles that have ended."""
    argv = [*programs.telling(program), *place.arguments, f"--sleep-interval={INTERVAL_S}s"]
    with processes.serve(place.inside(argv), environ, place.clear()) as service:
        used_ms, cycles = service.cpu_ms(), service.cycles()
        time.sleep(WATCHED_S)
        return (service.cpu_ms() - used_ms) / (service.cycles() - cycles)


def _wall_ms(program: str, environ: dict[str, str], place: File | Pod) -> float:
    argv = [*programs.telling(program), *place.arguments, f"--sleep-interval={SHORT_S}s"]
    with processes.serve(place.inside(argv), environ, place.clear()) as service:
        cycles, started_s = service.cycles(), time.monotonic()
        time.sleep(WATCHED_S)
        period_s = (time.monotonic() - started_s) / (service.cycles() - cycles)
    # The original sleeps after each cycle. gfd starts cycles by the clock, or at once after a long cycle.
    return (period_s - (SHORT_S if program == ORIGINAL else 0)) * 1000


def _watch_all(there: Mapping[tuple[str, str], File | Pod], node: nodes.Node, runs: int) -> Found:
    found: Found = {key: [] for key in there}
    for _ in range(runs):
        for (program, sink), place in there.items():
            found[program, sink].append(_watch(program, place, node))
    return found


def _watch(program: str, place: File | Pod, node: nodes.Node) -> dict[tuple[str, str], float]:
    values = {
        ("CPU a cycle", "ms"): cpu_ms(program, node.environ, place),
        ("wall a cycle", "ms"): _wall_ms(program, node.environ, place),
    }
    quiet = [*programs.commands()[program], *programs.COMMON]
    argv = [*quiet, *place.arguments, "--sleep-interval=1h"]
    with processes.serve(place.inside(argv), node.environ, place.clear()) as service:
        used_ms, before = service.cpu_ms(), service.switches()
        time.sleep(IDLE_S)
        values["CPU a minute at rest", "ms"] = (service.cpu_ms() - used_ms) * 60 / IDLE_S
        after = service.switches()
        a_minute = {kind: (after[kind] - before[kind]) * 60 / IDLE_S for kind in after}
        values["wake-ups a minute at rest", ""] = a_minute["voluntary"]
        values["switches a minute at rest", ""] = sum(a_minute.values())
        return values | {(f"{name} memory", "MiB"): size for name, size in service.memory_mib().items()}
