"""Requests to the API server: plain dicts in and out, one kind of error, a limit on how many."""

from __future__ import annotations

import json
import threading
import time
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from urllib3 import Timeout
from urllib3.exceptions import NewConnectionError, ProxyError, SSLError

from gfd.errors import ApiError
from gfd.kube.api_errors import is_unauthenticated
from gfd.kube.loader import load_connection
from gfd.kube.objects import ITEM, OBJECT, RESPONSE, list_of
from gfd.kube.responses import (
    MAX_BYTES,
    MAX_VALUES,
    TRANSPORT,
    malformed_response,
    parse,
    parse_status_error,
    read,
)
from gfd.kube.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

    from gfd.config.model import Config
    from gfd.kube.connection import Connection
    from gfd.kube.schema import Schema

CONNECT_S, ANSWER_S = 5.0, 20.0
SILENCE_S = 300.0
"""A watch without a word for so long is dead: the server sends a bookmark about once a minute."""

PAGE = "500"
"""Objects in one answer to a list."""
MAX_PAGES = 10_000
"""No cluster has so many: a server that names one more page each time never ends."""

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML."""
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def share(config: Config) -> Api:
    """Return the one connection of this process that ``config`` means."""
    return _share(config.kubeconfig, config.context, config.kube_api_qps, config.kube_api_burst)


@lru_cache
def _share(kubeconfig: Path | None, context: str | None, qps: float, burst: int) -> Api:
    return Api(kubeconfig, context, qps=qps, burst=burst)


class Api:
    """One API server. Safe to use from several threads."""

    def __init__(
        self,
        kubeconfig: Path | None,
        context: str | None = None,
        *,
        qps: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is read or sent before the first request."""
        self._kubeconfig, self._context = kubeconfig, context
        self._qps, self._burst = qps, float(burst)
        self._tokens, self._counted_s = float(burst), clock()
        self._clock, self._sleep = clock, sleep
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
    ) -> dict[str, Any]:
        """Return the object of ``schema`` that the server answers with. Raises ApiError.

        ``max_values`` is how many values, such as strings and numbers, it may have.
        """
        what = f"{method} {path}"
        response = self._send(method, path, body, query=query, content_type=content_type, accept=accept)
        return parse(self._read(response, what), schema, what, max_values)

    def date(self) -> float:
        """Return the server's time, in Unix seconds without a fraction. Raises ApiError."""
        response = self._send("GET", "/version", None, query=None, content_type=JSON, accept=JSON)
        self._read(response, "GET /version")
        said = response.headers.get("Date", "")
        try:
            return parsedate_to_datetime(said).timestamp()
        except (ValueError, TypeError, OverflowError) as error:
            raise ApiError(
                f"the API server does not tell its time: Date: {said[:100]}", kind="date"
            ) from error

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
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a collection, as Lists that know what remains. Raises ApiError.

        410 among them: the server has forgotten the first page since, and the list is to be begun again.
        """
        asked, schema = {"limit": PAGE, **(query or {})}, list_of(item)
        for _ in range(MAX_PAGES):
            page = self.request("GET", path, query=asked, accept=accept, schema=schema, max_values=MAX_BYTES)
            # A list of metadata that holds nothing is null.
            page["items"] = page.get("items") or []
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            asked["continue"] = token
        raise malformed_response(f"GET {path}", f"the list does not end after {MAX_PAGES} pages")

    def watch(self, path: str, query: Mapping[str, str], accept: str = JSON, item: Schema = OBJECT) -> Stream:
        """Watch the objects that match ``item``. Raises ApiError."""
        query = {**query, "watch": "1"}
        response = self._send(
            "GET", path, None, query=query, content_type=JSON, accept=accept, is_stream=True
        )
        return Stream(response, path, item)

    def _read(self, response: BaseHTTPResponse, what: str) -> bytes:
        try:
            return read(response, what)
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
        is_last = False
        while True:
            self._wait()
            connection = self._connected()
            url = f"{connection.host}{path}" + (f"?{urlencode(query)}" if query else "")
            try:
                response = connection.pool.request(
                    method,
                    url,
                    body=None if body is None else json.dumps(body),
                    headers={
                        **connection.authorization(),
                        "Accept": accept,
                        # A page of objects is a tenth of its size then; a watch is not compressed.
                        "Accept-Encoding": "identity" if is_stream else "gzip",
                        "Content-Type": content_type,
                        "User-Agent": "gfd",
                    },
                    preload_content=False,
                    retries=False,
                    # It would carry what we are told to another server.
                    redirect=False,
                    timeout=Timeout(connect=CONNECT_S, read=SILENCE_S if is_stream else ANSWER_S),
                )
            except SSLError as error:
                # The certificate authority may have been replaced; so says the file, if anything does.
                self._disconnect()
                if is_last:
                    raise ApiError(f"{connection.host} is not trusted: {error}", kind="tls") from error
            except TRANSPORT as error:
                self._disconnect()
                raise ApiError(
                    f"the API server {connection.host} does not answer: {_reason(error)}", kind="connection"
                ) from error
            else:
                if 200 <= response.status < 300:
                    return response
                refused = self._refuse(response, f"{method} {path}", connection.host)
                if is_last or not is_unauthenticated(refused):
                    raise refused
                self._disconnect()
            is_last = True

    def _refuse(self, response: BaseHTTPResponse, what: str, host: str) -> ApiError:
        """Return the error that an answer without success is."""
        if response.status < 400:
            response.close()
            reason = f"{host} answers {what} with status {response.status}, as no API server does"
            return ApiError(f"{reason}; name the API server itself, without a redirect", kind="redirect")
        try:
            data = self._read(response, what)
        except ApiError:  # the status line says enough
            data = b""
        after = response.headers.get("Retry-After", "")
        return parse_status_error(data, what, response.status, response.reason or "", after)

    @property
    def is_verified(self) -> bool:
        """Whether the server's certificate is checked. Raises ApiError."""
        return self._connected().is_verified

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = load_connection(self._kubeconfig, self._context)
            return self._connection

    def _disconnect(self) -> None:
        """Forget the credentials: they are read again for the next request."""
        with self._lock:
            self._connection = None

    def _wait(self) -> None:
        """Wait for a token of the bucket that --kube-api-qps fills and --kube-api-burst bounds."""
        with self._lock:
            now_s = self._clock()
            self._tokens = min(self._burst, self._tokens + (now_s - self._counted_s) * self._qps) - 1
            self._counted_s = now_s
            delay_s = max(0.0, -self._tokens / self._qps)
        if delay_s:
            self._sleep(delay_s)


def _reason(error: Exception) -> str:
    if isinstance(error, ProxyError):
        return f"{error.args[0]}: {_reason(error.original_error)}"
    if isinstance(error, NewConnectionError):
        # It names an object by its address in memory, another one each time.
        return str(error).partition(": ")[2]
    return str(getattr(error, "reason", None) or error)
