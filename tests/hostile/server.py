"""A server on loopback that sends any response: it stands for a broken API server.

No real API server sends such responses, but a broken proxy or an attacker may.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gfd.kube.client import Api

NODE = {"metadata": {"name": "n", "uid": "u", "resourceVersion": "1"}}
TOKEN = "sesame-0123456789abcdef"
"""A credential that no message may contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response of the server."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    """Chunks are sent one by one, without Content-Length, while the client reads."""


def reply(content: Any, status: int = 200, **headers: str) -> Reply:
    """Return a reply with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps(content).encode())


Responder = Callable[[str, str], Reply]
"""Returns the reply to a method and a path."""


class Hostile:
    """A running server; :attr:`respond` may be replaced at any time."""

    def __init__(self, respond: Responder, certificate: Path | None = None) -> None:
        self.respond = respond
        self.seen: list[tuple[str, str, Mapping[str, str]]] = []
        """Method, path and headers (names in lower case) of each request."""
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.rfile.read(int(headers.get("content-length", "0")))
                hostile.seen.append((self.command, self.path, headers))
                answer = hostile.respond(self.command, self.path)
                self.send_response_only(answer.status)
                if "Date" not in answer.headers:
                    self.send_header("Date", self.date_time_string())
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if isinstance(answer.body, bytes):
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                    return
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for piece in answer.body:
                    self.wfile.write(piece)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - by http.server

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"


@contextmanager
def hostile(respond: Responder, certificate: Path | None = None) -> Iterator[Hostile]:
    """Run a server."""
    started = Hostile(respond, certificate)
    try:
        yield started
    finally:
        started.server.shutdown()
        started.server.server_close()


def make_certificate(path: Path) -> Path:
    """Write a key and a self-signed certificate into one file."""
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-subj", "/CN=hostile", "-days", "2", "-keyout", path, "-out", f"{path}.crt"),
        ),
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def write_kubeconfig(
    path: Path,
    server: str,
    user: Any = None,
    cluster: Mapping[str, Any] | None = None,
) -> Path:
    """Write a kubeconfig with one context."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "s", "cluster": {"server": server, **(cluster or {})}}],
        "contexts": [{"name": "c", "context": {"cluster": "s", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
    }
    path.write_text(json.dumps(content))
    return path


def connect(server: Hostile, folder: Path) -> Api:
    """Return a client of the server, with its kubeconfig in ``folder``."""
    return Api(write_kubeconfig(folder / "config", server.url), qps=1000, burst=1000)
