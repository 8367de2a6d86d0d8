"""List a collection of the API server once, then watch it; keep its objects by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gfd.clusterview.listing import convert_item, list_objects
from gfd.kube.list_watch import ListWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api

T = TypeVar("T")

_REFUSED = frozenset({401, 403})


class Collection(Generic[T]):
    """The objects of a collection, each converted to the value that the caller needs."""

    def __init__(
        self,
        api: Api,
        path: str,
        convert: Callable[[Mapping[str, Any]], tuple[str, T]],
        *,
        query: Mapping[str, str] | None = None,
        what: str,
        fields: Any = None,
    ) -> None:
        """``convert`` returns key and value of an object; ``what`` is the text beside the progress bar.

        ``fields`` names the fields of a page that ``convert`` reads.
        """
        self.api = api
        self._path = path
        self._convert = convert
        self._query = query or {}
        self._version = ""
        self._fields = fields
        self.what = what

    def read(self) -> dict[str, T]:
        """List all objects. Raises ApiError."""
        found, self._version = list_objects(
            self.api,
            self._path,
            self._convert,
            query=self._query,
            what=self.what,
            fields=self._fields,
        )
        return dict(found)

    def watch(
        self,
        on_replace: Callable[[dict[str, T]], None],
        on_change: Callable[[str, T | None], None],
        on_status: Callable[[str], None],
    ) -> ListWatch:
        """Return a watch that continues from :meth:`read`; the caller runs it in a thread.

        ``on_change`` receives the key and value of an object, None if it was deleted. ``on_replace`` receives
        all objects if changes were missed. ``on_status`` receives the problem, or an empty text if it is
        resolved. Running the watch raises ApiError if the server refuses access.
        """

        def list_all() -> str:
            on_replace(self.read())
            return self._version

        def receive(kind: str, found: Mapping[str, Any]) -> None:
            key, value = convert_item(self._convert, found, self.what)
            on_change(key, None if kind == "DELETED" else value)

        return ListWatch(
            self.api,
            self._path,
            query=self._query,
            list_all=list_all,
            on_event=receive,
            on_status=on_status,
            version=self._version,
            fatal_statuses=_REFUSED,
            recovers_on_open=True,
        )
