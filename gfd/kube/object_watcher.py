"""Watch the metadata of one object: with about one request an hour, changes arrive within seconds.

All watchers of one object share one watch. A watch that fails is reported to :mod:`gfd.kube.watch_status`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gfd.kube import watch_status
from gfd.kube.client import METADATA, METADATA_LIST
from gfd.kube.list_watch import ListWatch
from gfd.kube.objects import OBJECT, list_of
from gfd.kube.responses import malformed_response
from gfd.kube.versions import is_before
from gfd.text import redact

if TYPE_CHECKING:
    from gfd.kube.client import Api

Metadata = Mapping[str, Any]
OnChange = Callable[[Metadata | None], None]
"""Receives the metadata after each change, or None if the object was deleted."""


class ObjectWatcher:
    """Calls a function, in another thread, when an object changes."""

    def __init__(self, api: Api, collection: str, name: str, on_change: OnChange) -> None:
        """``collection`` is the path of the collection that holds the object."""
        self._api = api
        self._collection = collection
        self._name = name
        self._on_change = on_change
        self._shared: _SharedWatch | None = None

    def start(self, version: str) -> None:
        """Report changes after the resourceVersion ``version``. Do nothing if already started."""
        if self._shared is not None:
            return
        key = (self._api, f"{self._collection}/{self._name}")
        with _LOCK:
            shared = _SHARED.get(key)
            if shared is None:
                shared = _SHARED[key] = _SharedWatch(self._api, self._collection, self._name, version)
            missed = shared.add(self._on_change, version)
        self._shared = shared
        if missed is not None:
            self._on_change(missed)

    def close(self) -> None:
        """Report nothing more until the next :meth:`start`."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        with _LOCK:
            if shared.remove(self._on_change):
                del _SHARED[self._api, f"{self._collection}/{self._name}"]


class _SharedWatch:
    """The one watch on an object, in its own thread, and its listeners."""

    def __init__(self, api: Api, collection: str, name: str, version: str) -> None:
        self._api = api
        self._collection = collection
        self._name = name
        self._subject = f"{collection.rpartition('/')[2]}/{name}"
        self._query = {"fieldSelector": f"metadata.name={name}"}
        self._listeners: tuple[OnChange, ...] = ()
        self._latest: Metadata | None = None
        self._list_watch = ListWatch(
            api,
            collection,
            query=self._query,
            list_all=self._list,
            on_event=self._receive,
            on_status=self._set_status,
            version=version,
            accept=METADATA,
            item=OBJECT,
        )
        # A daemon, because it waits for the network and has nothing to save at the end.
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    def add(self, on_change: OnChange, version: str) -> Metadata | None:
        """Add a listener; return the latest metadata unless the listener knows it, else None.

        The listener knows ``version`` and what is before it.
        """
        self._listeners = (*self._listeners, on_change)
        if not self._thread.is_alive():
            self._thread.start()
        latest = self._latest
        if latest is None or is_before(version, latest["resourceVersion"]) is False:
            return None
        return latest

    def remove(self, on_change: OnChange) -> bool:
        """Remove a listener. If it was the last, end the watch and return True."""
        self._listeners = tuple(each for each in self._listeners if each != on_change)
        if self._listeners:
            return False
        self._list_watch.close()
        return True

    def _run(self) -> None:
        while not self._list_watch.is_closed:
            try:
                self._list_watch.run()
            except Exception as error:  # any defect: if this thread ended, gfd would never see another change
                self._list_watch.recover(redact(f"unexpected {type(error).__name__}: {error}"))
        watch_status.resolve(self._subject)

    def _set_status(self, problem: str) -> None:
        if problem:
            watch_status.report(self._subject, problem)
        else:
            watch_status.resolve(self._subject)

    def _list(self) -> str:
        found = self._api.request(
            "GET", self._collection, query=self._query, accept=METADATA_LIST, schema=list_of(OBJECT)
        )
        items = found.get("items") or ()
        for item in items:
            self._check(item)
        self._notify(items[0]["metadata"] if items else None)
        return str(found["metadata"]["resourceVersion"])

    def _receive(self, kind: str, found: Mapping[str, Any]) -> None:
        self._check(found)
        self._notify(None if kind == "DELETED" else found["metadata"])

    def _check(self, found: Mapping[str, Any]) -> None:
        name = found["metadata"]["name"]
        if name != self._name:
            raise malformed_response(f"GET {self._collection}", f"it is about {name}, not {self._name}")

    def _notify(self, metadata: Metadata | None) -> None:
        self._latest = metadata
        for on_change in self._listeners:
            on_change(metadata)


_SHARED: dict[tuple[Api, str], _SharedWatch] = {}
_LOCK = threading.Lock()
