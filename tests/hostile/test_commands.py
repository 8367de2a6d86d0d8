"""Commands against a server that answers anything: one line that says so, and exit code 1."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.clusterview.nodes import read_node
from gfd.errors import ApiError
from gfd.kube.client import Api
from gfd.kube.paths import NODES
from gfd.tools.nodes.collection import Collection
from tests.agent.running import wait
from tests.hostile.server import TOKEN, Hostile, Reply, hostile, reply, write_kubeconfig
from tests.hostile.test_watching import event, node

pytestmark = pytest.mark.whole

COMMANDS = (
    ("nodes",),
    ("select", "--memory=1Gi"),
    ("explain", "--node=n"),
    ("diff", "--simulate=h100", "--sink=node", "--node-name=n"),
    ("diff", "--simulate=h100", "--sink=nodefeature", "--node-name=n"),
    ("cleanup", "--sink=node", "--all-nodes"),
    ("cleanup", "--sink=nodefeature", "--node-name=n"),
    ("cleanup", "--from-original", "--node-name=n"),
)
ANSWERS: tuple[Reply, ...] = (
    reply(None),
    reply("text"),
    reply({"items": [None]}),
    reply({"metadata": None, "items": None}),
    reply({"metadata": {"resourceVersion": ""}, "items": []}),
    reply({"metadata": {"resourceVersion": "1"}, "items": [{"metadata": None}]}),
    Reply(body=b'{"a":' * 100_000),
    Reply(status=302, headers={"Location": "https://example.com"}),
    reply({"kind": "Status", "details": [], "message": f"Authorization: Bearer {TOKEN}"}, 403),
    reply(7, 429, Retry_After="999999999999"),
)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(lambda method, path: reply(None)) as started:
        yield started


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_malformed_responses_to_commands(
    server: Hostile, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    path = write_kubeconfig(tmp_path / "config", server.url)
    for answer in ANSWERS:
        server.respond = lambda method, path, answer=answer: answer  # type: ignore[misc]
        code = cli.run((*command, f"--kubeconfig={path}"), {})
        said = capsys.readouterr().err
        assert "unexpected" not in said
        assert TOKEN not in said
        # Whatever it is that was deleted, it was.
        if not (command[:2] == ("cleanup", "--sink=nodefeature") and code == 0):
            assert (code, said.count("\n")) == (1, 1)
            assert said.startswith("gfd: ")


def test_malformed_nodes_in_a_watch(server: Hostile, tmp_path: Path) -> None:
    """They are reported, and the nodes are listed again."""
    streams = [[event("MODIFIED", {**node(2), "spec": "none"})], [event("EXPLODED", None)]]
    hold = threading.Event()

    def good() -> Iterator[bytes]:
        yield event("ADDED", node(7, "m"))
        hold.wait(20)

    def respond(method: str, path: str) -> Reply:
        if "watch=1" not in path:
            return reply({"metadata": {"resourceVersion": "1"}, "items": [node(1)]})
        if hold.is_set():
            return Reply(status=403)
        return Reply(body=streams.pop(0) if streams else good())

    server.respond = respond
    api = Api(write_kubeconfig(tmp_path / "config", server.url), qps=1000, burst=1000)
    nodes = Collection(api, NODES, lambda item: (item["metadata"]["name"], read_node(item)), what="nodes")
    assert list(nodes.read()) == ["n"]
    replaced: list[Any] = []
    changed: list[Any] = []
    told: list[str] = []

    watch = nodes.watch(replaced.append, lambda key, value: changed.append(key), told.append)

    def run_until_refused() -> None:
        with pytest.raises(ApiError):
            watch.run()

    run = threading.Thread(target=run_until_refused, daemon=True)
    run.start()
    wait(lambda: changed, "a good event")
    hold.set()
    # A thread that goes on would ask, and draw random numbers, during the tests that come after.
    run.join(30)
    assert not run.is_alive()
    assert changed[0] == "m"
    assert len(replaced) == 2
    reasons = [each for each in told if each]
    assert reasons[0].startswith("node n has a field spec that is not a mapping")
    assert reasons[1].startswith("GET /api/v1/nodes: malformed response: type is not")


def test_one_shot(server: Hostile, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", server.url)
    command = ("--oneshot", "--simulate=h100", "--sink=node,stdout", "--node-name=n", f"--kubeconfig={path}")
    run = subprocess.run((sys.executable, "-m", "gfd", *command), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "\nnvidia.com/gpu.count=1\n" in run.stdout
    reason = "malformed response: it is not an object; is there a proxy between gfd and the API server?"
    assert run.stderr == f"gfd: sink node: nodes/n: GET /api/v1/nodes/n: {reason}\n"
