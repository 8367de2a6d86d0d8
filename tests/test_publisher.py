from __future__ import annotations

from dataclasses import dataclass, field

from gfd.backoff import Backoff
from gfd.errors import PublishError
from gfd.labels import Labels
from gfd.publisher import FIRST_RETRY_S, Published, Publisher

LABELS: Labels = {"nvidia.com/gpu.count": "1"}


@dataclass
class Shelf:
    """A sink in memory that can be told to fail."""

    name: str
    is_broken: bool = False
    labels: list[Labels | None] = field(default_factory=list)

    def publish(self, labels: Labels) -> bool:
        return self._put(labels)

    def withdraw(self) -> bool:
        return self._put(None)

    def has_labels(self) -> bool:
        return bool(self.labels)

    def close(self) -> None:
        self.is_broken = True

    def _put(self, labels: Labels | None) -> bool:
        if self.is_broken:
            raise PublishError(self.name, "the shelf", "it is broken", kind="EIO")
        is_new = self.labels[-1:] != [labels]
        self.labels.append(labels)
        return is_new


def test_a_sink_that_fails_is_tried_again_alone() -> None:
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
    assert publisher.retry() == Published()
    now_s += FIRST_RETRY_S
    bad.is_broken = False
    assert publisher.retry() == Published(changed=("bad",), succeeded=("bad",))
    assert publisher.retry_in_s is None
    assert (good.labels, bad.labels) == ([LABELS], [LABELS])
    assert publisher.publish(LABELS) == Published(succeeded=("bad", "good"))
    publisher.close()
    assert (good.is_broken, bad.is_broken) == (True, True)


def test_a_withdrawal_is_tried_again_too() -> None:
    now_s = 0.0
    shelf = Shelf("shelf", is_broken=True)
    publisher = Publisher([shelf], clock=lambda: now_s)
    assert publisher.publish(None).errors
    now_s += FIRST_RETRY_S
    shelf.is_broken = False
    publisher.retry()
    assert shelf.labels == [None]


def test_delays_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1, 10, spread=lambda: 1.0)
    assert [backoff.fail() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.succeed()
    assert backoff.fail() == 1
    assert Backoff(1, 10, spread=lambda: 0.0).fail() == 0.5
