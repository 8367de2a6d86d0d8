"""A way to the API server on which things go wrong: what the real one would do only under real trouble."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.controlplane import ControlPlane

Fault = Callable[[str, str], int | str | None]
"""From method and path: a status to answer with, ``silent`` (never answer, or no event), ``close``
(end a watch at once), ``gone`` (a 410 amid the watch), None to pass on."""


class Proxy:
    """Passes requests on; :attr:`fault` decides which not."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.fault: Fault = lambda method, path: None
        self.has_opaque_versions = False
        """Whether each resourceVersion is a text without an order, as other API servers may send them."""
        self.retry_after = ""
        self.seen: list[tuple[float, str, str]] = []
        """When (monotonic), method, path."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                proxy.handle(self)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - by http.server

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients may hang up
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def kubeconfig(self, folder: Path, token_file: Path) -> Path:
        content = json.loads(self.plane.write_kubeconfig("proxied", token_file=token_file).read_text())
        content["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self.server.server_port}"}
        path = folder / "proxied.kubeconfig"
        path.write_text(json.dumps(content))
        return path

    def times(self, *methods: str) -> list[float]:
        return [at_s for at_s, method, _ in self.seen if method in methods]

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((time.monotonic(), request.command, request.path))
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self.fault(request.command, request.path)
        if isinstance(fault, int):
            self._refuse(request, fault)
        elif fault == "silent":
            time.sleep(3600)
        elif fault in {"close", "gone"}:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            event = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
            self._answer(request, 200, event if fault == "gone" else b"")
        else:
            self._pass_on(request, body)

    def _refuse(self, request: BaseHTTPRequestHandler, code: int) -> None:
        status = {"kind": "Status", "code": code, "reason": "Injected", "message": f"injected {code}"}
        self._answer(request, code, json.dumps(status).encode())

    def _answer(self, request: BaseHTTPRequestHandler, code: int, body: bytes) -> None:
        request.send_response(code)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        if self.retry_after:
            request.send_header("Retry-After", self.retry_after)
        request.end_headers()
        request.wfile.write(body)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        context = ssl.create_default_context(cafile=str(self.plane.home / "certificates" / "apiserver.crt"))
        server = HTTPSConnection("127.0.0.1", self.plane.port, context=context)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        path = request.path
        if self.has_opaque_versions:
            # Compressed bodies could not be changed, and the length may be another.
            headers = {
                name: value for name, value in headers.items()
                if name.lower() not in {"accept-encoding", "content-length"}
            }  # fmt: skip
            path, body = _to_numbers(path.encode()).decode(), _to_numbers(body)
        server.request(request.command, path, body or None, headers)
        answer = server.getresponse()
        request.send_response(answer.status)
        for name in ("Content-Type", "Content-Encoding"):
            if value := answer.getheader(name):
                request.send_header(name, value)
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        try:
            while chunk := answer.readline() if self.has_opaque_versions else answer.read1(65_536):
                request.wfile.write(_to_opaque(chunk) if self.has_opaque_versions else chunk)
                request.wfile.flush()
        except OSError:
            pass
        finally:
            server.close()


def _to_opaque(text: bytes) -> bytes:
    """Replace the numbers of resourceVersions; the digits are in reverse, so that no order remains."""
    return re.sub(rb'(?<="resourceVersion":")\d+(?=")', lambda found: b"opaque." + found[0][::-1], text)


def _to_numbers(text: bytes) -> bytes:
    return re.sub(rb"opaque\.(\d+)", lambda found: found[1][::-1], text)


@contextmanager
def proxied(plane: ControlPlane) -> Iterator[Proxy]:
    proxy = Proxy(plane)
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
