from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gfd.errors import PublishError
from gfd.kube.backoff import Backoff
from gfd.labels.syntax import Labels
from gfd.publishing.drift import MIN_SPAN_S, QUIET_S, Drift
from gfd.publishing.preview import PlannedChange
from gfd.publishing.publisher import (
    FIRST_REPAIR_S,
    FIRST_RETRY_S,
    REPAIR_RESET_S,
    URGENT_INTERVAL_S,
    Publisher,
    PublishResult,
)

LABELS: Labels = {"nvidia.com/gpu.count": "1"}


@dataclass
class Shelf:
    """A sink in memory that can be set to fail."""

    name: str
    is_broken: bool = False
    labels: list[Labels | None] = field(default_factory=list)
    changed: Callable[[Drift], None] = print

    def publish(self, labels: Labels) -> bool:
        return self._put(labels)

    def withdraw(self) -> bool:
        return self._put(None)

    def preview(self, labels: Labels) -> list[PlannedChange]:
        raise NotImplementedError

    def has_labels(self) -> bool:
        return bool(self.labels)

    @property
    def target(self) -> str:
        return "the shelf"

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        self.changed = on_drift

    def inspect(self) -> None:
        self.changed(Drift(sink=self.name))

    def close(self) -> None:
        self.is_broken = True

    def _put(self, labels: Labels | None) -> bool:
        if self.is_broken:
            raise PublishError(self.name, "the shelf", "it is broken", kind="EIO")
        is_new = self.labels[-1:] != [labels]
        self.labels.append(labels)
        return is_new


def test_failing_sink_is_retried_alone() -> None:
    now_s = 100.0
    good, bad = Shelf("good"), Shelf("bad", is_broken=True)
    publisher = Publisher([bad, good], clock=lambda: now_s)
    had_labels = publisher.has_labels
    first = publisher.publish(LABELS)
    assert (first.changed, first.succeeded) == (("good",), ("good",))
    assert [(error.sink, error.kind) for error in first.errors] == [("bad", "EIO")]
    assert (had_labels, publisher.has_labels) == (False, True)
    retry_in_s = publisher.retry_in_s
    assert retry_in_s is not None
    assert FIRST_RETRY_S / 2 <= retry_in_s <= FIRST_RETRY_S
    assert publisher.retry() == PublishResult()
    now_s += FIRST_RETRY_S
    bad.is_broken = False
    assert publisher.retry() == PublishResult(changed=("bad",), succeeded=("bad",))
    assert publisher.retry_in_s is None
    assert (good.labels, bad.labels) == ([LABELS], [LABELS])
    assert publisher.publish(LABELS) == PublishResult(succeeded=("bad", "good"))
    publisher.close()
    assert (good.is_broken, bad.is_broken) == (True, True)


def test_failing_withdrawal_is_retried() -> None:
    now_s = 0.0
    shelf = Shelf("shelf", is_broken=True)
    publisher = Publisher([shelf], clock=lambda: now_s)
    assert publisher.publish(None).errors
    now_s += FIRST_RETRY_S
    shelf.is_broken = False
    publisher.retry()
    assert shelf.labels == [None]


def test_retry_delays_double_and_reset() -> None:
    backoff = Backoff(1, 10, spread=lambda: 1.0)
    assert [backoff.next_delay_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_delay_s() == 1
    assert Backoff(1, 10, spread=lambda: 0.0).next_delay_s() == 0.5


def test_repairs_come_soon_and_later_with_each_repetition() -> None:
    now_s = 1000.0
    good, other = Shelf("good"), Shelf("other")
    publisher = Publisher([good, other], clock=lambda: now_s)
    drifted: list[Drift] = []
    publisher.watch(drifted.append)
    publisher.publish(LABELS)
    waits_s = []
    for _ in range(6):
        good.changed(Drift(sink="good"))
        publisher.repair(drifted[-1])
        publisher.repair(Drift(sink="unheard-of"))
        waits_s.append(publisher.retry_in_s or 0)
        now_s += waits_s[-1]
        assert publisher.retry() == PublishResult(succeeded=("good",))
    assert drifted == [Drift(sink="good")] * 6
    assert waits_s[0] <= FIRST_REPAIR_S
    assert waits_s[-1] > 5 * waits_s[0]
    now_s += REPAIR_RESET_S + 1
    publisher.repair(Drift(sink="good"))
    assert (publisher.retry_in_s or 0) <= FIRST_REPAIR_S
    assert len(other.labels) == 1


def test_retry_after_is_respected() -> None:
    class Busy(Shelf):
        def publish(self, labels: Labels) -> bool:
            raise PublishError(self.name, self.target, "too many requests", retry_after_s=30)

    publisher = Publisher([Busy("busy")], clock=lambda: 5.0)
    assert publisher.publish(LABELS).errors
    assert publisher.publish(LABELS) == PublishResult()
    retry_in_s = publisher.retry_in_s
    assert retry_in_s is not None
    # Not all who were told the same come back at the same moment.
    assert 30 + FIRST_RETRY_S / 2 <= retry_in_s <= 30 + FIRST_RETRY_S
    # Nor does a change by somebody else bring the retry forward.
    publisher.repair(Drift(sink="busy"))
    assert publisher.retry_in_s == retry_in_s


def test_urgent_repairs_do_not_become_later() -> None:
    now_s = 1000.0
    good = Shelf("good")
    publisher = Publisher([good], clock=lambda: now_s)
    publisher.publish(LABELS)
    for _ in range(30):
        publisher.repair(Drift(sink="good", what="owner", is_urgent=True))
        assert publisher.retry_in_s == 0
        assert publisher.retry() == PublishResult(succeeded=("good",))
        now_s += 10
    # A deletion after all of these is no quarrel yet.
    publisher.repair(Drift(sink="good", what="deleted"))
    assert 0 < (publisher.retry_in_s or 0) <= FIRST_REPAIR_S
    publisher.retry()
    # Nor does somebody who writes at once again make gfd write more than once a second.
    for wait_s in (0, URGENT_INTERVAL_S, 2 * URGENT_INTERVAL_S):
        publisher.repair(Drift(sink="good", what="owner", is_urgent=True))
        assert publisher.retry_in_s == wait_s
        publisher.publish(LABELS)


def test_simultaneous_urgent_drifts_need_one_repair() -> None:
    now_s = 1000.0
    publisher = Publisher([Shelf("good")], clock=lambda: now_s)
    for wait_s in (0, URGENT_INTERVAL_S, URGENT_INTERVAL_S):
        for _ in range(5):
            publisher.repair(Drift(sink="good", what="deleted", is_urgent=True))
            assert publisher.retry_in_s == wait_s
        now_s += wait_s
        publisher.retry()


def test_inspect_reports_drift() -> None:
    told: list[Drift] = []
    publisher = Publisher([Shelf("one"), Shelf("other")])
    publisher.watch(told.append)
    publisher.inspect()
    assert [drift.sink for drift in told] == ["one", "other"]


def test_urgent_repair_precedes_a_scheduled_one() -> None:
    now_s = 1000.0
    good = Shelf("good", is_broken=True)
    publisher = Publisher([good], clock=lambda: now_s)
    for _ in range(8):
        publisher.publish(LABELS)
    assert (publisher.retry_in_s or 0) > 30
    publisher.repair(Drift(sink="good", what="owner", is_urgent=True))
    assert publisher.retry_in_s == 0


def test_rival_is_found_and_gone() -> None:
    now_s = 1000.0
    publisher = Publisher([Shelf("good"), Shelf("other")], clock=lambda: now_s)
    rival = Drift(sink="good", keys=("a",), writer="field manager gfd", is_rival=True)

    def after(wait_s: float) -> list[Drift]:
        nonlocal now_s
        now_s += wait_s
        return publisher.rivals

    def rival_gone_in_s() -> float | None:
        return publisher.rival_gone_in_s

    def write(*, after_s: float, drift: Drift = rival) -> list[Drift]:
        after(after_s)
        publisher.repair(drift)
        return publisher.rivals

    # One that ends while the next begins is none.
    assert [write(after_s=each) for each in (0, 1, 1, 5)] == [[], [], [], []]
    assert write(after_s=9, drift=Drift(sink="good", writer="kubectl-label")) == []
    assert rival_gone_in_s() is None
    both = Drift(sink="good", keys=("a", "b"), writer="field manager gfd", is_rival=True)
    assert write(after_s=0, drift=Drift(sink="good", keys=("b",), writer=rival.writer, is_rival=True)) == [
        both
    ]
    assert rival_gone_in_s() == QUIET_S
    assert write(after_s=QUIET_S) == [both]
    assert after(QUIET_S) == []
    assert rival_gone_in_s() is None
    assert [write(after_s=each) for each in (1, 1, MIN_SPAN_S - 2)] == [[], [], []]
