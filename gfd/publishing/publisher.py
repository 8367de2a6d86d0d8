"""Labels to sinks. A sink that fails is tried again by itself: nothing is read anew, no other sink waits."""

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
LONGEST_RETRY_S = 60.0
FIRST_REPAIR_S = 0.2
URGENT_S = 1.0
"""Between two urgent repairs; they never come later than this."""
CALM_S = 600.0
"""Repairs further apart than this have nothing to do with each other; closer ones are a quarrel."""


class PublishResult(NamedTuple):
    """What became of one attempt."""

    changed: tuple[str, ...] = ()
    """Names of the sinks in which something changed."""
    succeeded: tuple[str, ...] = ()
    errors: tuple[PublishError, ...] = ()


class _Outlet:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self.repairs = Backoff(FIRST_REPAIR_S, LONGEST_RETRY_S)
        self.repaired_s = 0.0
        self.hurried_s = 0.0
        """When the latest urgent repair was, or is, due (monotonic)."""
        self.rivalry: RivalDetector | None = None
        """None where no other gfd was ever heard of."""
        self.held_until_s = 0.0
        """The other side asked not to be asked sooner (monotonic)."""
        self.due_s: float | None = None
        """When to try again (monotonic); None where the last attempt went well."""


class Publisher:
    """The sinks of a configuration, and what each still lacks."""

    def __init__(self, sinks: Sequence[Sink], clock: Callable[[], float] = time.monotonic) -> None:
        self._outlets = [_Outlet(sink) for sink in sinks]
        self._clock = clock
        self._labels: Labels | None = None

    def publish(self, labels: Labels | None) -> PublishResult:
        """Make ``labels`` the published ones everywhere, or withdraw what is published."""
        self._labels = labels
        now_s = self._clock()
        return self._attempt([outlet for outlet in self._outlets if outlet.held_until_s <= now_s])

    def retry(self) -> PublishResult:
        """Try again where that is due."""
        now_s = self._clock()
        return self._attempt(
            [outlet for outlet in self._outlets if outlet.due_s is not None and outlet.due_s <= now_s]
        )

    def follow(self, drifted: Callable[[Drift], None]) -> None:
        """Let sinks call ``drifted``, from any thread, when somebody changed something."""
        for outlet in self._outlets:
            outlet.sink.follow(drifted)

    def inspect(self) -> None:
        """Let sinks that nothing tells of a change look whether there was one."""
        for outlet in self._outlets:
            outlet.sink.inspect()

    def repair(self, drift: Drift) -> None:
        """Let :meth:`retry` publish to a sink again: soon, and later each time in a quarrel.

        What is urgent never comes later for having come before.
        """
        now_s = self._clock()
        for outlet in self._outlets:
            if outlet.sink.name != drift.sink:
                continue
            if drift.is_rival:
                outlet.rivalry = outlet.rivalry or self._make_rivalry()
                outlet.rivalry.note(drift)
            if drift.is_urgent:
                if outlet.due_s is None or outlet.due_s > outlet.hurried_s:  # else one is due already
                    outlet.hurried_s = max(now_s, outlet.hurried_s + URGENT_S)
                due_s = outlet.hurried_s
            else:
                if now_s - outlet.repaired_s > CALM_S:
                    outlet.repairs.reset()
                outlet.repaired_s = now_s
                due_s = now_s + outlet.repairs.next_delay_s()
            # Who asks to be left alone is, and what waits for a later repair may come sooner.
            if outlet.held_until_s <= now_s:
                outlet.due_s = due_s if outlet.due_s is None else min(outlet.due_s, due_s)

    @property
    def rivals(self) -> list[Drift]:
        """What another gfd changes again and again, at most one a sink."""
        return [drift for rivalry in self._rivalries if (drift := rivalry.current) is not None]

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until :meth:`retry` has something to do; None where nothing failed."""
        due = [outlet.due_s for outlet in self._outlets if outlet.due_s is not None]
        return max(0.0, min(due) - self._clock()) if due else None

    @property
    def calm_in_s(self) -> float | None:
        """Seconds until a rival may count as gone; None where there is none."""
        return min((each.calm_in_s for each in self._rivalries if each.current is not None), default=None)

    @property
    def has_labels(self) -> bool:
        """Whether labels are published anywhere, perhaps by who ran before."""
        return any(outlet.sink.has_labels() for outlet in self._outlets)

    def close(self) -> None:
        """Let go of the sinks; what was published stays."""
        for outlet in self._outlets:
            outlet.sink.close()

    @property
    def _rivalries(self) -> list[RivalDetector]:
        return [outlet.rivalry for outlet in self._outlets if outlet.rivalry is not None]

    def _make_rivalry(self) -> RivalDetector:
        from gfd.publishing.drift import RivalDetector

        return RivalDetector(self._clock)

    def _attempt(self, outlets: list[_Outlet]) -> PublishResult:
        changed: list[str] = []
        succeeded: list[str] = []
        errors: list[PublishError] = []
        for outlet in outlets:
            try:
                has_changed = (
                    outlet.sink.withdraw() if self._labels is None else outlet.sink.publish(self._labels)
                )
            except PublishError as error:
                errors.append(error)
                now_s = self._clock()
                outlet.held_until_s = now_s + (error.retry_after_s or 0)
                # After what it asks for, each at another time: it tells all who come at once the same.
                outlet.due_s = outlet.held_until_s + outlet.backoff.next_delay_s()
                continue
            outlet.due_s = None
            outlet.backoff.reset()
            succeeded.append(outlet.sink.name)
            if has_changed:
                changed.append(outlet.sink.name)
        return PublishResult(changed=tuple(changed), succeeded=tuple(succeeded), errors=tuple(errors))
