"""A process that runs some of the agents; the main process controls it through a pipe."""

from __future__ import annotations

import os
import random
import resource
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.scale.actor import STACK_BYTES
from bench.scale.agent import Agent, Pace
from bench.scale.original import Master, Original
from gfd.kube import list_watch

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bench.scale.account import Account
    from bench.scale.objects import Maker

ORIGINAL = "original"
NICE = 10
HERE_S = (list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S, list_watch.BRIEF_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The requests of some agents since they started."""

    asked: Counter[str] = field(default_factory=Counter)
    """Requests by verb."""
    errors: Counter[str] = field(default_factory=Counter)
    """HTTP status, or kind of error -> requests."""
    writes: Counter[str] = field(default_factory=Counter)
    """Node -> successful writes."""
    watching: int = 0
    """Agents with an open watch."""

    def since(self, before: Counts) -> Counts:
        """Return the difference to the earlier reading ``before``."""
        return Counts(
            asked=self.asked - before.asked,
            errors=self.errors - before.errors,
            writes=self.writes - before.writes,
            watching=self.watching,
        )

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        return Counts(
            asked=self.asked + other.asked,
            errors=self.errors + other.errors,
            writes=self.writes + other.writes,
            watching=self.watching + other.watching,
        )


class Worker:
    """The main process calls its public methods."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._first: Account
        self._accounts: list[Account] = []
        self._agents: list[Agent | Original] = []
        self._master: Master | None = None

    def make(self, names: list[str], first: str) -> None:
        """Create nodes and their agents; ``first`` is one that is not measured."""
        self._first, *self._accounts = self._maker.make([first, *names])

    def warm(self, system: str, labels: dict[str, str]) -> None:
        """Run an agent that is not measured: a new server initialises much at the first request."""
        agent = self._make_agent(system, self._first, labels)
        agent.live()
        agent.beat()
        agent.withdraw()

    def begin(self, system: str, labels: dict[str, str], at_s: float, over_s: float) -> dict[str, float]:
        """Start each agent between ``at_s`` and ``over_s`` later; return the times."""
        when = {account.node: at_s + random.random() * over_s for account in self._accounts}
        self._agents = [self._make_agent(system, account, labels) for account in self._accounts]
        for agent in self._agents:
            agent.start()
            agent.tell(when[agent.account.node], agent.live)
        return when

    def begin_master(self) -> None:
        """Start NFD's master."""
        self._master = Master(self._maker.make_master())

    def change(
        self, labels: dict[str, str], at_s: float, over_s: float, names: list[str]
    ) -> dict[str, float]:
        """Change each node once, between ``at_s`` and ``over_s`` later; return the times."""
        chosen, when = set(names), {}
        for agent in self._agents:
            name = agent.account.node
            if name in chosen:
                when[name] = at_s + random.random() * over_s
                agent.tell(when[name], partial(agent.change, labels))
        return when

    def replace(self, whens_s: dict[str, float], speed: float = 1.0) -> None:
        """Replace each agent at its time by one that is ``speed`` times as fast."""
        pace = Pace()
        list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S, list_watch.BRIEF_S = HERE_S
        if speed != 1:
            # Cycles send no requests by themselves; more of them would only use CPU here.
            pace = Pace(interval_s=max(60 / speed, len(self._agents) / 400), speed=speed)
            shortest, longest = (max(1, int(each / speed)) for each in HERE_S[:2])
            list_watch.MIN_WATCH_S, list_watch.MAX_WATCH_S = shortest, longest
            list_watch.BRIEF_S = HERE_S[2] / speed
        for agent in self._agents:
            agent.tell(whens_s[agent.account.node], partial(agent.live, pace))

    def end(self, *, is_withdrawing: bool) -> None:
        """End all agents."""
        for agent in self._agents:
            agent.tell(0, agent.withdraw if is_withdrawing else agent.die)
            agent.tell(0, None)
        for agent in self._agents:
            agent.join()
        self._agents = []

    def count(self) -> Counts:
        """Return the requests so far."""
        asked: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        writes: Counter[str] = Counter()
        watching = 0
        apis = [(agent.account.node, api) for agent in self._agents for api in agent.apis]
        for node, api in apis:
            asked.update(api.asked)
            errors.update(api.errors)
            writes[node] += api.writes
        for agent in self._agents:
            watching += bool(agent.apis) and agent.apis[-1].watching > 0
        if self._master is not None:
            asked.update(self._master.api.asked)
            errors.update(self._master.api.errors)
        return Counts(asked=asked, errors=errors, writes=writes, watching=watching)

    @staticmethod
    def _make_agent(system: str, account: Account, labels: dict[str, str]) -> Agent | Original:
        return Original(account, labels) if system == ORIGINAL else Agent(account, system, labels, Pace())


def run(pipe: Connection, maker: Maker) -> None:
    """Run the calls from the pipe until it is closed."""
    threading.stack_size(STACK_BYTES)
    # In a cluster agents have other processors than the server; here the server has priority.
    os.nice(NICE)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    worker = Worker(maker)
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            break
        answer: Any
        try:
            answer = getattr(worker, name)(**arguments)
        except Exception as error:  # raised again in the main process
            answer = error
        try:
            pipe.send(answer)
        except BrokenPipeError:
            break
    # Do not wait for thousands of threads that are blocked in the network.
    os._exit(0)


def soon(seconds: float = 1.0) -> float:
    """Return a monotonic time in the near future, for which all processes can prepare."""
    return time.monotonic() + seconds
