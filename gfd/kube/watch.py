"""One metadata-only watch on one object: about one request an hour, and seconds from change to word.

It begins where the last read or write ended and goes on from bookmarks, so nothing is listed unless the
server has forgotten that point (410 Gone), or what it said last cannot be trusted. A watch that fails in
any way is begun again, and :mod:`gfd.kube.watch_status` is told.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube import watch_status
from gfd.kube.backoff import Backoff, spread_s
from gfd.kube.client import METADATA, METADATA_LIST
from gfd.kube.objects import OBJECT, list_of
from gfd.kube.responses import malformed_response
from gfd.text import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api
    from gfd.kube.stream import Stream

SHORTEST_S, LONGEST_S = 3000, 3600
"""For how long the server shall keep one watch; spread, so that many nodes do not come back at once."""
BRIEF_S = 10.0
"""A watch that ends sooner than this did not end because its time was over."""

GONE_S = 10.0
"""Within this an object is listed whose past the server has forgotten, as many find after an outage."""

_GONE = 410


def is_newer(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether metadata ``one`` are of a later moment: since Kubernetes 1.35 versions are numbers."""
    return int(one["resourceVersion"]) > int(other["resourceVersion"])


class Follower:
    """One who is told what has become of an object. Those of one object share its watch."""

    def __init__(
        self,
        api: Api,
        collection: str,
        name: str,
        version: str,
        saw: Callable[[Mapping[str, Any] | None], None],
    ) -> None:
        """``saw`` gets the metadata after each change, None once the object is gone, in another thread.

        ``collection`` is the path of the objects of that kind; ``version`` the resourceVersion last seen.
        """
        self._saw = saw
        self._key = (api, f"{collection}/{name}")
        with _LOCK:
            watch = _WATCHES.get(self._key)
            if watch is None:
                watch = _WATCHES[self._key] = _Watch(api, collection, name, version)
            missed = watch.add(saw, version)
        if missed is not None:
            saw(missed)

    def close(self) -> None:
        """Be told nothing more."""
        with _LOCK:
            watch = _WATCHES.get(self._key)
            if watch is not None and watch.remove(self._saw):
                del _WATCHES[self._key]


class _Watch:
    """The thread that holds the watch on an object."""

    def __init__(self, api: Api, collection: str, name: str, version: str) -> None:
        self._api = api
        self._collection = collection
        self._name = name
        self._subject = f"{collection.rpartition('/')[2]}/{name}"
        self._version = version
        self._is_listed = False
        """Whether nothing was heard since the object was listed."""
        self._listeners: tuple[Callable[[Mapping[str, Any] | None], None], ...] = ()
        self._latest: Mapping[str, Any] | None = None
        self._ended = threading.Event()
        self._stream: Stream | None = None
        # A daemon, since it waits in the network and nothing of it need be saved.
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    def add(self, saw: Callable[[Mapping[str, Any] | None], None], version: str) -> Mapping[str, Any] | None:
        """Let ``saw`` be told too; return what was told already and is newer than ``version``."""
        self._listeners = (*self._listeners, saw)
        if not self._thread.is_alive():
            self._thread.start()
        latest = self._latest
        # Since Kubernetes 1.35 resource versions are numbers that grow.
        if latest is None or int(latest["resourceVersion"]) <= int(version):
            return None
        return latest

    def remove(self, saw: Callable[[Mapping[str, Any] | None], None]) -> bool:
        """Tell ``saw`` nothing more; return whether that was the last one, and the watch has ended."""
        self._listeners = tuple(each for each in self._listeners if each != saw)
        if self._listeners:
            return False
        self._ended.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        return True

    def _run(self) -> None:
        backoff = Backoff(1.0, 60.0)
        while not self._ended.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch(backoff)
            except ApiError as error:
                self._ended.wait((error.retry_after_s or 0) + self._fail(error, backoff))
            except Exception as error:  # whatever it is: without this thread, no drift is seen any more
                self._version = ""
                self._put_down(redact(f"unexpected {type(error).__name__}: {error}"))
                self._ended.wait(backoff.next_delay_s())
        watch_status.resolve(self._subject)

    def _fail(self, error: ApiError, backoff: Backoff) -> float:
        """Return after how many seconds to begin again."""
        wait_s = backoff.next_delay_s()
        if error.status != _GONE:
            if error.kind == "malformed":
                # Nothing that was heard there counts.
                self._version = ""
            self._put_down(str(error))
            return wait_s
        self._version = ""
        # What failed before was an outage, and is over.
        return wait_s if self._is_listed else min(wait_s, spread_s(0, GONE_S))

    def _put_down(self, reason: str) -> None:
        if not self._ended.is_set():
            watch_status.report(self._subject, reason)

    def _list(self) -> None:
        query = {"fieldSelector": f"metadata.name={self._name}"}
        schema = list_of(OBJECT)
        found = self._api.request("GET", self._collection, query=query, accept=METADATA_LIST, schema=schema)
        items = found.get("items") or ()
        for item in items:
            self._check(item)
        self._say(items[0]["metadata"] if items else None)
        self._version = found["metadata"]["resourceVersion"]
        self._is_listed = True

    def _watch(self, backoff: Backoff) -> None:
        query = {
            "fieldSelector": f"metadata.name={self._name}",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(spread_s(SHORTEST_S, LONGEST_S))),
        }
        begun_s = time.monotonic()
        self._stream = stream = self._api.watch(self._collection, query, accept=METADATA)
        if self._ended.is_set():
            stream.close()
        for event in stream:
            kind, found = event["type"], event["object"]
            if kind != "BOOKMARK":
                self._check(found)
            self._is_listed = False
            if time.monotonic() - begun_s >= BRIEF_S:
                # Sooner, a server that says one good thing each time would be asked all the time.
                backoff.reset()
                watch_status.resolve(self._subject)
            self._version = found["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                self._say(None if kind == "DELETED" else found["metadata"])
        if time.monotonic() - begun_s < BRIEF_S:
            # A proxy that closes every watch at once must not be asked again and again.
            self._ended.wait(backoff.next_delay_s())
        else:
            watch_status.resolve(self._subject)

    def _check(self, found: Mapping[str, Any]) -> None:
        if found["metadata"]["name"] != self._name:
            raise malformed_response(
                f"GET {self._collection}", f"it tells of another object than {self._name}"
            )

    def _say(self, metadata: Mapping[str, Any] | None) -> None:
        self._latest = metadata
        for saw in self._listeners:
            saw(metadata)


_WATCHES: dict[tuple[Api, str], _Watch] = {}
_LOCK = threading.Lock()
