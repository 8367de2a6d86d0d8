"""A collection of the API server and what becomes of it: one list, then one watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gfd.clusterview.listing import GONE, collect, converted
from gfd.errors import ApiError
from gfd.kube.backoff import Backoff, spread_s
from gfd.kube.objects import ITEM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.kube.client import Api

T = TypeVar("T")
Tell = Callable[[str], None]
"""Is told what is wrong at the moment; nothing, once all is well."""

SHORTEST_S, LONGEST_S = 3000, 3600
"""For how long the server shall keep one watch."""
BRIEF_S = 10.0
"""A watch that ends sooner than this did not end because its time was over."""
_REFUSED = (401, 403)


class Feed(Generic[T]):
    """The objects of a collection by key, each as much of it as is wanted."""

    def __init__(
        self,
        api: Api,
        path: str,
        convert: Callable[[Mapping[str, Any]], tuple[str, T]],
        *,
        query: Mapping[str, str] | None = None,
        what: str,
    ) -> None:
        """``convert`` makes key and value of an object; ``what`` stands beside the progress bar."""
        self._api = api
        self._path = path
        self._convert = convert
        self._query = query or {}
        self.what = what
        self._version = ""

    def read(self) -> dict[str, T]:
        """Return all there is now. Raises ApiError."""
        found, self._version = collect(
            self._api, self._path, self._convert, query=self._query, what=self.what
        )
        return dict(found)

    def follow(
        self, replaced: Callable[[dict[str, T]], None], changed: Callable[[str, T | None], None], tell: Tell
    ) -> None:
        """Go on from :meth:`read` for ever. Raises ApiError once the server refuses to tell more.

        ``changed`` gets an object by its key, None once it is gone. What cannot be known as changes, since
        the server has forgotten them, comes to ``replaced`` as all there is.
        """
        backoff = Backoff(1.0, 30.0)
        while True:
            try:
                if not self._version:
                    replaced(self.read())
                self._watch(changed, tell, backoff)
            except ApiError as error:
                if error.status in _REFUSED:
                    raise
                if error.status == GONE or error.kind == "malformed":
                    # Nothing that was heard there counts.
                    self._version = ""
                if error.status != GONE:
                    tell(f"{error}; trying again")
                time.sleep(max(backoff.next_delay_s(), error.retry_after_s or 0))

    def _watch(self, changed: Callable[[str, T | None], None], tell: Tell, backoff: Backoff) -> None:
        query = {
            **self._query,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(spread_s(SHORTEST_S, LONGEST_S))),
        }
        begun_s = time.monotonic()
        stream = self._api.watch(self._path, query, item=ITEM)
        tell("")
        for event in stream:
            kind, found = event["type"], event["object"]
            backoff.reset()
            self._version = found["metadata"]["resourceVersion"]
            if kind != "BOOKMARK":
                key, value = converted(self._convert, found, self.what)
                changed(key, None if kind == "DELETED" else value)
        if time.monotonic() - begun_s < BRIEF_S:
            # A proxy that closes every watch at once must not be asked again and again.
            time.sleep(backoff.next_delay_s())
