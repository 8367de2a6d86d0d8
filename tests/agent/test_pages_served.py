"""The pages of a running service, with clients that behave badly."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gfd.agent.pages import CONNECTION_S, MAX_CONNECTIONS, MAX_REQUEST_BYTES
from gfd.publishing.sinks.delayed_touch import DELAY_S
from tests.agent.running import PATIENCE_S, Service, fetch, free_port, serve, wait

pytestmark = pytest.mark.whole


@contextmanager
def serve_pages(folder: Path, port: int, host: str = "127.0.0.1") -> Iterator[Service]:
    shown = f"[{host}]" if ":" in host else host
    with serve(folder, "--sleep-interval=1h", f"--metrics-addr={shown}:{port}") as service:
        wait(lambda: service.log("cycle.published"), "labels")
        yield service
        log = (folder / "log").read_text()
        assert [line for line in log.splitlines() if not line.startswith("{")] == []


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Service]:
    with serve_pages(tmp_path_factory.mktemp("service"), port) as running:
        yield running


@pytest.fixture(autouse=True)
def still_healthy(service: Service, port: int) -> Iterator[None]:
    """Find out after each test whether the service is as it was."""
    yield
    assert fetch(port, "/healthz") == (200, "ok\n")
    assert service.process.poll() is None


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 2 * PATIENCE_S)


def rest(client: socket.socket) -> bytes:
    """Return what arrives until the connection ends."""
    received = b""
    with suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return received


def exchange(port: int, request: bytes) -> bytes:
    with connect(port) as client:
        with suppress(ConnectionError):
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        return rest(client)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"\r\n\r\nGET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /healthz?verbose HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET http://elsewhere/healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_unusual_requests_are_answered(port: int, request_: bytes) -> None:
    with connect(port) as client:
        client.sendall(request_)
        assert rest(client).endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics\r\nHost\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"GET  / HTTP/1.1\r\n\r\n", b"400"),
        (b"get / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nAccept: text/plain; version=1\rX: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"405"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"GET /" + b"x" * MAX_REQUEST_BYTES, b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_REQUEST_BYTES + b"\r\n\r\n", b"431"),
        (b"\n" * 100_000, b"431"),
    ],
)
def test_what_is_not_a_request_for_a_page_is_refused(port: int, request_: bytes, status: bytes) -> None:
    with connect(port) as client:
        with suppress(ConnectionError):
            client.sendall(request_)
        answer = client.recv(65536)
    assert answer.startswith((b"HTTP/1.0 " + status, b"HTTP/1.1 " + status))
    assert b"waitress" not in answer


def test_garbage_and_half_requests_do_no_harm(port: int) -> None:
    for sent in (os.urandom(4096), b"\0" * 4096, b"GET", b"GET /metrics HTTP/1.1\r\nHost: ", b""):
        with connect(port) as client:
            client.sendall(sent)
    assert exchange(port, b"GET /metrics HTT") == b""


def test_head_and_get_on_one_connection(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    for method, path, body in (
        ("HEAD", "/metrics", b""),
        ("HEAD", "/readyz", b""),
        ("GET", "/readyz", b"ok\n"),
    ):
        client.request(method, path)
        with client.getresponse() as response:
            assert (response.status, response.read()) == (200, body)
            assert int(response.headers["Content-Length"]) >= len(b"ok\n")
    client.close()


def test_clients_that_stay_too_long_are_cut_off(tmp_path: Path) -> None:
    """One trickles, one never reads, one never hangs up, one says nothing."""
    requests = {
        "trickles": b"GET /metrics HTTP/1.1\r\nX: ",
        "does not read": b"GET /metrics HTTP/1.1\r\n\r\n" * 2000,
        "stays": b"GET /healthz HTTP/1.1\r\n\r\n",
        "is silent": b"",
    }
    more = {"trickles": b"x", "stays": b"\r\n"}
    port = free_port()
    with serve_pages(tmp_path, port) as service, ExitStack() as stack:
        before = count_sockets(service)
        clients = {name: stack.enter_context(connect(port)) for name in requests}
        for name, client in clients.items():
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.send(requests[name])
        wait(lambda: count_sockets(service) == before + len(requests), "the connections")

        def are_cut_off() -> bool:
            for name, data in more.items():
                with suppress(OSError):
                    clients[name].send(data)
            return count_sockets(service) == before

        wait(are_cut_off, "the end of the connections")


def count_sockets(service: Service) -> int:
    found = 0
    for entry in Path(f"/proc/{service.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(entry).startswith("socket:")
    return found


def test_half_open_clients_do_not_keep_kubelet_out(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(connect(port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        assert [fetch(port, "/healthz") for _ in range(40)] == [(200, "ok\n")] * 40


def test_more_clients_than_connections(service: Service, port: int) -> None:
    """Those that wait are served when the connections before them are too old."""
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS + 50):
            stack.enter_context(connect(port))
        client = stack.enter_context(connect(port))
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert rest(client).endswith(b"ok\n")
    (warning, *others) = [entry for entry in service.log("http.warning") if entry["level"] == "warning"]
    assert warning["reason"].startswith("total open connections reached the connection limit")
    assert others == []


def test_many_scrapes_at_once(port: int) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: fetch(port, "/metrics"), range(400)))
    assert {number for number, _ in answers} == {200}
    assert all("gfd_build_info" in body for _, body in answers)


def test_a_port_in_use_is_named(service: Service, port: int) -> None:
    second = subprocess.run(
        [
            sys.executable,
            "-m",
            "gfd",
            f"--output-file={service.folder}/x",
            f"--metrics-addr=127.0.0.1:{port}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert second.returncode == 1
    assert f"--metrics-addr (127.0.0.1:{port}): the port is in use (Address already in use)" in second.stderr
    assert "choose another with --metrics-addr, or leave it empty" in second.stderr


def test_a_signal_while_clients_wait_and_a_restart_on_the_same_port(tmp_path: Path) -> None:
    port = free_port()
    with serve_pages(tmp_path, port) as service, ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(connect(port)).sendall(b"GET /metrics HTTP/1.1\r\n")
        code, took_s = service.end(signal.SIGTERM)
        assert code == 0
        assert took_s < CONNECTION_S + DELAY_S
    with serve_pages(tmp_path, port):
        assert fetch(port, "/readyz") == (200, "ok\n")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6(tmp_path: Path) -> None:
    port = free_port()
    with serve_pages(tmp_path, port, "::1"), socket.create_connection(("::1", port), PATIENCE_S) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert rest(client).endswith(b"ok\n")


def test_a_page_that_fails_is_reported_and_the_next_is_answered() -> None:
    code = """
import http.client
from gfd.agent.pages import serve
from gfd.agent.status import Status

class Broken(Status):
    def check_health(self):
        raise RuntimeError("it broke")

reasons = []
port = serve(("127.0.0.1", 0), Broken(), reasons.append)
for path in ("/healthz", "/healthz", "/"):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", path)
    response = client.getresponse()
    print(response.status, "it broke" in response.read().decode())
print(reasons)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reason = "Exception while serving /healthz: RuntimeError('it broke')"
    assert done.stdout.splitlines() == ["500 False", "500 False", "200 False", str([reason, reason])]
    assert done.stderr == ""
