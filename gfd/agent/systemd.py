"""Speak systemd's notify protocol. It is simple, and its libraries are unmaintained or need libsystemd.

Without NOTIFY_SOCKET, send nothing. If a message cannot be sent, it is lost and the service goes on.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SEND_LIMIT_S = 0.5
"""How long a send may wait if systemd's queue is full."""


class Notifier:
    """Notifies systemd of the state of the service."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # An address in the abstract namespace begins with a zero byte.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_interval_s = _watchdog_interval_s(environ) if self._address else None
        """The time between two calls of :meth:`watchdog`: half of the limit; None without a watchdog."""

    def ready(self, status: str) -> None:
        """Notify systemd that the service has started, or has loaded its configuration again."""
        self._send("READY=1", f"STATUS={_one_line(status)}")

    def reloading(self) -> None:
        """Notify systemd that the configuration is being loaded again; call :meth:`ready` afterwards."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def watchdog(self) -> None:
        """Notify systemd that the service is alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Notify systemd that the service ends."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # ValueError: NOTIFY_SOCKET is not the address of a socket.
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SEND_LIMIT_S)
            sender.sendto("\n".join(lines).encode(errors="replace"), self._address)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Return half of the watchdog's limit for this process; None if it has no watchdog."""
    usec = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 2e6 if usec.isascii() and usec.isdigit() and int(usec) > 0 else None
