"""The scenarios: each acts on the world and returns what that cost."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.scale.worker import ORIGINAL, soon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.scale.result import Measurement
    from bench.scale.world import World

MINUTE_S = 60.0
WINDOW_S = 30.0
"""The duration of a rolling upgrade and of the compressed day."""
PATIENCE_S = 600.0
SETTLE_S = 2.0
WAVES = 10
"""The waves of a rolling upgrade."""
STEADY_PER_S = 150.0
"""The load of the compressed day."""
RESTS_PER_H = 2.0
"""Requests of an idle node: one watch and one resync."""
OUTAGE_SHARE = 0.1
"""The share of nodes that change their layout while the API server is down."""


def start(world: World) -> Measurement:
    """All agents start, by default at once, on nodes without labels."""
    world.fleet.tell("warm", system=world.system, labels=world.labels)
    before = world.read()
    at_s = soon(2 + len(world.names) / 500)
    world.judge.expect(world.labels, world.names)
    answers = world.fleet.tell(
        "begin", system=world.system, labels=world.labels, at_s=at_s, over_s=world.start_s
    )
    right_s = world.judge.wait(PATIENCE_S)
    watching_s = world.watch_since(PATIENCE_S)
    changed_s = _merge(answers)
    return world.measure(
        "start", before, begun_s=at_s, changed_s=changed_s, right_s=right_s, watching_s=watching_s
    )


def layouts(world: World) -> Measurement:
    """Each node changes its MIG layout once, at a random time within one minute."""
    before = world.read()
    at_s = soon()
    changed_s = _change(world, at_s, MINUTE_S, world.names)
    _sleep_until(at_s + MINUTE_S)
    right_s = world.judge.wait(PATIENCE_S)
    time.sleep(SETTLE_S)
    return world.measure("layouts", before, begun_s=at_s, changed_s=changed_s, right_s=right_s)


def rest(world: World) -> Measurement:
    """Nothing happens for one real minute: the cost of watches, bookmarks and resyncs."""
    time.sleep(SETTLE_S)
    before = world.read()
    begun_s = time.monotonic()
    time.sleep(MINUTE_S)
    return world.measure("rest", before, begun_s=begun_s)


def outage(world: World) -> Measurement:
    """The API server is down, and a tenth of the nodes changes. Measured from its return."""
    chosen = random.sample(world.names, max(1, round(len(world.names) * OUTAGE_SHARE)))
    others = sorted(set(world.names) - set(chosen))
    before = world.read()
    world.stop_server()
    gone_s = time.monotonic()
    _change(world, soon(), world.outage_s * 0.8, chosen)
    _sleep_until(gone_s + world.outage_s)
    world.plane.start_api_server()
    begun_s = time.monotonic()
    # The time that the server takes to start is not measured.
    before = replace(before, at_s=begun_s, cpu=world.read_cpu())
    right_s = world.judge.wait(PATIENCE_S)
    watching_s = world.watch_since(PATIENCE_S)
    changed_s = dict.fromkeys(chosen, begun_s)
    measured = world.measure(
        "outage", before, begun_s=begun_s, changed_s=changed_s, right_s=right_s, watching_s=watching_s
    )
    # The other nodes follow, not measured, so that all have the same labels again.
    world.fleet.tell("change", labels=world.labels, at_s=soon(), over_s=10.0, names=others)
    world.judge.expect(world.labels, others)
    world.judge.wait(PATIENCE_S)
    return measured


def roll(world: World) -> Measurement:
    """New agents replace the old ones, in waves over half a minute; all labels are already right."""
    before = world.read()
    begun_s = soon()
    wave_s = WINDOW_S / WAVES
    size = -(-len(world.names) // WAVES)
    whens_s = {name: begun_s + i // size * wave_s for i, name in enumerate(world.names)}
    world.judge.expect(world.labels, world.names)
    world.fleet.tell("replace", whens_s=whens_s)
    _sleep_until(begun_s + WINDOW_S)
    world.watch_since(PATIENCE_S)
    time.sleep(SETTLE_S)
    return world.measure("roll", before, begun_s=begun_s)


def day(world: World) -> Measurement:
    """Rest in compressed time: watches and resyncs are that much shorter.

    The factor is chosen for a steady load over half a minute. First the agents are replaced one after the
    other during the life of one watch, so that watches end at different times, as in a cluster that has run
    for long.
    """
    hours = min(24.0, STEADY_PER_S * WINDOW_S / (RESTS_PER_H * len(world.names)))
    speed = hours * 3600 / WINDOW_S
    begun_s, life_s = soon(), 3600 / speed
    whens_s = {name: begun_s + random.random() * life_s for name in world.names}
    world.fleet.tell("replace", whens_s=whens_s, speed=speed)
    _sleep_until(begun_s + life_s)
    world.watch_since(PATIENCE_S)
    time.sleep(SETTLE_S)
    before = world.read()
    begun_s = time.monotonic()
    time.sleep(WINDOW_S)
    return world.measure("day", before, begun_s=begun_s, speed=speed)


SCENARIOS: dict[str, Callable[[World], Measurement]] = {
    "start": start,
    "layouts": layouts,
    "rest": rest,
    "outage": outage,
    "roll": roll,
    "day": day,
}
"""In this order: the first is required, and after the last the agents act too often."""

OF_ORIGINAL = ("start", "layouts", "rest", "outage", "roll")
"""The original has no day: an hour is sixty times its minute of rest."""


def _change(world: World, at_s: float, over_s: float, names: list[str]) -> dict[str, float]:
    labels = world.turn()
    world.judge.expect(labels, names)
    answers = world.fleet.tell("change", labels=labels, at_s=at_s, over_s=over_s, names=names)
    return _merge(answers)


def _merge(answers: Iterable[dict[str, float]]) -> dict[str, float]:
    return {name: when_s for answer in answers for name, when_s in answer.items()}


def _sleep_until(when_s: float) -> None:
    time.sleep(max(0.0, when_s - time.monotonic()))


def is_of(system: str, scenario: str) -> bool:
    """Return whether a scenario applies to a system."""
    return system != ORIGINAL or scenario in OF_ORIGINAL
