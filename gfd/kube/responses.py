"""Check that every response of the API server is complete, not too large, and matches its schema.

Any other response raises ApiError: it may come from a broken proxy or an attacker.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gfd.documents.json_decoder import decode
from gfd.errors import ApiError
from gfd.kube.body import TRANSPORT_ERRORS, read_body
from gfd.kube.objects import EVENT, STATUS
from gfd.kube.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

    from gfd.kube.schema import Schema

MAX_VALUES = 250_000
"""The maximum number of values in an object, except in a page of a list.

32 MiB of tiny values would take 800 MiB of memory.
"""
MAX_RETRY_AFTER_S = 300.0
"""The maximum for the time in a server's Retry-After header."""
MAX_MESSAGE = 4000
"""The maximum number of characters of a server's message; the rest is cut off."""

_REASON = re.compile(r"[A-Z][A-Za-z]{1,40}")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def read(response: BaseHTTPResponse, request: str) -> bytes:
    """Return the body of the response to a ``request`` and release the connection. Raises ApiError."""
    try:
        data = read_body(response)
    except SchemaError as error:
        response.close()
        raise malformed_response(request, str(error)) from error
    except TRANSPORT_ERRORS as error:
        response.close()
        raise ApiError(f"{request}: the response broke off: {error}", kind="connection") from error
    response.release_conn()
    return data


def parse(
    data: bytes, schema: Schema, request: str, max_values: int = MAX_VALUES, fields: Any = None
) -> dict[str, Any]:
    """Return the object in JSON ``data``. Raises ApiError if it does not match ``schema``.

    ``fields`` is a TypedDict that names the fields to keep; without it, all are kept.
    """
    try:
        found = _parse(data, max_values, fields)
        schema(found)
    except SchemaError as error:
        raise malformed_response(request, str(error)) from error
    return dict(found)


def parse_event(line: bytes, schemas: Mapping[str, Schema], request: str) -> dict[str, Any]:
    """Return an event of a watch. Raises ApiError for a malformed event, and for one of the type ERROR."""
    try:
        event = _parse(line)
        EVENT(event)
        if event["type"] not in schemas:
            raise SchemaError("is not a type of event", ".type")
        schemas[event["type"]](event)
    except SchemaError as error:
        raise malformed_response(request, str(error)) from error
    if event["type"] == "ERROR":
        raise status_error(request, event["object"])
    return dict(event)


def parse_status_error(data: bytes, request: str, code: int, reason: str, retry_after: str) -> ApiError:
    """Return the error for a response with the HTTP status ``code``; its body may contain anything."""
    status: dict[str, Any] = {}
    try:
        found = _parse(data)
        STATUS(found)
        status = found if found.get("kind") == "Status" else {}
    except SchemaError:  # probably from a proxy; the HTTP status says enough
        pass
    message = status.get("message") or f"{request}: {code} {reason}"
    return status_error(request, {**status, "message": message, "code": code}, retry_after)


def status_error(request: str, status: Mapping[str, Any], retry_after: str = "") -> ApiError:
    """Return the error for a Status object; ``retry_after`` is the header of that name, in seconds."""
    details = status.get("details") or {}
    code = status.get("code") or 0
    code = code if 400 <= code < 600 else 500
    reason = status.get("reason") or ""
    after = retry_after or str(details.get("retryAfterSeconds") or "")
    method = request.partition(" ")[0]
    return ApiError(
        (status.get("message") or f"{request}: {code}")[:MAX_MESSAGE],
        # Errors are counted by kind, so there must be a limited number of kinds.
        kind=reason if _REASON.fullmatch(reason) else str(code),
        status=code,
        verb=_VERBS[method],
        details=details,
        retry_after_s=min(float(after), MAX_RETRY_AFTER_S) if after.isdecimal() else None,
    )


def malformed_response(request: str, problem: str) -> ApiError:
    """Return the error for a response that a real API server would not send."""
    advice = "is there a proxy between gfd and the API server?"
    return ApiError(f"{request}: malformed response: {problem}; {advice}", kind="malformed")


def _parse(data: bytes, max_values: int = MAX_VALUES, fields: Any = None) -> Any:
    if data.count(b",") >= max_values:
        raise SchemaError(f"has more than {max_values} values")
    try:
        return json.loads(data.decode()) if fields is None else decode(data, fields)
    except UnicodeDecodeError:
        raise SchemaError("is not UTF-8") from None
    except ValueError as error:
        raise SchemaError(f"is not JSON: {error}") from None
    except RecursionError:
        raise SchemaError("is nested too deeply") from None
