"""List all objects of a collection of the API server, all in their state at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.garbage_collector import without_garbage_collector
from gfd.clusterview.progress import progress
from gfd.errors import ApiError
from gfd.kube.api_errors import add_advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gfd.kube.client import Api

T = TypeVar("T")

TRIES = 3
"""How often to start the list: the API server may drop the remaining pages of a list after some minutes."""
FORBIDDEN, GONE = 403, 410
_ALTERNATIVES = {
    "nodes": "; or let a permitted user run kubectl get nodes -o json, and pass the output with --nodes"
}
"""What to do without permission to list a collection."""


def list_objects(
    api: Api,
    path: str,
    convert: Callable[[Mapping[str, Any]], T],
    *,
    query: Mapping[str, str] | None = None,
    what: str,
    fields: Any = None,
) -> tuple[list[T], str]:
    """Return the objects, each as ``convert`` converts it, and the resourceVersion from which to watch.

    ``fields`` is a TypedDict that names the fields of a page that ``convert`` reads; without it, the objects
    have all fields. ``what`` is their name in messages and beside the progress bar, such as ``nodes``.
    Raises ApiError.
    """
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            return _list_objects(api.pages(path, query=query, fields=fields), convert, what)
        except ApiError as error:
            if error.status != GONE or not tries_left:
                raise add_advice(error, "list", what, _ALTERNATIVES.get(what, "")) from error


def _list_objects(
    pages: Iterable[dict[str, Any]], convert: Callable[[Mapping[str, Any]], T], what: str
) -> tuple[list[T], str]:
    found: list[T] = []
    version = ""
    with without_garbage_collector(), progress(what) as draw:
        for page in pages:
            items, metadata = page["items"], page["metadata"]
            found += (convert_item(convert, item, what) for item in items)
            # Free the page: it is a hundred times larger than its result, and the next one is being read.
            items.clear()
            version = metadata["resourceVersion"]
            if metadata.get("continue"):
                # With a selector, the server does not say how many objects remain.
                remaining = metadata.get("remainingItemCount")
                draw(len(found), None if remaining is None else len(found) + remaining)
    return found, version


def convert_item(convert: Callable[[Mapping[str, Any]], T], item: Mapping[str, Any], what: str) -> T:
    """Return the converted object. Raises ApiError if ``convert`` raises ValueError."""
    try:
        return convert(item)
    except ValueError as error:
        name = item["metadata"]["name"]
        raise ApiError(
            f"{what.removesuffix('s')} {name} {error}; kubectl get {what} -o json shows it", kind="malformed"
        ) from error
