"""The service by sink: CPU and wall of a cycle, memory, and how often it wakes with nothing to do.

The original knows no sink for the Node itself; beside gfd's stands its NodeFeature, for which NFD's master
would have to run as well.
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
    """By program and sink, of each run: the values by name and unit."""

INTERVAL_S = 0.2
SHORT_S = 0.001
"""Shorter than a cycle: cycles follow one another."""
WATCHED_S = 4.0
IDLE_S = 5.0
BESIDE = {
    places.FILE: places.FILE,
    places.NODE_FEATURE: places.NODE_FEATURE,
    places.NODE: places.NODE_FEATURE,
}
"""Sink of gfd's -> the original's that it is compared with."""


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the figures of each node, of feature files; a fifth of ``runs`` services of each in turn."""
    files = {
        (program, places.FILE): places.File(folder / f"labels-{program}") for program in programs.commands()
    }
    for node in nodes.choose(folder):
        yield from compare(node.name, _watch_all(files, node, max(3, runs // 5)))


def measure_sinks(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the same of each sink, on the largest node and the real one: sinks differ no more on others."""
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
    """Yield each sink of gfd's beside the original's that comes next to it."""
    for sink, beside in BESIDE.items():
        columns = {GFD: found.get((GFD, sink), []), ORIGINAL: found.get((ORIGINAL, beside), [])}
        for name, unit in dict.fromkeys(key for each in columns[GFD] for key in each):
            samples = {
                program: [each[name, unit] for each in runs] for program, runs in columns.items() if runs
            }
            yield Figure(benchmark=f"service, {sink}", node=node, name=name, unit=unit, samples=samples)


def cpu_ms(program: str, environ: dict[str, str], place: File | Pod) -> float:
    """Return what a cycle takes of CPU, by the cycles that have ended."""
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
    # The original sleeps after each cycle; gfd's begin by the clock, or as soon as the last has ended.
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
