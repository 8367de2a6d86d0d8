"""The gfd of one node: sink, publisher and watch, scheduled as in the service."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.scale.account import CountedApi
from bench.scale.actor import Actor
from bench.scale.objects import NAMESPACE
from gfd.publishing.publisher import Publisher
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.scale.account import Account
    from gfd.publishing.drift import Drift
    from gfd.publishing.sinks import Sink

TIMESTAMP = "nvidia.com/gfd.timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often an agent acts."""

    interval_s: float = 60.0
    """Seconds between two cycles."""
    speed: float = 1.0
    """Simulated seconds in one real second, for the resync."""


class Agent(Actor):
    """Does what the service does after reading the hardware: publish, repeat at each interval, and retry."""

    def __init__(self, account: Account, sink: str, labels: Mapping[str, str], pace: Pace) -> None:
        super().__init__()
        self.account = account
        self.apis: list[CountedApi] = []
        """One for each start; the last is in use."""
        self._sink_name = sink
        self._labels = dict(labels)
        self._pace = pace
        self._publisher: Publisher | None = None
        self._cycle_due_s = 0.0

    def live(self, pace: Pace | None = None) -> None:
        """Start, or start again without any state, as in a rolling upgrade."""
        self.die()
        self._pace = pace or self._pace
        self._labels[TIMESTAMP] = str(int(time.time()))
        api = CountedApi(self.account)
        self.apis.append(api)
        begun_s = time.monotonic()
        speed = self._pace.speed
        self._publisher = Publisher([self._make(api, lambda: begun_s + (time.monotonic() - begun_s) * speed)])
        self._publisher.watch(self._drifted)
        self._cycle()

    def change(self, labels: Mapping[str, str]) -> None:
        """Publish the labels of another MIG layout."""
        self._labels = {**labels, TIMESTAMP: self._labels[TIMESTAMP]}
        self._cycle()

    def withdraw(self) -> None:
        """Remove the labels from the Node, as gfd cleanup does, and end."""
        if self._publisher is not None:
            self._publisher.publish(None)
        self.die()

    def die(self) -> None:
        """End as after SIGTERM; the labels stay."""
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None
            self.apis[-1].close()

    @property
    def wait_s(self) -> float | None:
        """Seconds until the next cycle or retry."""
        if self._publisher is None:
            return None
        cycle_s = max(0.0, self._cycle_due_s - time.monotonic())
        retry_s = self._publisher.retry_in_s
        return cycle_s if retry_s is None else min(cycle_s, retry_s)

    def beat(self) -> None:
        """Run the cycle or the retry that is due."""
        if self._publisher is None:
            return
        if self._cycle_due_s <= time.monotonic():
            self._cycle()
        else:
            self._publisher.retry()

    def _cycle(self) -> None:
        if self._publisher is None:
            return
        self._cycle_due_s = time.monotonic() + self._pace.interval_s
        self._publisher.publish(self._labels)

    def _drifted(self, drift: Drift) -> None:
        if self._publisher is not None:
            self.tell(0, partial(self._publisher.repair, drift))

    def _make(self, api: CountedApi, clock: Callable[[], float]) -> Sink:
        if self._sink_name == "node":
            return NodeSink(
                api,
                node_name=self.account.node,
                is_forcing=True,
                as_annotations=None,
                resync_s=3600,
                warn=lambda text: None,
                clock=clock,
            )
        client = NodeFeatureClient(
            api, node_name=self.account.node, namespace=NAMESPACE, pod_name=self.account.pod
        )
        return NodeFeatureSink(client, resync_s=3600, warn=print, clock=clock)
