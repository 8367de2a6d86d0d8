"""Read the events of a watch: one JSON document per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube.body import MAX_BYTES, TRANSPORT_ERRORS, make_size_error
from gfd.kube.objects import events_of
from gfd.kube.responses import malformed_response, parse_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from gfd.kube.schema import Schema

_CHUNK_BYTES = 1 << 16


class Stream:
    """The events of one watch. Iterate in one thread; any other thread may close it."""

    def __init__(self, response: BaseHTTPResponse, path: str, item: Schema) -> None:
        """``item`` is the schema of the watched objects."""
        self._response = response
        self._path = path
        self._item = item

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield events until the server ends the watch. Raises ApiError, and for an ERROR event too."""
        schemas, request = events_of(self._item), f"GET {self._path}"
        try:
            for line in self._lines(request):
                yield parse_event(line, schemas, request)
        except TRANSPORT_ERRORS as error:
            raise ApiError(f"{request}: the watch broke off: {error}", kind="connection") from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End the watch, even while another thread waits for an event."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):  # it has already ended
            self._response.close()

    def _lines(self, request: str) -> Iterator[bytes]:
        rest = bytearray()
        # read1 returns the bytes that have arrived, instead of waiting for a full buffer.
        while chunk := self._response.read1(_CHUNK_BYTES, decode_content=False):
            first, *others = chunk.split(b"\n")
            rest += first
            for other in others:
                yield bytes(rest)
                rest = bytearray(other)
            if len(rest) > MAX_BYTES:
                raise malformed_response(request, str(make_size_error()))
