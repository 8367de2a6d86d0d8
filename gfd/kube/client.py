"""Requests to the API server: plain dicts in and out, one type of error, and a rate limit."""

from __future__ import annotations

import json
import threading
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from urllib3 import HTTPHeaderDict, Timeout
from urllib3.exceptions import SSLError

from gfd.errors import ApiError
from gfd.kube.api_errors import is_unauthenticated
from gfd.kube.body import MAX_BYTES, TRANSPORT_ERRORS
from gfd.kube.loader import load_connection
from gfd.kube.objects import ITEM, OBJECT, RESPONSE, list_of
from gfd.kube.rate_limit import RateLimiter
from gfd.kube.responses import MAX_VALUES, malformed_response, parse, parse_status_error, read
from gfd.kube.stream import Stream
from gfd.kube.transport_errors import explain_connection_error, explain_tls_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

    from gfd.config.model import Config
    from gfd.kube.connection import Connection
    from gfd.kube.schema import Schema

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 20.0
WATCH_TIMEOUT_S = 300.0
"""A watch that is silent for longer is dead: the server sends a bookmark about once a minute."""

PAGE = "500"
"""The number of objects in a page of a list."""
MAX_PAGES = 10_000
"""No cluster has more pages. Without a limit, a defective server could announce pages for ever."""

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
"""The content type of a server-side apply. gfd sends JSON, which is also YAML."""
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def share(config: Config) -> Api:
    """Return the client for ``config``; each call in a process returns the same one."""
    return _share(config.kubeconfig, config.context, config.kube_api_qps, config.kube_api_burst)


@lru_cache
def _share(kubeconfig: Path | None, context: str | None, qps: float, burst: int) -> Api:
    return Api(kubeconfig, context, qps=qps, burst=burst)


class Api:
    """One API server. Safe to use from several threads."""

    def __init__(
        self, kubeconfig: Path | None, context: str | None = None, *, qps: float, burst: int
    ) -> None:
        """Keep the options; the first request reads the credentials and connects."""
        self._kubeconfig, self._context = kubeconfig, context
        self._rate_limiter = RateLimiter(qps, burst)
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        schema: Schema = RESPONSE,
        max_values: int = MAX_VALUES,
        fields: Any = None,
    ) -> dict[str, Any]:
        """Send a request and return the object in the response. Raises ApiError.

        The object matches ``schema`` and has at most ``max_values`` values, such as strings and numbers.
        ``fields`` is a TypedDict that names the fields that the caller reads; the object may lack the others.
        """
        request = f"{method} {path}"
        response = self._send(method, path, body, query=query, content_type=content_type, accept=accept)
        return parse(self._read(response, request), schema, request, max_values, fields)

    def date(self) -> float:
        """Return the server's time in whole Unix seconds. Raises ApiError."""
        response = self._send("GET", "/version", None, query=None, content_type=JSON, accept=JSON)
        self._read(response, "GET /version")
        header = response.headers.get("Date", "")
        try:
            return parsedate_to_datetime(header).timestamp()
        except (ValueError, TypeError, OverflowError) as error:
            reason = f"the API server sends no valid Date header: {header[:100]!r}"
            raise ApiError(reason, kind="date") from error

    def list(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        item: Schema = OBJECT,
    ) -> Iterator[dict[str, Any]]:
        """Yield the objects of a collection, page by page; each matches ``item``. Raises ApiError."""
        for page in self.pages(path, query=query, accept=accept, item=item):
            yield from page["items"]

    def pages(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        item: Schema = ITEM,
        fields: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a collection, with the metadata of each. Raises ApiError.

        ``fields`` is a TypedDict that names the fields of a page that the caller reads.

        After the status 410, start the list again: the server no longer has the remaining pages.
        """
        page_query, schema = {"limit": PAGE, **(query or {})}, list_of(item)
        for _ in range(MAX_PAGES):
            page = self.request(
                "GET",
                path,
                query=page_query,
                accept=accept,
                schema=schema,
                max_values=MAX_BYTES,
                fields=fields,
            )
            # items is null in an empty list of metadata.
            page["items"] = page.get("items") or []
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            page_query["continue"] = token
        raise malformed_response(f"GET {path}", f"the list has more than {MAX_PAGES} pages")

    def watch(self, path: str, query: Mapping[str, str], accept: str = JSON, item: Schema = OBJECT) -> Stream:
        """Start a watch on objects that match ``item``. Raises ApiError."""
        query = {**query, "watch": "1"}
        response = self._send(
            "GET", path, None, query=query, content_type=JSON, accept=accept, is_stream=True
        )
        return Stream(response, path, item)

    @property
    def is_verified(self) -> bool:
        """Whether the server's certificate is checked. Raises ApiError."""
        return self._connected().is_verified

    def _read(self, response: BaseHTTPResponse, request: str) -> bytes:
        try:
            return read(response, request)
        except ApiError:
            self._disconnect()
            raise

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        query: Mapping[str, str] | None,
        content_type: str,
        accept: str,
        is_stream: bool = False,
    ) -> BaseHTTPResponse:
        """Send a request. If the server refuses the credentials, read them and try again. Raises ApiError."""
        is_retry = False
        while True:
            self._rate_limiter.wait()
            connection = self._connected()
            url = f"{connection.host}{path}" + (f"?{urlencode(query)}" if query else "")
            try:
                response = connection.pool.request(
                    method,
                    url,
                    body=None if body is None else json.dumps(body),
                    headers=_make_headers(connection, accept, content_type, is_stream=is_stream),
                    preload_content=False,
                    retries=False,
                    # A redirect would send the token to another server.
                    redirect=False,
                    timeout=Timeout(
                        connect=CONNECT_TIMEOUT_S, read=WATCH_TIMEOUT_S if is_stream else READ_TIMEOUT_S
                    ),
                )
            except SSLError as error:
                # The certificate authority may have been replaced, so read its file again.
                self._disconnect()
                if is_retry:
                    raise explain_tls_error(error, connection) from error
            except TRANSPORT_ERRORS as error:
                self._disconnect()
                raise explain_connection_error(error, connection) from error
            else:
                if 200 <= response.status < 300:
                    return response
                refused = self._make_error(response, f"{method} {path}", connection.host)
                if is_retry or not is_unauthenticated(refused):
                    raise refused
                self._disconnect()
            is_retry = True

    def _make_error(self, response: BaseHTTPResponse, request: str, host: str) -> ApiError:
        """Return the error for a response that is not a success."""
        if response.status < 400:
            response.close()
            reason = f"{host} redirects {request} (status {response.status}), but an API server never does"
            return ApiError(f"{reason}; set the URL of the API server itself", kind="redirect")
        try:
            data = self._read(response, request)
        except ApiError:  # the HTTP status says enough
            data = b""
        after = response.headers.get("Retry-After", "")
        return parse_status_error(data, request, response.status, response.reason or "", after)

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = load_connection(self._kubeconfig, self._context)
            return self._connection

    def _disconnect(self) -> None:
        """Drop the connection, so that the next request reads the credentials again."""
        with self._lock:
            self._connection = None


def _make_headers(
    connection: Connection, accept: str, content_type: str, *, is_stream: bool
) -> HTTPHeaderDict:
    """Return the headers of a request. Raises ApiError if a credential cannot be read."""
    headers = HTTPHeaderDict(
        {
            **connection.authorization(),
            "Accept": accept,
            # Compression makes a page ten times smaller, but would delay the events of a watch.
            "Accept-Encoding": "identity" if is_stream else "gzip",
            "Content-Type": content_type,
            "User-Agent": "gfd",
        }
    )
    for name, value in connection.impersonation:
        headers.add(name, value)
    return headers
