"""Another thread can end a watch, whatever it waits for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import Api
from gfd.kube.list_watch import ListWatch
from gfd.kube.paths import NODES
from tests.agent.running import wait
from tests.hostile.server import Hostile, Reply, hostile, reply, write_kubeconfig
from tests.hostile.test_watching import event, node


class Owner:
    """Runs a ListWatch in a thread and records what it receives."""

    def __init__(self, server: Hostile, folder: Path, **options: Any) -> None:
        self.api = Api(write_kubeconfig(folder / "config", server.url), qps=1000, burst=1000)
        self.events: list[tuple[str, str]] = []
        self.status: list[str] = []
        self.lists = 0
        self.errors: list[ApiError] = []
        self.watch = ListWatch(
            self.api,
            NODES,
            query={},
            list_all=self._list,
            on_event=lambda kind, found: self.events.append((kind, found["metadata"]["resourceVersion"])),
            on_status=self.status.append,
            **options,
        )
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.watch.close()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def _list(self) -> str:
        self.lists += 1
        return "1"

    def _run(self) -> None:
        try:
            self.watch.run()
        except ApiError as error:
            self.errors.append(error)


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Lets the server end its silent watches."""
    held = threading.Event()
    yield held
    held.set()


def test_it_is_closed_while_it_waits_for_an_event(tmp_path: Path, hold: threading.Event) -> None:
    def stream() -> Iterator[bytes]:
        yield event("ADDED", node(2))
        yield event("BOOKMARK", node(3))
        hold.wait(30)

    with hostile(lambda method, path: Reply(body=stream())) as server:
        owner = Owner(server, tmp_path)
        wait(lambda: owner.events, "the event")
        owner.close()
    assert (owner.lists, owner.events, owner.status, owner.errors) == (1, [("ADDED", "2")], [], [])


def test_it_is_closed_while_it_waits_to_try_again(tmp_path: Path) -> None:
    with hostile(
        lambda method, path: reply({"kind": "Status", "message": "busy"}, 429, Retry_After="300")
    ) as server:
        owner = Owner(server, tmp_path)
        wait(lambda: owner.status, "the failure")
        owner.close()
    assert owner.status == ["busy"]
    assert len(server.seen) == 1


def test_it_is_closed_before_it_runs(tmp_path: Path, hold: threading.Event) -> None:
    hold.set()
    with hostile(lambda method, path: reply(None)) as server:
        owner = Owner(server, tmp_path)
        owner.close()
        before = len(server.seen)
        owner.watch.run()
        assert len(server.seen) == before


def test_a_fatal_status_ends_it(tmp_path: Path) -> None:
    with hostile(lambda method, path: reply({"kind": "Status", "message": "no"}, 403)) as server:
        owner = Owner(server, tmp_path, fatal_statuses=frozenset({403}), version="1")
        owner.thread.join(10)
        assert not owner.thread.is_alive()
    assert [error.status for error in owner.errors] == [403]
    assert (owner.lists, owner.status) == (0, [])


def test_it_recovers_as_soon_as_the_server_accepts_the_watch(tmp_path: Path, hold: threading.Event) -> None:
    """On a screen, a problem that is over disappears at once."""
    answers = [reply({"kind": "Status", "message": "busy"}, 500)]

    def silence() -> Iterator[bytes]:
        hold.wait(30)
        yield b""

    with hostile(lambda method, path: answers.pop() if answers else Reply(body=silence())) as server:
        owner = Owner(server, tmp_path, recovers_on_open=True)
        wait(lambda: owner.status == ["busy", ""], "the recovery")
        owner.close()
