"""The socket of --metrics-addr, and what is said of an address that cannot be used."""

from __future__ import annotations

import re
import socket
from contextlib import closing

import pytest

from gfd.agent.listener import listen
from gfd.errors import ConfigError

PATIENCE_S = 15.0


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def accepts(listener: socket.socket, host: str) -> bool:
    with socket.create_connection((host, port_of(listener)), PATIENCE_S), closing(listener.accept()[0]):
        return True


def test_every_address() -> None:
    with listen("", 0) as listener:
        assert accepts(listener, "127.0.0.1")
        assert not socket.has_dualstack_ipv6() or accepts(listener, "::1")


def test_every_address_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with listen("", 0) as listener:
        assert accepts(listener, "127.0.0.1")


def test_a_name_with_an_address_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        listener = listen("localhost", 0)
    with listener:
        assert accepts(listener, "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("192.0.2.1", 8080, "--metrics-addr (192.0.2.1:8080): this machine does not have the address"),
        ("2001:db8::1", 8080, "--metrics-addr ([2001:db8::1]:8080): this machine does not have the address"),
        ("no.such.host.invalid", 8080, "--metrics-addr (no.such.host.invalid:8080): the host is unknown ("),
        ("x" * 64 + ".é", 8080, ": this is not a host name; choose an address of this machine"),
    ],
)
def test_addresses_that_cannot_be_used(host: str, port: int, expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        listen(host, port)


def test_a_port_in_use() -> None:
    with listen("127.0.0.1", 0) as listener:
        for host in ("127.0.0.1", ""):
            with pytest.raises(ConfigError) as raised:
                listen(host, port_of(listener))
            assert str(raised.value) == (
                f"--metrics-addr ({host}:{port_of(listener)}): the port is in use (Address already in use);"
                " choose another with --metrics-addr, or leave it empty"
            )


def test_a_port_that_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigError, match=r"more rights \(Permission denied\); choose one above 1023"):
        listen("", 80)
