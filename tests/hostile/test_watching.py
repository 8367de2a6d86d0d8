"""A watch that receives anything starts again, reports the problem, and notices later changes."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gfd.kube import list_watch, watch_status
from gfd.kube.backoff import Backoff
from gfd.kube.client import Api
from gfd.kube.object_watcher import ObjectWatcher
from tests.agent.running import free_port, serve, wait
from tests.hostile.json_values import KNOWN
from tests.hostile.server import Hostile, Reply, hostile, reply, write_kubeconfig

MIB = 1 << 20


def node(version: int, name: str = "n") -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": "u", "resourceVersion": str(version)}}


def event(kind: str, content: Any) -> bytes:
    return json.dumps({"type": kind, "object": content}).encode() + b"\n"


class Watched:
    """A server whose watches send the streams in :attr:`stream`, and after them one good event each."""

    def __init__(self, server: Hostile) -> None:
        self.server = server
        self.stream: list[Callable[[], Reply]] = []
        self.lists = 0
        self.hold = threading.Event()
        server.respond = self._respond

    def _respond(self, method: str, path: str) -> Reply:
        if "watch=1" not in path:
            self.lists += 1
            return reply({"metadata": {"resourceVersion": "5"}, "items": [node(5)]})
        if self.stream:
            return self.stream.pop(0)()
        return Reply(body=self._good())

    def _good(self) -> Iterator[bytes]:
        yield event("MODIFIED", node(9))
        self.hold.wait(20)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(list_watch, "Backoff", lambda *_: Backoff(0.001, 0.01))
    monkeypatch.setattr(list_watch, "BRIEF_S", 0.0)
    monkeypatch.setattr(list_watch, "MAX_GONE_DELAY_S", 0.0)
    with hostile(lambda method, path: reply(None)) as server:
        made = Watched(server)
        yield made
        made.hold.set()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The reports on watches."""
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(watch_status, "_listeners", [lambda *words: said.append(words)])
    return said


def follow(watched: Watched, folder: Path) -> tuple[ObjectWatcher, list[Any]]:
    seen: list[Any] = []
    api = Api(write_kubeconfig(folder / "config", watched.server.url), qps=1000, burst=1000)
    watcher = ObjectWatcher(api, "/api/v1/nodes", "n", seen.append)
    watcher.start("3")
    return watcher, seen


def until_seen(seen: list[Any], version: str) -> None:
    wait(lambda: [each for each in seen if each and each["resourceVersion"] == version], f"version {version}")


STATUS = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 1}}
BAD: dict[str, Any] = {
    "no type": b'{"object": {"metadata": {"resourceVersion": "4"}}}\n',
    "no object": b'{"type": "MODIFIED"}\n',
    "an object that is null": event("MODIFIED", None),
    "no metadata": event("MODIFIED", {}),
    "no version": event("MODIFIED", {"metadata": {"name": "n", "uid": "u"}}),
    "a version that is none": event("MODIFIED", {"metadata": {**node(4)["metadata"], "resourceVersion": ""}}),
    "a bookmark without a version": event("BOOKMARK", {"metadata": {}}),
    "another object": event("MODIFIED", node(4, "other")),
    "a type that is none": event("EXPLODED", node(4)),
    "a type that is a list": b'{"type": [], "object": null}\n',
    "a list": b"[]\n",
    "null": b"null\n",
    "an empty line": b"\n",
    "no JSON": b"<html>\n",
    "deep": b"[" * 100_000 + b"\n",
    "an error that is null": event("ERROR", None),
    "an error that is text": event("ERROR", "no"),
    "details that are a list": event("ERROR", {**STATUS, "details": []}),
    "a code that is text": event("ERROR", {**STATUS, "code": "x"}),
    "managed fields that are none": event(
        "MODIFIED", {"metadata": {**node(4)["metadata"], "managedFields": 1}}
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_malformed_events(watched: Watched, told: list[tuple[str, str]], tmp_path: Path, name: str) -> None:
    """The watch starts again, and the same problem is reported once."""
    watched.stream = [lambda: Reply(body=[BAD[name]])] * 3
    watcher, seen = follow(watched, tmp_path)
    until_seen(seen, "9")
    watcher.close()
    down, up = told
    assert down[0] == up[0] == "nodes/n"
    assert down[1].startswith("GET /api/v1/nodes: malformed response: ")
    assert up[1] == ""
    # Events of such a server may be lost, so the objects are listed again.
    assert watched.lists == 3


def test_error_event_with_a_long_retry_after(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gfd.kube.responses.MAX_RETRY_AFTER_S", 0.1)
    huge = {**STATUS, "details": {"retryAfterSeconds": 999_999_999_999}}
    watched.stream = [lambda: Reply(body=[event("ERROR", huge)]), lambda: reply({"kind": "Status"}, 503)]
    watcher, seen = follow(watched, tmp_path)
    until_seen(seen, "9")
    watcher.close()
    assert watched.lists == 0


def test_endless_event(watched: Watched, told: list[tuple[str, str]], tmp_path: Path) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield b" " * MIB

    watched.stream = [lambda: Reply(body=endless())]
    watcher, seen = follow(watched, tmp_path)
    until_seen(seen, "9")
    watcher.close()
    assert "it is larger than 32 MiB" in told[0][1]
    assert len(sent) < 48


def test_listener_that_fails(watched: Watched, told: list[tuple[str, str]], tmp_path: Path) -> None:
    """A bug in gfd does not end the thread; the object is listed again."""
    api = Api(write_kubeconfig(tmp_path / "config", watched.server.url), qps=1000, burst=1000)
    seen: list[Any] = []

    def fail_once(metadata: Any) -> None:
        seen.append(metadata)
        if len(seen) == 1:
            raise RuntimeError("a fault")

    watcher = ObjectWatcher(api, "/api/v1/nodes", "n", fail_once)
    watcher.start("3")
    wait(lambda: len(seen) >= 3, "the list and another event")
    watcher.close()
    assert [each["resourceVersion"] for each in seen[:3]] == ["9", "5", "9"]
    assert told[0] == ("nodes/n", "unexpected RuntimeError: a fault")


def test_closed_watch_does_not_count_as_failed(
    watched: Watched, told: list[tuple[str, str]], tmp_path: Path
) -> None:
    watched.stream = [lambda: Reply(body=[b"\n"])] * 10_000
    watcher, _ = follow(watched, tmp_path)
    wait(lambda: told, "the failure")
    watcher.close()
    wait(lambda: told[-1] == ("nodes/n", ""), "the end")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KNOWN | st.binary(max_size=20), min_size=1, max_size=4))
def test_watch_that_receives_random_events(watched: Watched, tmp_path: Path, contents: list[Any]) -> None:
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in contents]
    watched.stream = [lambda: Reply(body=[line + b"\n" for line in lines])]
    watcher, seen = follow(watched, tmp_path)
    until_seen(seen, "9")
    watcher.close()


@pytest.mark.whole
def test_service_reports_a_failed_watch(tmp_path: Path) -> None:
    """The service continues; it reports the watch once in the log, and in /readyz while it fails."""

    def respond(method: str, path: str) -> Reply:
        return Reply(body=[b'{"type": "MODIFIED"}\n']) if "watch=1" in path else reply(node(1))

    port = free_port()
    with hostile(respond) as server:
        kubeconfig = write_kubeconfig(tmp_path / "config", server.url)
        arguments = (
            "--sink=node",
            "--node-name=n",
            f"--kubeconfig={kubeconfig}",
            "--sleep-interval=infinite",
        )
        with serve(tmp_path, *arguments, f"--metrics-addr=127.0.0.1:{port}") as service:
            wait(lambda: sum("watch=1" in path for _, path, _ in server.seen) >= 3, "three watches")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                body = answer.read().decode()
            reason = (
                "GET /api/v1/nodes: malformed response: object is missing; "
                "is there a proxy between gfd and the API server?"
            )
            assert body.splitlines() == [
                "ok",
                f"the watch on nodes/n does not work, changes by others are seen late: {reason}",
            ]
            failed = service.log("watch.failed")
            assert [(each["watched"], each["reason"]) for each in failed] == [("nodes/n", reason)]
            assert service.end()[0] == 0
            assert "Traceback" not in (tmp_path / "log").read_text()
