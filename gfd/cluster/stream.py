"""What happens to objects, as the API server tells it: one JSON document a line, for as long as it goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from gfd.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse


class Stream:
    """The events of one watch. Iterate in one thread; any other may close it."""

    def __init__(self, response: BaseHTTPResponse, path: str) -> None:
        self._response = response
        self._path = path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield events until the server ends the watch. Raises ApiError, also for an ERROR event."""
        rest = b""
        try:
            # What is there, however little: a whole buffer would be waited for.
            while chunk := self._response.read1(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise refusal("GET", self._path, event["object"])
                    yield event
        except (HTTPError, ValueError, OSError) as error:
            raise ApiError(f"the watch on {self._path} broke: {error}", kind="connection") from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End it, also for a thread that waits in it."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):  # it has ended by itself
            self._response.close()


_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def refusal(method: str, path: str, status: dict[str, Any], retry_after: str = "") -> ApiError:
    """Return the error that a Status object is; ``retry_after`` is the header of that name, in seconds."""
    details = status.get("details") or {}
    code = int(status.get("code") or 500)
    after = retry_after or str(details.get("retryAfterSeconds") or "")
    return ApiError(
        str(status.get("message") or f"{method} {path}: {code}"),
        kind=str(status.get("reason") or code),
        status=code,
        verb=_VERBS[method],
        details=details,
        retry_after_s=float(after) if after.isdecimal() else None,
    )
