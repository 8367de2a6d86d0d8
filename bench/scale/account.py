"""The identity of an agent: a token bound to its Pod, and a connection as in a Pod."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube import service_account
from gfd.kube.client import JSON, Api
from gfd.kube.objects import OBJECT
from gfd.kube.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

    from gfd.kube.connection import Connection
    from gfd.kube.schema import Schema

QPS, BURST = 5.0, 10
"""The defaults of --kube-api-qps and --kube-api-burst."""
WRITES = frozenset({"PATCH", "PUT", "POST", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the API server is, and the credentials for it."""

    node: str
    pod: str
    port: int
    certificate: Path
    token_file: Path

    def connect(self) -> Connection:
        """Connect as in a Pod, with the files of this agent."""
        place = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.port)}
        return service_account.load_connection(place, self.token_file, self.certificate)


class CountedApi(Api):
    """gfd's client, with counters of requests and errors."""

    def __init__(self, account: Account, *, qps: float = QPS, burst: int = BURST) -> None:
        super().__init__(None, qps=qps, burst=burst)
        self._account = account
        self._counting = threading.Lock()
        self.asked: Counter[str] = Counter()
        """Verb -> requests with a response of any status."""
        self.writes = 0
        """Successful requests that write."""
        self.errors: Counter[str] = Counter()
        """HTTP status, or kind of error -> requests."""
        self.watching = 0
        """Open watches."""

    def close(self) -> None:
        """Close idle connections."""
        if self._connection is not None:
            self._connection.pool.clear()

    def watch(self, path: str, query: Mapping[str, str], accept: str = JSON, item: Schema = OBJECT) -> Stream:
        """Start a watch and count it while it is open."""
        return _CountedStream(self, super().watch(path, query, accept, item))

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = self._account.connect()
            return self._connection

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
        verb = "WATCH" if is_stream else method
        try:
            response = super()._send(
                method, path, body, query=query, content_type=content_type, accept=accept, is_stream=is_stream
            )
        except ApiError as error:
            with self._counting:
                self.asked[verb] += bool(error.status)
                self.errors[str(error.status or error.kind)] += 1
            raise
        with self._counting:
            self.asked[verb] += 1
            self.writes += method in WRITES
        return response


class _CountedStream(Stream):
    """A watch that is counted while it is open."""

    def __init__(self, api: CountedApi, stream: Stream) -> None:
        super().__init__(stream._response, stream._path, stream._item)
        self._api = api

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._api.watching += 1
        try:
            yield from super().__iter__()
        finally:
            self._api.watching -= 1
