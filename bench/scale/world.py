"""The running experiment: control plane, agents, judge, and all their counters."""

from __future__ import annotations

import dataclasses
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.scale.histogram import Reading, bound, quantile
from bench.scale.result import Measurement
from bench.scale.usage import cpu_s, machine_cpu_s, memory_mib
from bench.scale.worker import ORIGINAL, Counts

if TYPE_CHECKING:
    from collections import Counter

    from bench.scale.fleet import Fleet
    from bench.scale.judge import Judge
    from bench.scale.plane import Plane

CLEAR_S = 120.0
SERVER, ETCD = "kube-apiserver", "etcd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """All counters at one time."""

    at_s: float
    reading: Reading
    counts: Counts
    cpu: dict[str, float]
    """CPU seconds by process."""
    judged: Counter[str]


@dataclasses.dataclass(slots=True, kw_only=True)
class World:
    """The cluster that a scenario acts on."""

    plane: Plane
    fleet: Fleet
    judge: Judge
    layouts: tuple[dict[str, str], ...]
    start_s: float
    """The time in which all agents start."""
    outage_s: float
    system: str = ""
    layout: int = 0
    has_master: bool = False
    lives: Reading = dataclasses.field(default_factory=Reading)
    """The counters of API servers that were stopped."""
    used_cpu_s: float = 0.0
    """Their CPU seconds."""

    @property
    def names(self) -> list[str]:
        """The names of all nodes."""
        return self.fleet.names

    @property
    def labels(self) -> dict[str, str]:
        """The labels that nodes should have now."""
        return self.layouts[self.layout]

    def turn(self) -> dict[str, str]:
        """Switch to the other layout; return its labels."""
        self.layout = 1 - self.layout
        return self.labels

    def read(self) -> Meters:
        """Read all counters."""
        # The server's metrics come last, because making them uses its CPU.
        cpu, judged, counts = self.read_cpu(), self.judge.asked.copy(), self.fleet.count()
        at_s = time.monotonic()
        reading = self.lives.plus(self.plane.read_metrics())
        return Meters(at_s=at_s, reading=reading, counts=counts, cpu=cpu, judged=judged)

    def read_cpu(self) -> dict[str, float]:
        """Return the CPU seconds of each process, and of the whole machine."""
        used = {name: cpu_s(process.pid) for name, process in self.plane.processes.items()}
        used[SERVER] += self.used_cpu_s
        return {**used, "driver": self.fleet.cpu_s + cpu_s(os.getpid()), "machine": machine_cpu_s()}

    def clear(self) -> None:
        """End the agents, remove all labels, and restart the API server for the next system."""
        self.judge.expect({}, self.names)
        self.fleet.tell("end", is_withdrawing=True)
        self.judge.wait(CLEAR_S)
        self.stop_server()
        self.plane.start_api_server()

    def stop_server(self) -> None:
        """Stop the API server and keep its counters."""
        self.lives = self.lives.plus(self.plane.read_metrics())
        self.used_cpu_s += cpu_s(self.plane.processes[SERVER].pid)
        self.plane.stop(SERVER)

    def watch_since(self, patience_s: float) -> float | None:
        """Wait until all watches of gfd are open, and still are a second later; return when that was."""
        deadline_s = time.monotonic() + patience_s
        since_s: float | None = None
        while self.system != ORIGINAL and time.monotonic() < deadline_s:
            now_s = time.monotonic()
            if self.fleet.count().watching < len(self.names):
                since_s = None
            elif since_s is None:
                since_s = now_s
            elif now_s - since_s > 1:
                return since_s
            time.sleep(0.25)
        return None

    def measure(
        self,
        scenario: str,
        before: Meters,
        *,
        begun_s: float,
        speed: float = 1.0,
        changed_s: dict[str, float] | None = None,
        right_s: dict[str, float] | None = None,
        watching_s: float | None = None,
    ) -> Measurement:
        """Return the difference to ``before``.

        ``changed_s`` is when nodes changed, ``right_s`` since when they are right, ``watching_s`` since when
        all watches are open.
        """
        after = self.read()
        server = after.reading.since(before.reading)
        agents = after.counts.since(before.counts)
        used = {name: after.cpu[name] - before.cpu[name] for name in after.cpu}
        foreign_s = used.pop("machine") - sum(used.values())
        changed = changed_s or {}
        right = right_s or {}
        delays_s = [max(0.0, right[name] - changed[name]) for name in changed if name in right]
        asked = server.by_verb() - (after.judged - before.judged)
        asked["WATCH"] = agents.asked["WATCH"]
        wrong = len(changed.keys() - right.keys())
        wall_s = after.at_s - before.at_s
        return Measurement(
            system=self.system,
            nodes=len(self.names),
            scenario=scenario,
            wall_s=round(wall_s, 1),
            life_s=round(wall_s * speed),
            requests=dict(sorted(asked.items())),
            p50_s=bound(server.durations, 0.5),
            p99_s=bound(server.durations, 0.99),
            queued_p99_s=bound(server.waits, 0.99),
            server_cpu_s=round(used[SERVER], 2),
            etcd_cpu_s=round(used[ETCD], 2),
            driver_cpu_s=round(used["driver"], 2),
            foreign_cpu_s=round(max(0.0, foreign_s), 2),
            server_mib=memory_mib(self.plane.processes[SERVER].pid),
            driver_mib=self.fleet.memory_mib,
            watches=after.reading.watches,
            right_s=None if wrong else round(max(0.0, max(right.values(), default=begun_s) - begun_s), 2),
            watching_s=None if watching_s is None else round(max(0.0, watching_s - begun_s), 1),
            delays_s=_spread(delays_s),
            changes=len(changed),
            writes=sum(agents.writes.values()),
            most_writes=max(agents.writes.values(), default=0),
            errors=dict(sorted(server.errors().items())),
            failures=dict(sorted(agents.errors.items())),
            lost=sum(self.judge.lost.values()),
            wrong=wrong,
        )


def _spread(delays_s: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    found = {name: quantile(delays_s, share) for name, share in shares.items()}
    return {name: round(value, 3) for name, value in found.items() if value is not None}
