"""As much of HTTP/1 as a few small pages need: pure functions from bytes and to bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD = 8192
"""Bytes of a request up to its empty line."""

_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,32}) ([!-~]+) HTTP/1\.[0-9]")
_LINE_END = re.compile(rb"\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks for."""

    method: str
    """``GET`` or ``HEAD``."""
    path: str
    """Without the query."""
    accept: str = ""
    """All Accept headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A page."""

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"
    body: bytes

    def to_bytes(self, *, with_body: bool = True) -> bytes:
        """Return it as HTTP; the answer to HEAD lacks the body but tells its length."""
        head = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            "Connection: close",
        ]
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED:
            head.append("Allow: GET, HEAD")
        return "\r\n".join([*head, "", ""]).encode("latin-1") + (self.body if with_body else b"")


def plain(status: HTTPStatus, text: str) -> Response:
    """Return a page of text."""
    return Response(status=status, body=f"{text}\n".encode(errors="replace"))


def parse(received: bytes) -> Request | Response | None:
    """Return the request, the response that refuses it, or None while it is not whole."""
    head = received.lstrip(b"\r\n")
    first, *rest = _LINE_END.split(head, maxsplit=1)
    asked = _REQUEST_LINE.fullmatch(first)
    if rest and not asked:
        return plain(HTTPStatus.BAD_REQUEST, "this is no HTTP/1 request")
    end = _HEAD_END.search(head)
    if end.end() > MAX_HEAD if end else len(received) > MAX_HEAD:
        return plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request exceeds {MAX_HEAD} bytes")
    if not asked or not end:
        return None
    method, target = asked[1].decode(), asked[2].decode()
    if method not in {"GET", "HEAD"}:
        return plain(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are served")
    accepted = []
    for header in _LINE_END.split(head[: end.start()])[1:]:
        if _CONTROL.search(header):
            return plain(HTTPStatus.BAD_REQUEST, "a header holds a control character")
        name, _, value = header.partition(b":")
        if name.lower() == b"accept":
            accepted.append(value.strip().decode("latin-1"))
    return Request(method=method, path=target.partition("?")[0], accept=",".join(accepted))
