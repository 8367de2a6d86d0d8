"""Publish labels to all sinks. A sink that fails is retried alone, without reading the hardware again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gfd.errors import PublishError
from gfd.kube.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift, RivalDetector
    from gfd.publishing.sinks import Sink

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 60.0
FIRST_REPAIR_S = 0.2
URGENT_INTERVAL_S = 1.0
"""The minimum time between two urgent repairs. It never grows, unlike the delay of other repairs."""
REPAIR_RESET_S = 600.0
"""After this time without a repair, the delay before the next one is short again."""


class PublishResult(NamedTuple):
    """The result of one attempt."""

    changed: tuple[str, ...] = ()
    """Names of the sinks where something changed."""
    succeeded: tuple[str, ...] = ()
    errors: tuple[PublishError, ...] = ()


class _SinkState:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.retries = Backoff(FIRST_RETRY_S, MAX_RETRY_S)
        self.repairs = Backoff(FIRST_REPAIR_S, MAX_RETRY_S)
        self.last_repair_s = 0.0
        self.urgent_repair_s = 0.0
        """When the latest urgent repair was due, or will be (monotonic)."""
        self.rival_detector: RivalDetector | None = None
        """None until another gfd writes to the same target."""
        self.blocked_until_s = 0.0
        """The server asked for no request before this time (monotonic)."""
        self.due_s: float | None = None
        """When to try again (monotonic); None if the last attempt succeeded."""


class Publisher:
    """Publishes to the sinks of a configuration, and remembers which of them to try again."""

    def __init__(self, sinks: Sequence[Sink], clock: Callable[[], float] = time.monotonic) -> None:
        self._states = [_SinkState(sink) for sink in sinks]
        self._clock = clock
        self._labels: Labels | None = None

    def publish(self, labels: Labels | None) -> PublishResult:
        """Publish ``labels`` to all sinks; None withdraws the published labels."""
        self._labels = labels
        now_s = self._clock()
        return self._attempt([state for state in self._states if state.blocked_until_s <= now_s])

    def retry(self) -> PublishResult:
        """Publish again to the sinks whose retry or repair is due."""
        now_s = self._clock()
        return self._attempt(
            [state for state in self._states if state.due_s is not None and state.due_s <= now_s]
        )

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Let the sinks call ``on_drift``, from any thread, when somebody else changes something."""
        for state in self._states:
            state.sink.watch(on_drift)

    def inspect(self) -> None:
        """Check for changes by others, in the sinks that have no watch."""
        for state in self._states:
            state.sink.inspect()

    def repair(self, drift: Drift) -> None:
        """Schedule a :meth:`retry` for the sink that somebody changed.

        The delay grows with each repetition, except for urgent repairs.
        """
        now_s = self._clock()
        for state in self._states:
            if state.sink.name != drift.sink:
                continue
            if drift.is_rival:
                state.rival_detector = state.rival_detector or self._make_rival_detector()
                state.rival_detector.record(drift)
            if drift.is_urgent:
                is_scheduled = state.due_s is not None and state.due_s <= state.urgent_repair_s
                if not is_scheduled:
                    state.urgent_repair_s = max(now_s, state.urgent_repair_s + URGENT_INTERVAL_S)
                due_s = state.urgent_repair_s
            else:
                if now_s - state.last_repair_s > REPAIR_RESET_S:
                    state.repairs.reset()
                state.last_repair_s = now_s
                due_s = now_s + state.repairs.next_delay_s()
            # A blocked sink keeps its time; a repair that is scheduled for later may come earlier.
            if state.blocked_until_s <= now_s:
                state.due_s = due_s if state.due_s is None else min(state.due_s, due_s)

    @property
    def rivals(self) -> list[Drift]:
        """The changes that another gfd keeps making, at most one entry per sink."""
        return [drift for detector in self._rival_detectors if (drift := detector.current) is not None]

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until :meth:`retry` has something to do; None if nothing is scheduled."""
        due = [state.due_s for state in self._states if state.due_s is not None]
        return max(0.0, min(due) - self._clock()) if due else None

    @property
    def rival_gone_in_s(self) -> float | None:
        """Seconds until the first rival may count as gone; None without a rival."""
        return min(
            (each.gone_in_s for each in self._rival_detectors if each.current is not None), default=None
        )

    @property
    def has_labels(self) -> bool:
        """Whether any sink has published labels, including those of an earlier process."""
        return any(state.sink.has_labels() for state in self._states)

    def close(self) -> None:
        """Close the sinks; the published labels stay."""
        for state in self._states:
            state.sink.close()

    @property
    def _rival_detectors(self) -> list[RivalDetector]:
        return [state.rival_detector for state in self._states if state.rival_detector is not None]

    def _make_rival_detector(self) -> RivalDetector:
        # Imported late because it costs memory: most nodes never have a rival.
        from gfd.publishing.drift import RivalDetector

        return RivalDetector(self._clock)

    def _attempt(self, states: list[_SinkState]) -> PublishResult:
        changed: list[str] = []
        succeeded: list[str] = []
        errors: list[PublishError] = []
        for state in states:
            try:
                has_changed = (
                    state.sink.withdraw() if self._labels is None else state.sink.publish(self._labels)
                )
            except PublishError as error:
                errors.append(error)
                now_s = self._clock()
                state.blocked_until_s = now_s + (error.retry_after_s or 0)
                # The server asks all nodes to wait for the same time, so a random delay is added to it.
                state.due_s = state.blocked_until_s + state.retries.next_delay_s()
                continue
            state.due_s = None
            state.retries.reset()
            succeeded.append(state.sink.name)
            if has_changed:
                changed.append(state.sink.name)
        return PublishResult(changed=tuple(changed), succeeded=tuple(succeeded), errors=tuple(errors))
