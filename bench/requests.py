"""Count the requests of a node by verb, in the API server's audit log: whole agents, with their rights.

Time is compressed with ``--sleep-interval`` and, for gfd, ``--resync``. The duration of a watch, a constant
of gfd, is divided by the same factor. gfd's requests depend on the clock, those of the original on its
cycles: an hour of the original is sixty cycles, however long they take.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench import places, processes, programs
from bench.figure import GFD, ORIGINAL, Figure
from bench.hardware import Hardware
from gfd.kube import list_watch

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.places import Pod

    Counts = dict[tuple[str, str], dict[str, float]]
    """Program and sink -> verb -> requests."""

IDLE_SPEED = 1650
"""A day in 52 s; a watch ends after two seconds, which stand for 55 minutes."""
IDLE_H = 24
BUSY_SPEED = 60
CHANGES, EVERY_S = 20, 3.0
"""At this speed they take an hour."""
SETTLE_S = 2.0
WRITES = ("create", "update", "patch", "delete")


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield the requests of each scenario, a tenth of ``runs`` times; all agents run at the same time."""
    with places.planed(folder / "plane") as plane:
        pods = {
            (program, sink): places.Pod(plane, program, sink)
            for program in programs.commands()
            for sink in places.SINKS[program]
        }
        hardware = Hardware(folder)
        found: dict[str, list[Counts]] = {"idle day, an hour": [], "rollout": [], "20 layouts in an hour": []}
        for _ in range(max(1, runs // 10)):
            for scenario, live in zip(found, (_rest, _roll, _change), strict=True):
                found[scenario].append(live(pods, hardware))
    for scenario, counts in found.items():
        yield from compare(scenario, counts)


def compare(scenario: str, runs: list[Counts]) -> Iterator[Figure]:
    """Yield requests by verb, all requests, and writes, for each sink of gfd beside the original."""
    for sink in places.SINKS[GFD]:
        columns = {GFD: (GFD, sink), ORIGINAL: (ORIGINAL, places.NODE_FEATURE)}
        samples = {program: [run[key] for run in runs] for program, key in columns.items() if key in runs[0]}
        verbs = sorted({verb for each in samples.values() for counts in each for verb in counts})
        for name, summed in {
            **{verb: (verb,) for verb in verbs},
            "all": tuple(verbs),
            "writes": WRITES,
        }.items():
            values = {
                program: [float(sum(counts.get(verb, 0) for verb in summed)) for counts in each]
                for program, each in samples.items()
            }
            yield Figure(benchmark=f"requests, {sink}", node=scenario, name=name, unit="", samples=values)


def _rest(pods: dict[tuple[str, str], Pod], hardware: Hardware) -> Counts:
    """Simulate a day without changes; return requests an hour."""
    hardware.reset()
    with ExitStack() as stack:
        services = {key: stack.enter_context(_serve(*key, pods, hardware, IDLE_SPEED)) for key in pods}
        before = {key: (service.cycles(), pods[key].requests()) for key, service in services.items()}
        time.sleep(IDLE_H * 3600 / IDLE_SPEED)
        after = {key: (service.cycles(), pods[key].requests()) for key, service in services.items()}
    found: Counts = {}
    for key, (cycles, asked) in after.items():
        hours = (cycles - before[key][0]) / 60 if key[0] == ORIGINAL else IDLE_H
        found[key] = {verb: count / hours for verb, count in (asked - before[key][1]).items()}
    return found


def _roll(pods: dict[tuple[str, str], Pod], hardware: Hardware) -> Counts:
    """Replace each Pod by another in real time; return the requests of the new ones."""
    hardware.reset()
    for key in pods:
        with _serve(*key, pods, hardware, 1):
            pass
    asked = {key: pod.requests() for key, pod in pods.items()}
    for key, pod in pods.items():
        pod.replace()
        with _serve(*key, pods, hardware, 1, is_new=False):
            time.sleep(SETTLE_S)
    return _since(asked, pods)


def _change(pods: dict[tuple[str, str], Pod], hardware: Hardware) -> Counts:
    """Simulate an hour with a change of the MIG layout every three minutes; return its requests."""
    hardware.reset()
    with ExitStack() as stack:
        for key in pods:
            stack.enter_context(_serve(*key, pods, hardware, BUSY_SPEED))
        asked = {key: pod.requests() for key, pod in pods.items()}
        begun_s = time.monotonic()
        for turn in range(1, CHANGES + 1):
            hardware.change_layout(turn)
            time.sleep(max(0.0, begun_s + turn * EVERY_S - time.monotonic()))
        return _since(asked, pods)


def _since(asked: dict[tuple[str, str], Counter[str]], pods: dict[tuple[str, str], Pod]) -> Counts:
    return {key: dict(pod.requests() - asked[key]) for key, pod in pods.items()}


def _serve(
    program: str,
    sink: str,
    pods: dict[tuple[str, str], Pod],
    hardware: Hardware,
    speed: int,
    *,
    is_new: bool = True,
) -> AbstractContextManager[processes.Service]:
    """Start an agent; one that is not new finds its labels published."""
    pod = pods[program, sink]
    command = hasten(speed, hardware) if program == GFD else programs.commands()[program]
    argv = [*command, "--mig-strategy=mixed", *pod.arguments, f"--sleep-interval={60_000 // speed}ms"]
    asked = pod.requests()
    begun = pod.clear() if is_new else lambda: pod.requests() != asked
    return processes.serve(pod.inside(argv), hardware.node.environ, begun)


def hasten(speed: int, hardware: Hardware) -> list[str]:
    """Return the command of a gfd with watches and resyncs that are shorter by this factor."""
    shortest_s, longest_s = (
        round(life_s / speed) for life_s in (list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S)
    )
    lines = (
        "from gfd.kube import list_watch",
        f"list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S = {shortest_s}, {longest_s}",
        f"list_watch.BRIEF_S /= {speed}",
        "from gfd.cli import main",
        "main()",
    )
    resync = f"--resync={3_600_000 // speed}ms"
    return [*programs.PYTHON, "-c", "\n".join(lines), *hardware.arguments, resync]
