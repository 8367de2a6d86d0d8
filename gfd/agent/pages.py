"""The pages of ``--metrics-addr``: metrics for Prometheus, health and readiness for kubelet."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prometheus_client import make_wsgi_app
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from gfd.agent.listener import BACKLOG, listen
from gfd.agent.metrics import make_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from gfd.agent.health import Health
    from gfd.agent.status import Status

    Response = tuple[str, list[tuple[str, str]], bytes]
    """Status line, headers and body."""

PATHS = {
    "/metrics": "what gfd did and found, for Prometheus",
    "/healthz": "200 while the service runs its cycles",
    "/readyz": "200 while the labels of this node can be trusted",
}

MAX_CONNECTIONS = 500
"""The maximum number of open connections; others wait. By default a process may open 1024 files."""
CONNECTION_S = 5.0
"""How long a connection may stay open."""
MAX_REQUEST_BYTES = 8192


def serve(addr: tuple[str, int], status: Status, warn: Callable[[str], None]) -> int:
    """Serve the pages about ``status``, in threads that end with the process; return the port.

    ``warn`` is called, in any thread, with each problem while pages are served. Raises ConfigError.
    """
    listener = listen(*addr)
    _forward_warnings(warn)
    server = _Server(
        make_app(status),
        _sock=listener,
        bind_socket=False,
        sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        adj=Adjustments(
            sockets=[listener],
            threads=1,
            backlog=BACKLOG,
            connection_limit=MAX_CONNECTIONS,
            cleanup_interval=1,
            asyncore_loop_timeout=5,
            asyncore_use_poll=True,
            max_request_header_size=MAX_REQUEST_BYTES,
            max_request_body_size=MAX_REQUEST_BYTES,
            log_socket_errors=False,
            ident="",
        ),
    )
    threading.Thread(target=server.run, name="pages", daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


class _Server(TcpWSGIServer):  # type: ignore[misc]  # waitress has no type hints
    def maintenance(self, now: float) -> None:
        """Close connections that are too old, unless a request is being answered.

        waitress only closes idle connections: a client that sends a byte now and then could stay for ever.
        """
        for channel in self.active_channels.values():
            if not channel.requests and channel.creation_time < now - CONNECTION_S:
                channel.will_close = True
                # Otherwise a client that does not read the response would keep it open.
                with suppress(OSError):
                    channel.socket.shutdown(socket.SHUT_RDWR)


class _Forwarder(logging.Handler):
    """Passes the warnings of waitress to a function."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        error = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self._warn(f"{record.getMessage()}{error}")


def _forward_warnings(warn: Callable[[str], None]) -> None:
    logger = logging.getLogger("waitress")
    logger.handlers = [_Forwarder(warn)]
    logger.propagate = False
    # waitress warns about each request that waits for another, even for a millisecond.
    logging.getLogger("waitress.queue").disabled = True


def make_app(status: Status) -> WSGIApplication:
    """Return the pages about ``status`` as a WSGI application."""
    metrics = make_wsgi_app(make_registry(status))

    def answer(environ: WSGIEnvironment) -> Response:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _text("405 Method Not Allowed", "use GET or HEAD", ("Allow", "GET, HEAD"))
        if path == "/metrics":
            return _read_metrics(metrics, environ)
        if path == "/healthz":
            return _answer_health(status.check_health())
        if path == "/readyz":
            return _answer_health(status.check_readiness())
        if path == "/":
            return _text("200 OK", "\n".join(f"{path:9} {meaning}" for path, meaning in PATHS.items()))
        return _text("404 Not Found", f"there is no such page; see {', '.join(PATHS)}")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        line, headers, body = answer(environ)
        start_response(line, [*headers, ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return app


def _read_metrics(metrics: WSGIApplication, environ: WSGIEnvironment) -> Response:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(line: str, headers: list[tuple[str, str]], *_: object) -> Any:
        started.append((line, headers))

    get_environ = {**environ, "REQUEST_METHOD": "GET"}
    try:
        body = b"".join(metrics(get_environ, start_response))
    except (TypeError, ValueError):  # the version in the header Accept is not a number
        body = b"".join(metrics({**get_environ, "HTTP_ACCEPT": ""}, start_response))
    return *started[-1], body


def _answer_health(health: Health) -> Response:
    is_ok, text = health
    return _text("200 OK" if is_ok else "503 Service Unavailable", text)


def _text(line: str, text: str, *headers: tuple[str, str]) -> Response:
    plain = ("Content-Type", "text/plain; charset=utf-8")
    return line, [plain, ("Cache-Control", "no-store"), *headers], f"{text}\n".encode(errors="replace")
