"""Events on the Node, as ``kubectl describe node`` shows them.

They are core/v1 Events. The API server accepts those about a Node only in the namespace ``default``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gfd.errors import ApiError
from gfd.kube.api_errors import add_advice
from gfd.kube.objects import OBJECT
from gfd.publishing.node_condition import format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.kube.client import Api

PATH = "/api/v1/namespaces/default/events"
COMPONENT = "gfd"
REPEAT_S = 3600.0
"""An event like one of this time before raises that event's count."""
BURST = 10
REFILL_S = 60.0
"""After BURST events, one event is allowed in this time."""
MAX_MESSAGE = 1024
"""The API server refuses longer messages of Events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEvent:
    """An event on the Node."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(slots=True, kw_only=True)
class _Sent:
    name: str
    count: int
    sent_s: float


class NodeEventRecorder:
    """Creates the events of one Node; it counts repeated events, and limits how many there are."""

    def __init__(
        self,
        api: Api,
        node_name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._node_name = node_name
        self._clock = clock
        self._wall_clock = wall_clock
        self._sent: dict[NodeEvent, _Sent] = {}
        self._tokens, self._refilled_s = float(BURST), clock()

    def record(self, event: NodeEvent, uid: str) -> bool:
        """Create ``event`` on the Node with this ``uid``; return False if there are too many.

        Raises ApiError.
        """
        now_s = self._clock()
        self._tokens = min(BURST, self._tokens + (now_s - self._refilled_s) / REFILL_S)
        self._refilled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self._sent = {each: sent for each, sent in self._sent.items() if now_s - sent.sent_s < REPEAT_S}
        try:
            if not self._repeat(event, now_s):
                name = self._create(event, uid)
                self._sent[event] = _Sent(name=name, count=1, sent_s=now_s)
        except ApiError as error:
            raise add_advice(error, "create and patch", "events") from error
        return True

    def _repeat(self, event: NodeEvent, now_s: float) -> bool:
        """Raise the count of the event that is like ``event``; return whether there was one."""
        sent = self._sent.get(event)
        if sent is None:
            return False
        body = {"count": sent.count + 1, "lastTimestamp": format_time(self._wall_clock())}
        kind = "application/merge-patch+json"
        try:
            self._api.request("PATCH", f"{PATH}/{sent.name}", body, content_type=kind, schema=OBJECT)
        except ApiError as error:
            if error.status != 404:
                raise
            return False  # the server deletes events after an hour
        sent.count, sent.sent_s = sent.count + 1, now_s
        return True

    def _create(self, event: NodeEvent, uid: str) -> str:
        when = format_time(self._wall_clock())
        message = event.message
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{self._node_name[:240].rstrip('.-')}.", "namespace": "default"},
            "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": self._node_name, "uid": uid},
            "type": event.type,
            "reason": event.reason,
            "message": message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…",
            "source": {"component": COMPONENT, "host": self._node_name},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node_name[:128],
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        return str(self._api.request("POST", PATH, body, schema=OBJECT)["metadata"]["name"])
