"""The pages as a WSGI application, without a server."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from gfd.agent.pages import PATHS, make_app
from gfd.agent.status import Status
from tests.agent.statuses import busy_status


class Response:
    """What the application answers."""

    def __init__(self, app: WSGIApplication, path: str, *, method: str = "GET", **headers: str) -> None:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
        }
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        setup_testing_defaults(environ)

        def start_response(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: tuple[type[BaseException], BaseException, TracebackType]
            | tuple[None, None, None]
            | None = None,
        ) -> Any:
            self.status, self.headers = int(status.split()[0]), dict(headers)

        chunks: Iterable[bytes] = validator(app)(environ, start_response)
        self.body = b"".join(chunks)
        chunks.close()  # type: ignore[attr-defined]

    @property
    def text(self) -> str:
        return self.body.decode()


@pytest.fixture
def status() -> Status:
    return busy_status()


@pytest.fixture
def app(status: Status) -> WSGIApplication:
    return make_app(status)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
        ("*/*", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=soon", ""),
        ("application/openmetrics-text; version=1.x.y", ""),
        ("application/openmetrics-text; version=1.0.0; escaping=?", "application/openmetrics-text"),
        ("\u00e9,;=;=,", "text/plain; version=0.0.4"),
    ],
)
def test_the_format_that_is_asked_for(app: WSGIApplication, accept: str, content_type: str) -> None:
    """A version that is not a number gets any format: releases of prometheus_client differ."""
    response = Response(app, "/metrics", accept=accept)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith(content_type)
    assert response.text.endswith("# EOF\n") == ("openmetrics" in response.headers["Content-Type"])
    assert "gfd_labels 31.0" in response.text


def test_metrics_are_compressed_for_those_who_ask(app: WSGIApplication) -> None:
    response = Response(app, "/metrics", accept_encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert b"gfd_labels 31.0" in gzip.decompress(response.body)


def test_health_and_readiness(app: WSGIApplication, status: Status) -> None:
    response = Response(app, "/healthz")
    assert (response.status, response.text) == (200, "ok\n")
    response = Response(app, "/readyz")
    assert (response.status, response.text) == (200, "ok\n")
    assert response.headers["Cache-Control"] == "no-store"
    status.record_read_failure("GPU is lost\nreally — é")
    response = Response(app, "/readyz")
    assert response.status == 503
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text == "the labels are stale since 2026-07-30T12:00:00Z: GPU is lost really — é\n"
    status.start_job(limit_s=-5)
    assert Response(app, "/healthz").status == 503


def test_the_first_page_lists_the_others(app: WSGIApplication) -> None:
    assert [line.split()[0] for line in Response(app, "/").text.splitlines()] == list(PATHS)


@pytest.mark.parametrize("path", ["/favicon.ico", "/metrics/../../etc/passwd", "/metrics/", "/HEALTHZ"])
def test_unknown_paths(app: WSGIApplication, path: str) -> None:
    response = Response(app, path)
    assert response.status == 404
    assert response.text == "there is no such page; see /metrics, /healthz, /readyz\n"


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nothing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE", "TRACE"])
def test_other_methods_are_refused(app: WSGIApplication, method: str, path: str) -> None:
    response = Response(app, path, method=method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz", "/nothing"])
def test_head_has_the_headers_of_get_without_the_body(app: WSGIApplication, path: str) -> None:
    head, get = Response(app, path, method="HEAD"), Response(app, path)
    assert head.body == b""
    assert head.status == get.status
    assert head.headers.keys() == get.headers.keys()
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
