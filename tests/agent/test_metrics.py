"""The pages about the service, over real sockets, with clients that mean no good."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import gfd
from gfd.agent import httpd, metrics
from gfd.agent.http1 import MAX_HEAD, Request, Response, parse
from gfd.agent.status import Status
from gfd.errors import ConfigError

PATIENCE_S = 15.0


def busy_status() -> Status:
    status = Status(epoch_s=lambda: 1_785_412_800.0)
    status.expect(["file", "stdout"], ["io"])
    status.read_succeeded(gpus_ok=7, gpus_failed=1, mig_devices={"1g.5gb": 7, "1c.3g.20gb": 2}, labels=31)
    status.published("file")
    status.sink_took("file")
    status.sink_failed("stdout", "io", "Broken pipe")
    status.cycle_ended("published", duration_s=0.5, probe_s=0.25)
    status.probe_restarted()
    status.probes_stuck(2)
    return status


@pytest.fixture
def status() -> Status:
    return busy_status()


@pytest.fixture
def server(status: Status) -> Iterator[httpd.Server]:
    with closing(metrics.start(("127.0.0.1", 0), status)) as started:
        yield started


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> float:
    """Give a connection less time; return how long."""
    monkeypatch.setattr(httpd, "CONNECTION_S", 0.5)
    return 0.5


def connect(server: httpd.Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)


def exchange(server: httpd.Server, request: bytes) -> bytes:
    """Return everything the server says until it closes; empty where it hangs up at once."""
    with connect(server) as client:
        client.sendall(request)
        return rest(client)


def rest(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def fetch(server: httpd.Server, path: str, *headers: str, method: str = "GET") -> tuple[int, str, str]:
    """Return the number of the status, the head and the body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *headers, "", ""]
    head, _, body = exchange(server, "\r\n".join(lines).encode()).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode(), body.decode()


def samples(text: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_every_metric(server: httpd.Server, status: Status) -> None:
    status.config_loaded(["config.yaml:1: unknown key flgas is ignored", "config.yaml:5: and another"])
    status.config_rejected("config.yaml:1: no")
    _, head, body = fetch(server, "/metrics")
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    ours = {name: value for name, value in samples(body).items() if name.startswith("gfd_")}
    assert ours == {
        'gfd_cycles_total{result="published"}': 1,
        'gfd_cycles_total{result="unchanged"}': 0,
        'gfd_cycles_total{result="failed"}': 0,
        "gfd_cycle_duration_seconds_count": 1,
        "gfd_cycle_duration_seconds_sum": 0.5,
        "gfd_probe_duration_seconds_count": 1,
        "gfd_probe_duration_seconds_sum": 0.25,
        "gfd_last_success_timestamp_seconds": 1_785_412_800,
        'gfd_gpus{state="ok"}': 7,
        'gfd_gpus{state="failed"}': 1,
        'gfd_mig_devices{profile="1g.5gb"}': 7,
        'gfd_mig_devices{profile="1c.3g.20gb"}': 2,
        "gfd_labels": 31,
        'gfd_published_changes_total{sink="file"}': 1,
        'gfd_published_changes_total{sink="stdout"}': 0,
        'gfd_sink_errors_total{reason="io",sink="file"}': 0,
        'gfd_sink_errors_total{reason="io",sink="stdout"}': 1,
        "gfd_probe_restarts_total": 1,
        "gfd_probes_stuck": 2,
        "gfd_stale": 0,
        "gfd_config_rejected": 1,
        "gfd_config_warnings": 2,
        f'gfd_build_info{{version="{gfd.__version__}"}}': 1,
    }
    assert samples(body)["process_resident_memory_bytes"] > 1e6


def test_what_is_unknown_is_left_out() -> None:
    known = samples(generate_latest(metrics.registry(Status())).decode())
    assert {name for name in known if name.startswith("gfd_")} == {
        'gfd_cycles_total{result="published"}',
        'gfd_cycles_total{result="unchanged"}',
        'gfd_cycles_total{result="failed"}',
        "gfd_cycle_duration_seconds_count",
        "gfd_cycle_duration_seconds_sum",
        "gfd_probe_duration_seconds_count",
        "gfd_probe_duration_seconds_sum",
        "gfd_probe_restarts_total",
        "gfd_probes_stuck",
        "gfd_stale",
        "gfd_config_rejected",
        "gfd_config_warnings",
        f'gfd_build_info{{version="{gfd.__version__}"}}',
    }


def test_stale_labels_show(status: Status) -> None:
    status.read_failed("GPU is lost")
    known = samples(generate_latest(metrics.registry(status)).decode())
    assert known["gfd_stale"] == 1
    assert known["gfd_stale_since_timestamp_seconds"] == 1_785_412_800


@pytest.mark.parametrize("make", [Status, busy_status])
def test_openmetrics_is_strict(make: type[Status]) -> None:
    encode, _ = choose_encoder("application/openmetrics-text")
    text = encode(metrics.registry(make())).decode()
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {"gfd_cycles", "gfd_build", "gfd_stale"}
    for family in families:
        if family.name.startswith("gfd_"):
            assert family.documentation.endswith(".")
            is_time = family.name.endswith("_seconds")
            assert is_time == ("econds" in family.documentation)


@pytest.mark.parametrize("make", [Status, busy_status])
def test_promtool_has_no_complaint(make: type[Status]) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not on PATH (Debian's package prometheus has it)")
    ours = [
        line
        for line in generate_latest(metrics.registry(make())).decode().splitlines(keepends=True)
        if re.match(r"(# \w+ )?gfd_", line)
    ]
    done = subprocess.run(
        [promtool, "check", "metrics"], input="".join(ours), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
def test_the_format_that_is_asked_for(server: httpd.Server, accept: str, content_type: str) -> None:
    """A version that is none gets any format: releases of prometheus_client differ."""
    number, head, body = fetch(server, "/metrics", f"Accept: {accept}")
    assert number == 200
    assert f"Content-Type: {content_type}" in head
    assert body.endswith("# EOF\n") == ("application/openmetrics-text" in head)


def test_health_and_readiness(server: httpd.Server, status: Status) -> None:
    assert fetch(server, "/healthz")[::2] == (200, "ok\n")
    assert fetch(server, "/readyz?verbose")[::2] == (200, "ok\n")
    status.read_failed("GPU is lost\nreally — é")
    number, head, body = fetch(server, "/readyz")
    assert number == 503
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert "Content-Type: text/plain; charset=utf-8" in head
    assert body == "the labels are stale since 2026-07-30T12:00:00Z: GPU is lost really — é\n"
    status.job_started(limit_s=-5)
    assert fetch(server, "/healthz")[0] == 503


def test_the_other_answers(server: httpd.Server) -> None:
    assert all(path in fetch(server, "/")[2] for path in metrics.PATHS)
    assert fetch(server, "/favicon.ico")[0] == 404
    assert fetch(server, "/metrics/../../etc/passwd")[0] == 404
    for method in ("POST", "OPTIONS", "DELETE", "get"):
        number, head, _ = fetch(server, "/metrics", "Content-Length: 0", method=method)
        assert number == 405
        assert "Allow: GET, HEAD" in head


def test_head_tells_the_length_only(server: httpd.Server) -> None:
    number, head, body = fetch(server, "/readyz", method="HEAD")
    assert (number, body) == (200, "")
    assert "Content-Length: 3\r\n" in head
    assert head.endswith("Connection: close")


def test_a_page_that_fails_is_said_and_survived() -> None:
    def answer(request: Request) -> Response:
        raise RuntimeError(request.path)

    with closing(httpd.Server(httpd.listen("127.0.0.1", 0), answer)) as server:
        for _ in range(2):
            number, _, body = fetch(server, "/x")
            assert (number, body) == (500, "gfd could not answer: RuntimeError('/x')\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.0\n\n",
        b"\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\nmore",
    ],
)
def test_sloppy_clients_are_served(server: httpd.Server, request_: bytes) -> None:
    assert exchange(server, request_).endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize(
    ("request_", "status_line"),
    [
        (b"GET /metrics\r\n", b"400 Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\n", b"400 Bad Request"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET  / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nAccept: text/plain; version=1\rX: y\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", b"400 Bad Request"),
        (b"GET /" + b"x" * MAX_HEAD, b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
        (b"\n" * 100_000, b"431 Request Header Fields Too Large"),
    ],
)
def test_what_is_no_request_is_refused_at_once(
    server: httpd.Server, request_: bytes, status_line: bytes
) -> None:
    with connect(server) as client:
        with suppress(ConnectionError):
            client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        assert rest(client).startswith(b"HTTP/1.1 " + status_line + b"\r\n")


def test_garbage_and_half_requests_do_no_harm(server: httpd.Server) -> None:
    for sent in (os.urandom(4096), b"\0" * 4096, b"GET", b"GET /metrics HTTP/1.1\r\nHost: ", b""):
        with connect(server) as client:
            client.sendall(sent)
    with connect(server) as client:
        client.sendall(b"GET /metrics HTT")
        client.shutdown(socket.SHUT_WR)
        assert rest(client) == b""
    assert fetch(server, "/healthz")[0] == 200


def test_a_client_that_trickles_is_cut_off(server: httpd.Server, hasty: float) -> None:
    started_s = time.monotonic()
    with connect(server) as client, suppress(ConnectionError):
        client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        while time.monotonic() < started_s + PATIENCE_S:
            client.sendall(b"x")
            time.sleep(hasty / 20)
    assert hasty <= time.monotonic() - started_s < hasty + 5


def test_a_client_that_never_hangs_up_is_cut_off(server: httpd.Server, hasty: float) -> None:
    started_s = time.monotonic()
    with connect(server) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert rest(client).endswith(b"ok\n")
        with suppress(ConnectionError):
            while time.monotonic() < started_s + PATIENCE_S:
                client.sendall(b"x" * 1000)
                time.sleep(0.01)
    assert time.monotonic() - started_s < hasty + 5


def test_a_client_that_does_not_read_is_cut_off(hasty: float) -> None:
    def answer(_: Request) -> Response:
        return Response(body=bytes(50_000_000))

    with closing(httpd.Server(httpd.listen("127.0.0.1", 0), answer)) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert fetch(server, "/", method="HEAD")[0] == 200
        time.sleep(hasty * 2)
        with suppress(ConnectionError):
            assert len(rest(client)) < 50_000_000


def test_a_page_that_fills_the_socket_arrives_whole() -> None:
    page = os.urandom(5_000_000)
    with closing(httpd.Server(httpd.listen("127.0.0.1", 0), lambda _: Response(body=page))) as server:
        assert exchange(server, b"GET / HTTP/1.1\r\n\r\n").endswith(page)


def test_idle_clients_do_not_keep_kubelet_out(server: httpd.Server) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(200)]
        for _ in range(20):
            assert fetch(server, "/healthz")[0] == 200
        assert server.connections <= httpd.MAX_CONNECTIONS
        assert idle[0].recv(1) == b""


def test_many_scrapes_at_once(server: httpd.Server) -> None:
    with ThreadPoolExecutor(httpd.MAX_CONNECTIONS) as pool:
        answers = list(pool.map(lambda _: fetch(server, "/metrics"), range(400)))
    assert {number for number, _, _ in answers} == {200}
    assert all("gfd_build_info" in body for _, _, body in answers)


def test_running_out_of_descriptors_passes(server: httpd.Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    with connect(server) as early, socket.socket() as late:
        late.settimeout(PATIENCE_S)
        while not server.connections:
            time.sleep(0.01)
        resource.setrlimit(resource.RLIMIT_NOFILE, (late.fileno() + 10, hard))
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            late.connect(("127.0.0.1", server.port))
            assert early.recv(1) == b""
            late.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert late.recv(12) == b"HTTP/1.1 200"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in taken:
                os.close(descriptor)


def test_closing_hangs_up_and_frees_the_port(status: Status) -> None:
    server = metrics.start(("127.0.0.1", 0), status)
    with connect(server) as idle:
        assert fetch(server, "/healthz")[0] == 200
        server.close()
        assert idle.recv(1) == b""
    with closing(metrics.start(("127.0.0.1", server.port), status)) as again:
        assert fetch(again, "/healthz")[0] == 200
    again.close()


def test_every_address(status: Status) -> None:
    with closing(metrics.start(("", 0), status)) as server:
        hosts = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
        for host in hosts:
            with socket.create_connection((host, server.port), PATIENCE_S) as client:
                client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
                assert rest(client).endswith(b"ok\n")


def test_every_address_without_ipv6(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with closing(metrics.start(("", 0), status)) as server:
        assert fetch(server, "/healthz")[0] == 200


def test_a_name_with_an_address_that_is_not_here(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        server = metrics.start(("localhost", 0), status)
    with closing(server):
        assert fetch(server, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("192.0.2.1", 8080, "--metrics-addr (192.0.2.1:8080): the address is not one of this machine's"),
        ("2001:db8::1", 8080, "--metrics-addr ([2001:db8::1]:8080): the address is not one of this"),
        ("no.such.host.invalid", 8080, "--metrics-addr (no.such.host.invalid:8080): the host is unknown ("),
        ("x" * 64 + ".é", 8080, ": this is no host name; name one of this machine's addresses"),
    ],
)
def test_addresses_that_cannot_be_used(host: str, port: int, expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        httpd.listen(host, port)


def test_a_port_that_is_taken(server: httpd.Server, status: Status) -> None:
    for host in ("127.0.0.1", ""):
        with pytest.raises(ConfigError) as raised:
            metrics.start((host, server.port), status)
        assert str(raised.value) == (
            f"--metrics-addr ({host}:{server.port}): the port is taken (Address already in use);"
            " name another with --metrics-addr or leave it empty"
        )


def test_a_port_that_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigError, match=r"may not be used \(Permission denied\); name one above 1023"):
        httpd.listen("", 80)


def test_the_status_and_the_server_cost_no_prometheus() -> None:
    code = (
        "import sys, gfd.agent.status, gfd.agent.httpd, gfd.agent.systemd;"
        "print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_request_a_refusal_or_not_whole(data: bytes, is_begun: bool) -> None:
    found = parse((b"GET /metrics HTTP/1.1\r\n" if is_begun else b"") + data)
    if isinstance(found, Response):
        assert found.status >= HTTPStatus.BAD_REQUEST
        assert found.to_bytes().startswith(b"HTTP/1.1 4")
    elif found:
        assert not re.search(r"[\r\n\0]", found.path + found.accept)
