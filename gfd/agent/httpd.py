"""A web server for a few small pages, which no client can keep busy.

One thread serves every connection and never blocks. A connection has one place of few, which it loses
to a newer one, and so long altogether: a client that trickles or idles harms only itself.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gfd.agent.http1 import MAX_HEAD, Request, parse, plain
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.agent.http1 import Response

MAX_CONNECTIONS = 16
CONNECTION_S = 5.0
"""How long a connection lives, however it behaves."""
BACKLOG = 512
"""Connections that the kernel holds until their turn comes."""

_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

_ADVICE = {
    errno.EADDRINUSE: ("the port is taken", "name another with --metrics-addr or leave it empty"),
    errno.EADDRNOTAVAIL: ("the address is not one of this machine's", "name one that is, or only the port"),
    errno.EACCES: ("the port may not be used", "name one above 1023"),
}


@dataclass(eq=False, slots=True)
class _Connection:
    socket: socket.socket
    deadline_s: float
    received: bytes = b""
    to_send: bytes | None = None
    """None until the request is whole; empty when the response has gone."""


class Server:
    """Answers until closed."""

    def __init__(self, listener: socket.socket, answer: Callable[[Request], Response]) -> None:
        """Take over ``listener``; ``answer`` is called in the server's thread and had better be quick."""
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._answer = answer
        self._connections: list[_Connection] = []  # the oldest first
        self._selector = selectors.DefaultSelector()
        self._wakened, self._waker = socket.socketpair()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="httpd", daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def close(self) -> None:
        """End every connection and let go of the port."""
        with suppress(OSError):
            self._waker.send(b"\0")
        self._thread.join()

    def _serve(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            for connection in self._connections[:]:
                self._drop(connection)
            self._selector.close()
            for one in (self._listener, self._wakened, self._waker):
                one.close()

    def _turn(self) -> bool:
        """Wait for something to do and do it; return False when told to close."""
        deadlines_s = [connection.deadline_s for connection in self._connections]
        wait_s = max(0.0, min(deadlines_s) - time.monotonic()) if deadlines_s else None
        events = self._selector.select(wait_s)
        for key, _ in events:
            if key.data:
                self._advance(key.data)
        files = {key.fileobj for key, _ in events}
        # After the connections: who has asked already is answered before a newcomer takes its place.
        if self._listener in files:
            self._accept()
        now_s = time.monotonic()
        for late in [connection for connection in self._connections if connection.deadline_s <= now_s]:
            self._drop(late)
        return self._wakened not in files

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            # No descriptors left, most likely; the listener stays readable, so this would spin.
            self._evict()
            time.sleep(0.05)
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            self._evict()
        accepted.setblocking(False)
        connection = _Connection(accepted, time.monotonic() + CONNECTION_S)
        self._connections.append(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)
        self._advance(connection)

    def _evict(self) -> None:
        for oldest in self._connections[:1]:
            self._drop(oldest)

    def _drop(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _advance(self, connection: _Connection) -> None:
        try:
            is_over = self._send(connection) if connection.to_send else self._receive(connection)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            self._drop(connection)

    def _receive(self, connection: _Connection) -> bool:
        """Read what there is, and respond where that makes a request; return True at the end of it."""
        data = connection.socket.recv(MAX_HEAD)
        if connection.to_send is not None or not data:
            # What follows a request is thrown away: to close on unread data is to reset the connection,
            # and the client could lose the response.
            return not data
        connection.received += data
        connection.to_send = self._respond(connection.received)
        return self._send(connection) if connection.to_send else False

    def _send(self, connection: _Connection) -> bool:
        assert connection.to_send
        # Before the attempt, which raises where it would block.
        self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)
        connection.to_send = connection.to_send[connection.socket.send(connection.to_send) :]
        if not connection.to_send:
            connection.socket.shutdown(socket.SHUT_WR)
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)
        return False

    def _respond(self, received: bytes) -> bytes | None:
        """Return the whole response, None while the request is not whole."""
        asked = parse(received)
        if not isinstance(asked, Request):
            return asked.to_bytes() if asked else None
        try:
            response = self._answer(asked)
        except Exception as error:  # a page that fails must not end the others
            response = plain(HTTPStatus.INTERNAL_SERVER_ERROR, f"gfd could not answer: {error!r}")
        return response.to_bytes(with_body=asked.method != "HEAD")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; an empty ``host`` is every address, of IPv6 too where there is.

    Raises ConfigError.
    """
    try:
        return _listen(host, port)
    except (OSError, UnicodeError) as error:
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ConfigError("--metrics-addr", shown, _reason(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    places: list[tuple[int, Any]]
    if host:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        places = [(family, address) for family, _, _, _, address in found]
    else:
        places = [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104
        if socket.has_dualstack_ipv6():
            places.insert(0, (socket.AF_INET6, ("::", port)))
    failure = OSError(errno.EADDRNOTAVAIL, "")
    for family, address in places:
        is_dual = not host and family == socket.AF_INET6
        try:
            return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=is_dual)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            failure = error
    raise failure


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is no host name; name one of this machine's addresses"
    if isinstance(error, socket.gaierror):
        return f"the host is unknown ({error.strerror}); name one of this machine's addresses"
    number = error.errno or 0
    otherwise = ("it cannot be used", "name another with --metrics-addr or leave it empty")
    what, advice = _ADVICE.get(number, otherwise)
    return f"{what} ({os.strerror(number)}); {advice}"
