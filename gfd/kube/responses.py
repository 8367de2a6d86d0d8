"""The gate that every answer of the API server goes through: whole, not too large, and of the right shape.

What is not becomes an ApiError of that server. A broken proxy, or an attacker, can answer in its place.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from gfd.errors import ApiError
from gfd.kube.objects import EVENT, STATUS
from gfd.kube.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse

    from gfd.kube.schema import Schema

MIB = 1 << 20
MAX_BYTES = 32 * MIB
"""The limit of an answer, of a page of a list, and of an event; the store refuses objects above 1.5 MiB."""
MAX_VALUES = 250_000
"""The limit of values in an object, but for a page of a list: 32 MiB of the shortest take 800 MiB."""
WHOLE_S = 60.0
"""How long an answer may take from its first byte to its last."""
LONGEST_RETRY_S = 300.0
"""The longest time that a server can ask to be left alone for."""
MAX_MESSAGE = 4000
"""Characters of a message that are kept."""

_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_REASON = re.compile(r"[A-Z][A-Za-z]{1,40}")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

TRANSPORT = (HTTPError, HTTPException, OSError, ValueError)
"""What urllib3, and what is below it, raises for a connection or an answer that is not as it should be."""


def read(response: BaseHTTPResponse, what: str) -> bytes:
    """Return the body of an answer to ``what``, and let the connection be used again. Raises ApiError."""
    try:
        data = _read(response)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding == "gzip":
            data = _unpack(data)
        elif encoding != "identity":
            raise SchemaError(f"is packed in a way that was not asked for: {encoding[:40]}")
    except SchemaError as error:
        response.close()
        raise malformed_response(what, str(error)) from error
    except TRANSPORT as error:
        response.close()
        raise ApiError(f"{what}: the answer broke off: {error}", kind="connection") from error
    response.release_conn()
    return data


def parse(data: bytes, schema: Schema, what: str, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """Return the object that ``data`` is in JSON. Raises ApiError where it is not of ``schema``."""
    try:
        found = _parse(data, max_values)
        schema(found)
    except SchemaError as error:
        raise malformed_response(what, str(error)) from error
    return dict(found)


def parse_event(line: bytes, schemas: Mapping[str, Schema], what: str) -> dict[str, Any]:
    """Return an event of a watch. Raises ApiError, also for an event that is an error."""
    try:
        event = _parse(line)
        EVENT(event)
        if event["type"] not in schemas:
            raise SchemaError("is not a type of event", ".type")
        schemas[event["type"]](event)
    except SchemaError as error:
        raise malformed_response(what, str(error)) from error
    if event["type"] == "ERROR":
        raise status_error(what, event["object"])
    return dict(event)


def parse_status_error(data: bytes, what: str, code: int, reason: str, retry_after: str) -> ApiError:
    """Return the error that an answer of status ``code`` is, whatever its body holds."""
    status: dict[str, Any] = {}
    try:
        found = _parse(data)
        STATUS(found)
        status = found if found.get("kind") == "Status" else {}
    except SchemaError:  # of a proxy, most likely; its status line says enough
        pass
    message = status.get("message") or f"{what}: {code} {reason}"
    return status_error(what, {**status, "message": message, "code": code}, retry_after)


def status_error(what: str, status: Mapping[str, Any], retry_after: str = "") -> ApiError:
    """Return the error that a Status object is; ``retry_after`` is the header of that name, in seconds."""
    details = status.get("details") or {}
    code = status.get("code") or 0
    code = code if 400 <= code < 600 else 500
    reason = status.get("reason") or ""
    after = retry_after or str(details.get("retryAfterSeconds") or "")
    method = what.partition(" ")[0]
    return ApiError(
        (status.get("message") or f"{what}: {code}")[:MAX_MESSAGE],
        # It is counted by kind, so that there must not be any number of them.
        kind=reason if _REASON.fullmatch(reason) else str(code),
        status=code,
        verb=_VERBS[method],
        details=details,
        retry_after_s=min(float(after), LONGEST_RETRY_S) if after.isdecimal() else None,
    )


def malformed_response(what: str, problem: str) -> ApiError:
    """Return the error that an answer to ``what`` is that is not as it should be."""
    reason = f"the answer is not what an API server sends: {problem}"
    return ApiError(f"{what}: {reason}; is there a proxy on the way?", kind="malformed")


def too_large() -> SchemaError:
    """Return the error for what is larger than anything of Kubernetes."""
    return SchemaError(f"is larger than {MAX_BYTES // MIB} MiB")


def _read(response: BaseHTTPResponse) -> bytes:
    deadline_s = time.monotonic() + WHOLE_S
    data = bytearray()
    # As it comes: to wait for a whole buffer is to wait for ever where a byte comes now and then.
    while piece := response.read1(_PIECE, decode_content=False):
        data += piece
        if len(data) > MAX_BYTES:
            raise too_large()
        if time.monotonic() > deadline_s:
            raise SchemaError(f"did not end within {WHOLE_S:.0f} s")
    return bytes(data)


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise SchemaError("is not packed as it says") from error
    if len(found) > MAX_BYTES:
        raise too_large()
    if not unpacker.eof:
        raise SchemaError("is not whole")
    return found


def _parse(data: bytes, max_values: int = MAX_VALUES) -> Any:
    if data.count(b",") >= max_values:
        raise SchemaError(f"has more than {max_values} values")
    try:
        return json.loads(data.decode())
    except UnicodeDecodeError:
        raise SchemaError("is not UTF-8") from None
    except ValueError as error:
        raise SchemaError(f"is not JSON: {error}") from None
    except RecursionError:
        raise SchemaError("is nested too deeply") from None
