"""systemd's notify protocol, with a socket in systemd's place."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gfd.agent.systemd import SEND_LIMIT_S, Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@gfd-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name[1:] if name.startswith("@") else name)
        receiver.settimeout(5)
        yield name, receiver


def test_what_is_sent(manager: tuple[str, socket.socket]) -> None:
    name, receiver = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("2 GPUs\nREADY=0")
    notifier.watchdog()
    before_usec = time.monotonic_ns() // 1000
    notifier.reloading()
    notifier.stopping()
    received = [receiver.recv(4096).decode() for _ in range(4)]
    reloading, _, usec = received[2].partition("\nMONOTONIC_USEC=")
    assert received[:2] == ["READY=1\nSTATUS=2 GPUs READY=0", "WATCHDOG=1"]
    assert reloading == "RELOADING=1"
    assert before_usec <= int(usec) <= time.monotonic_ns() // 1000
    assert received[3] == "STOPPING=1"


@pytest.mark.parametrize(
    "address", ["", "@", "/no/such/socket", "relative", "vsock:2:1", "@" + "x" * 200, "/with\0zero", "/"]
)
def test_nobody_listens(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready("fine")
    Notifier({}).stopping()


def test_a_manager_that_is_stuck_delays_little(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            with suppress(BlockingIOError):
                while sender.sendto(b"x", path):
                    pass
        started_s = time.monotonic()
        Notifier({"NOTIFY_SOCKET": path}).watchdog()
        assert time.monotonic() - started_s < SEND_LIMIT_S + 2


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_how_often_the_watchdog_waits(environ: dict[str, str], interval_s: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/n", **environ}).watchdog_interval_s == interval_s
    assert Notifier(environ).watchdog_interval_s is None
