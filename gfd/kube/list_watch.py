"""List objects, then watch them, and start again after every failure.

A watch resumes from the resourceVersion of the last event or bookmark. So gfd lists the objects again only
if the server no longer knows that version (410 Gone), refuses it, or sent something malformed.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube.backoff import Backoff, spread_s
from gfd.kube.client import JSON
from gfd.kube.objects import ITEM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api
    from gfd.kube.schema import Schema
    from gfd.kube.stream import Stream

    OnEvent = Callable[[str, Mapping[str, Any]], None]

MIN_WATCH_S, MAX_WATCH_S = 3000, 3600
"""gfd asks the server to end a watch after a random time in this range, so that nodes return at different
times."""
BRIEF_S = 10.0
"""A watch that ends sooner did not end because of its time limit."""
MAX_GONE_DELAY_S = 10.0
"""The longest random delay before the list after 410 Gone: many nodes get this status at once."""
MAX_RETRY_S = 60.0

_GONE = 410


class ListWatch:
    """Reports every change of some objects. Run it in one thread; any other thread may close it."""

    def __init__(
        self,
        api: Api,
        path: str,
        *,
        query: Mapping[str, str],
        list_all: Callable[[], str],
        on_event: OnEvent,
        on_status: Callable[[str], None],
        version: str = "",
        accept: str = JSON,
        item: Schema = ITEM,
        fatal_statuses: frozenset[int] = frozenset(),
        recovers_on_open: bool = False,
    ) -> None:
        """``list_all`` lists the objects, hands them over and returns the list's resourceVersion.

        With ``version``, start without a list, at that resourceVersion. ``on_event`` receives ADDED, MODIFIED
        or DELETED and the object; it may raise ApiError of the kind ``malformed``. ``on_status`` receives the
        problem, or an empty text when a watch works again: after :data:`BRIEF_S`, or with
        ``recovers_on_open`` as soon as the server accepts the watch.
        """
        self._api = api
        self._path = path
        self._query = query
        self._accept = accept
        self._item = item
        self._list_all = list_all
        self._on_event = on_event
        self._on_status = on_status
        self._version = version
        self._fatal_statuses = fatal_statuses
        self._recovers_on_open = recovers_on_open
        self._backoff = Backoff(1.0, MAX_RETRY_S)
        self._is_fresh_list = False
        """Whether no event has arrived since the list."""
        self._problem = ""
        self._closed = threading.Event()
        self._stream: Stream | None = None

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed.is_set()

    def run(self) -> None:
        """List and watch until :meth:`close` is called. Raises ApiError with a fatal status."""
        while not self._closed.is_set():
            try:
                if not self._version:
                    self._version = self._list_all()
                    self._is_fresh_list = True
                self._watch()
            except ApiError as error:
                if self._closed.is_set():
                    return
                if error.status in self._fatal_statuses:
                    raise
                self._closed.wait((error.retry_after_s or 0) + self._handle(error))

    def close(self) -> None:
        """End :meth:`run`, even while it waits for an event. If it is listing, it ends after the list."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def recover(self, problem: str) -> None:
        """Report an unexpected ``problem`` and wait; the next :meth:`run` lists the objects again."""
        self._version = ""
        self._report(problem)
        self._closed.wait(self._backoff.next_delay_s())

    def _handle(self, error: ApiError) -> float:
        """Return how long to wait before the next attempt."""
        wait_s = self._backoff.next_delay_s()
        if error.status == _GONE:
            self._version = ""
            # Failures before this status were an outage. The server answers again, so the delay is short.
            return wait_s if self._is_fresh_list else min(wait_s, spread_s(0, MAX_GONE_DELAY_S))
        # kube-apiserver refuses a version that it cannot read with status 500, others with 400.
        if error.kind == "malformed" or "resourceVersion" in str(error):
            # The server may have lost events, or does not know the versions of the server before it.
            self._version = ""
        self._report(str(error))
        return wait_s

    def _watch(self) -> None:
        query = {
            **self._query,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(spread_s(MIN_WATCH_S, MAX_WATCH_S))),
        }
        started_s = time.monotonic()
        self._stream = stream = self._api.watch(self._path, query, accept=self._accept, item=self._item)
        if self.is_closed:
            stream.close()
        if self._recovers_on_open:
            self._report("")
        for event in stream:
            kind, found = event["type"], event["object"]
            if kind != "BOOKMARK":
                self._on_event(kind, found)
            self._version = found["metadata"]["resourceVersion"]
            self._is_fresh_list = False
            if time.monotonic() - started_s >= BRIEF_S:
                # Not earlier: a server that fails after each first event would get a request at once.
                self._backoff.reset()
                self._report("")
        if time.monotonic() - started_s < BRIEF_S:
            # Wait, because a proxy may close every watch at once.
            self._closed.wait(self._backoff.next_delay_s())
        else:
            self._report("")

    def _report(self, problem: str) -> None:
        if problem != self._problem and not self.is_closed:
            self._problem = problem
            self._on_status(problem)
