"""Keep the Node condition up to date, in a thread of its own: no cycle ever waits for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from gfd.agent.gpu_readiness import (
    NO_GPU,
    assess,
    make_events,
    restore,
    update_problems,
)
from gfd.agent.readiness_debouncer import ReadinessDebouncer
from gfd.errors import ApiError
from gfd.kube.backoff import Backoff, spread_s
from gfd.publishing.node_condition import NodeCondition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from structlog.typing import FilteringBoundLogger

    from gfd.agent.conditions import Conditions
    from gfd.agent.gpu_readiness import Readiness
    from gfd.agent.status import Status
    from gfd.config.model import Config
    from gfd.errors import GfdError
    from gfd.publishing.node_condition import NodeConditionClient
    from gfd.publishing.node_events import NodeEvent, NodeEventRecorder
    from gfd.worker.result import CycleResult

HEARTBEAT_S = 300.0
"""How often the condition is written without a change; varied, so that not all nodes write at once."""
MESSAGE_S = 60.0
"""The minimum time between two writes that change only the message."""
FIRST_RETRY_S, MAX_RETRY_S = 2.0, 120.0
MAX_EVENTS = 20
"""The maximum number of events that wait for the API server; the oldest are dropped."""
_SUBJECT = "node condition"


class ConditionPublisher:
    """Writes the condition of this node when it changes, and its heartbeat; records events."""

    def __init__(
        self,
        client: NodeConditionClient,
        events: NodeEventRecorder,
        *,
        status: Status,
        conditions: Conditions,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._recorder = client, events
        self._status, self._conditions, self._log = status, conditions, log
        self._clock, self._wall_clock = clock, wall_clock
        self._debouncer = ReadinessDebouncer()
        self._published: NodeCondition | None = None
        """The condition on the Node; None if there is none."""
        self._is_known = False
        """Whether the Node's condition has been read."""
        self._problems: Mapping[str, str] = {}
        self._events: deque[NodeEvent] = deque(maxlen=MAX_EVENTS)
        self._backoff = Backoff(FIRST_RETRY_S, MAX_RETRY_S)
        self._retry_s: float | None = None
        """When to try again after an error."""
        self._written_s = self._heartbeat_s = 0.0
        self._is_withdrawing = self._has_ended = False
        self._wake = threading.Condition()

    def start(self) -> None:
        """Start the thread; it ends with the process, or after :meth:`withdraw` and :meth:`end`."""
        threading.Thread(target=self._run, name="node-condition", daemon=True).start()

    def observe(self, read: CycleResult | GfdError) -> bool:
        """Take in the result of a read; return whether another read should confirm it soon."""
        with self._wake:
            is_new = self._debouncer.observe(assess(read), self._clock())
            self._wake.notify()
        return is_new

    def withdraw(self) -> None:
        """Remove the condition from the Node, and end when that is done."""
        with self._wake:
            self._is_withdrawing, self._retry_s = True, None
            self._wake.notify()

    def end(self) -> None:
        """End without another request; the condition stays as it is."""
        with self._wake:
            self._has_ended = True
            self._wake.notify()

    @property
    def due_in_s(self) -> float | None:
        """Seconds until :meth:`run_due` has something to do; None until something is observed."""
        if self._is_withdrawing:
            due_s = self._clock() if self._retry_s is None else self._retry_s
        elif self._retry_s is not None:
            due_s = self._retry_s
        elif not self._is_known:
            return None if self._debouncer.due_s is None else 0.0
        else:
            waits = [self._debouncer.due_s]
            if self._published is not None:
                waits.append(self._heartbeat_s)
                if self._has_new_message:
                    waits.append(self._written_s + MESSAGE_S)
            known = [due_s for due_s in waits if due_s is not None]
            if not known:
                return None
            due_s = min(known)
        return max(0.0, due_s - self._clock())

    def run_due(self) -> None:
        """Do what is due now; after an error of the API server, try again later."""
        try:
            if self._is_withdrawing:
                self._client.withdraw()
                self._status.record_node_condition(None)
                self.end()
            else:
                self._publish_due()
        except ApiError as error:
            self._status.record_node_condition_error()
            self._conditions.report(_SUBJECT, "condition.failed", reason=str(error))
            self._retry_s = self._clock() + max(error.retry_after_s or 0.0, self._backoff.next_delay_s())
        else:
            self._conditions.resolve(_SUBJECT)
            self._backoff.reset()
            self._retry_s = None

    def _publish_due(self) -> None:
        if not self._is_known:
            self._begin(self._client.read())
        now_s = self._clock()
        with self._wake:
            changed = self._debouncer.take(now_s)
            settled = self._debouncer.settled
        if changed is not None:
            self._events.extend(make_events(self._problems, changed))
            self._problems = update_problems(self._problems, changed)
        published = self._published
        if settled is None or (published is None and settled.reason == NO_GPU):
            self._events.clear()  # a node without a GPU has no condition
            return
        if published is None or published.reason != settled.reason or self._retry_s is not None:
            is_due = True
        else:
            is_due = now_s >= (self._written_s + MESSAGE_S if self._has_new_message else self._heartbeat_s)
        if is_due or self._events:
            self._write(settled, now_s)

    def _write(self, settled: Readiness, now_s: float) -> None:
        before, at_s = self._published, self._wall_clock()
        is_same = before is not None and before.is_true == settled.is_ready
        condition = NodeCondition(
            is_true=settled.is_ready,
            reason=settled.reason,
            message=settled.message,
            heartbeat_at_s=at_s,
            transition_at_s=before.transition_at_s if is_same and before is not None else at_s,
        )
        uid = self._client.apply(condition)
        self._published = condition
        self._written_s, self._heartbeat_s = now_s, now_s + spread_s(0.9 * HEARTBEAT_S, 1.1 * HEARTBEAT_S)
        self._status.record_node_condition(condition.is_true)
        if not is_same:
            self._log.info("condition.changed", status=condition.is_true, reason=condition.reason)
        self._record_events(uid)

    def _record_events(self, uid: str) -> None:
        """Send the events; one that fails is reported and dropped, because the condition says the same."""
        while self._events:
            event = self._events.popleft()
            try:
                if not self._recorder.record(event, uid):
                    self._log.info("event.dropped", reason="too many events", event_reason=event.reason)
            except ApiError as error:
                self._conditions.report("node event", "event.failed", reason=str(error))
            else:
                self._conditions.resolve("node event")

    def _begin(self, found: NodeCondition | None) -> None:
        """Start from the condition that an earlier process left on the Node."""
        self._is_known, self._published = True, found
        if found is not None:
            with self._wake:
                self._debouncer.begin(restore(found.reason, found.message))
                settled = self._debouncer.settled
            self._problems = settled.problems if settled is not None else {}

    @property
    def _has_new_message(self) -> bool:
        settled, published = self._debouncer.settled, self._published
        return settled is not None and published is not None and settled.message != published.message

    def _run(self) -> None:
        while not self._has_ended:
            with self._wake:
                wait_s = self.due_in_s
                if wait_s != 0:
                    self._wake.wait(wait_s)
                    continue
            self.run_due()


def make_condition_publisher(
    config: Config, status: Status, conditions: Conditions, log: FilteringBoundLogger
) -> ConditionPublisher:
    """Return the publisher for the node of ``config``; :meth:`ConditionPublisher.start` starts it."""
    from gfd.kube.client import share
    from gfd.publishing.node_condition import NodeConditionClient
    from gfd.publishing.node_events import NodeEventRecorder

    api, node_name = share(config), config.node_name or ""
    return ConditionPublisher(
        NodeConditionClient(api, node_name),
        NodeEventRecorder(api, node_name),
        status=status,
        conditions=conditions,
        log=log,
    )
