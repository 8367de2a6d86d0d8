"""The socket of ``--metrics-addr``, or why it cannot be opened."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from gfd.errors import ConfigError

BACKLOG = 512
"""The maximum number of connections that wait in the kernel to be accepted."""

_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

_NEXT_STEP = "choose another with --metrics-addr, or leave it empty"
_REASONS = {
    errno.EADDRINUSE: ("the port is in use", _NEXT_STEP),
    errno.EADDRNOTAVAIL: ("this machine does not have the address", "choose one that it has, or only a port"),
    errno.EACCES: ("the port needs more rights", "choose one above 1023"),
}


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; an empty ``host`` means all addresses, including IPv6 if available.

    Raises ConfigError.
    """
    try:
        return _listen(host, port)
    except (OSError, UnicodeError) as error:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ConfigError("--metrics-addr", address, _explain(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    addresses: list[tuple[int, Any]]
    if host:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = [(family, address) for family, _, _, _, address in found]
    else:
        addresses = [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104
        if socket.has_dualstack_ipv6():
            addresses.insert(0, (socket.AF_INET6, ("::", port)))
    failure = OSError(errno.EADDRNOTAVAIL, "")
    for family, address in addresses:
        is_dual = not host and family == socket.AF_INET6
        try:
            return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=is_dual)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            failure = error
    raise failure


def _explain(error: OSError | UnicodeError) -> str:
    """Return why gfd cannot listen at the address, and the next step."""
    if isinstance(error, UnicodeError):
        return "this is not a host name; choose an address of this machine"
    if isinstance(error, socket.gaierror):
        return f"the host is unknown ({error.strerror}); choose an address of this machine"
    number = error.errno or 0
    reason, next_step = _REASONS.get(number, ("the address cannot be used", _NEXT_STEP))
    return f"{reason} ({os.strerror(number)}); {next_step}"
