"""A collection of the API server, all of it as it was at one moment."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.progress import progress
from gfd.errors import ApiError
from gfd.kube.api_errors import add_advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.kube.client import Api

T = TypeVar("T")

TRIES = 3
"""How often a collection is begun whose pages the server forgets before the last of them was read."""
FORBIDDEN, GONE = 403, 410
_OTHERWISE = {"nodes": "; or let --nodes read what kubectl get nodes -o json printed for whoever has it"}
"""What to do without the right to list them."""


def collect(
    api: Api,
    path: str,
    convert: Callable[[Mapping[str, Any]], T],
    *,
    query: Mapping[str, str] | None = None,
    what: str,
) -> tuple[list[T], str]:
    """Return the objects, each as ``convert`` makes it, and the resourceVersion that a watch goes on from.

    ``what`` stands beside the progress bar. Raises ApiError.
    """
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            return _collect(api, path, convert, query, what)
        except ApiError as error:
            if error.status != GONE or not tries_left:
                raise add_advice(error, "list", what, _OTHERWISE.get(what, "")) from error


def _collect(
    api: Api,
    path: str,
    convert: Callable[[Mapping[str, Any]], T],
    query: Mapping[str, str] | None,
    what: str,
) -> tuple[list[T], str]:
    found: list[T] = []
    version = ""
    with _without_collector(), progress(what) as show:
        for page in api.pages(path, query=query):
            items, metadata = page["items"], page["metadata"]
            found += (converted(convert, item, what) for item in items)
            # A page is a hundred times what is kept of it, and the next one is already on its way.
            items.clear()
            version = metadata["resourceVersion"]
            if metadata.get("continue"):
                # The server does not count where a selector is given.
                remaining = metadata.get("remainingItemCount")
                show(len(found), None if remaining is None else len(found) + remaining)
    return found, version


def converted(convert: Callable[[Mapping[str, Any]], T], item: Mapping[str, Any], what: str) -> T:
    """Return what ``convert`` makes of an object of a collection; a ValueError of it becomes an ApiError."""
    try:
        return convert(item)
    except ValueError as error:
        name = item["metadata"]["name"]
        raise ApiError(
            f"of the {what}, {name} {error}; kubectl get {what} -o json shows it", kind="malformed"
        ) from error


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let nobody look for cycles: JSON has none, and the search takes as long as the parsing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
