"""What happens to objects, as the API server tells it: one JSON document a line, for as long as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube.objects import events_of
from gfd.kube.responses import MAX_BYTES, TRANSPORT, malformed_response, parse_event, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from gfd.kube.schema import Schema

_PIECE = 1 << 16


class Stream:
    """The events of one watch. Iterate in one thread; any other may close it."""

    def __init__(self, response: BaseHTTPResponse, path: str, item: Schema) -> None:
        """``item`` is the schema of the watched objects."""
        self._response = response
        self._path = path
        self._item = item

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield events until the server ends the watch. Raises ApiError, also for an event that is one."""
        schemas, what = events_of(self._item), f"GET {self._path}"
        try:
            for line in self._lines(what):
                yield parse_event(line, schemas, what)
        except TRANSPORT as error:
            raise ApiError(f"{what}: the watch broke: {error}", kind="connection") from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End it, also for a thread that waits in it."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):  # it has ended by itself
            self._response.close()

    def _lines(self, what: str) -> Iterator[bytes]:
        rest = bytearray()
        # What is there, however little: a whole buffer would be waited for.
        while piece := self._response.read1(_PIECE, decode_content=False):
            first, *others = piece.split(b"\n")
            rest += first
            for other in others:
                yield bytes(rest)
                rest = bytearray(other)
            if len(rest) > MAX_BYTES:
                raise malformed_response(what, str(too_large()))
