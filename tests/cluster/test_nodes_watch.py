"""``gfd nodes --watch`` on a real API server: changes, and all that breaks a watch."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.list_watch import MIN_WATCH_S
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.nodes_command import (
    PATIENCE_S,
    PODS,
    Watching,
    make_pod,
    post,
    run,
    through,
    watching,
)
from tests.cluster.objects import NODES, delete, merge
from tests.cluster.proxy import Proxy
from tests.pseudoterminal import typed
from tests.tools import make

pytestmark = pytest.mark.cluster


def change_everything(plane: ControlPlane) -> None:
    """Change a node, add one, delete one, and replace a pod."""
    merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.product": "Tesla-T4"})
    labels = make.gpu_labels() | {"test": "pair"}
    post(plane.admin, make.node("pair-c", labels, {"gpu": 8}))
    delete(plane.admin, f"{PODS}/pod-pair-b")
    make_pod(plane.admin, "more-pair-b", "pair-b", 1)
    merge(plane.admin, f"{NODES}/pair-c", "gfd", labels={"nvidia.com/gpu.count": "8"})
    delete(plane.admin, f"{NODES}/pair-a")


def final(seen: Watching) -> dict[str, tuple[Any, ...]]:
    """Return product and free devices of each node after all events."""
    found: dict[str, tuple[Any, ...]] = {}
    for line in list(seen.lines):
        event = json.loads(line)
        found[event["node"]] = event["product"], event["free"]["nvidia.com/gpu"]
        if event["event"] == "DELETED":
            del found[event["node"]]
    return found


A100 = "NVIDIA-A100-SXM4-40GB"
BEFORE = {"pair-a": (A100, 5), "pair-b": (A100, 5)}
AFTER = {"pair-b": (A100, 7), "pair-c": (A100, 8)}


def test_events(plane: ControlPlane, pair: tuple[str, ...], tmp_path: Path) -> None:
    with watching(tmp_path, plane.kubeconfig, *pair, "-o=json") as seen:
        wait_for(lambda: final(seen) == BEFORE, "the first rows")
        merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.product": "Tesla-T4"})
        # A node that changes and is deleted before the next look has only one event.
        wait_for(lambda: final(seen)["pair-a"][0] == "Tesla-T4", "its change")
        change_everything(plane)
        wait_for(lambda: final(seen) == AFTER, "the last rows")
    events = [(event["event"], event["node"]) for event in map(json.loads, seen.lines)]
    assert events[:2] == [("ADDED", "pair-a"), ("ADDED", "pair-b")]
    assert [each for each in events if each[1] == "pair-a"] == [
        ("ADDED", "pair-a"),
        ("MODIFIED", "pair-a"),
        ("DELETED", "pair-a"),
    ]
    assert seen.errors == ""


def list_requests(proxy: Proxy, kind: str, word: str) -> list[str]:
    """Return the requests for a collection, not counting later pages."""
    paths = [path for _, _, path in proxy.seen if path.startswith(f"/api/v1/{kind}?")]
    return [path for path in paths if word in path and "continue=" not in path]


@pytest.mark.parametrize("fault", ["close", "gone", 500, 429])
@pytest.mark.parametrize("kind", ["nodes", "pods"])
def test_a_watch_that_breaks(
    plane: ControlPlane, pair: tuple[str, ...], proxy: Proxy, tmp_path: Path, kind: str, fault: Any
) -> None:
    """Changes in between are not lost, and only what expired is listed again."""
    broken = [fault, fault]

    def break_it(method: str, path: str) -> Any:
        is_meant = path.startswith(f"/api/v1/{kind}?") and "watch=1" in path
        return broken.pop() if broken and is_meant else None

    proxy.fault = break_it
    with watching(tmp_path, through(proxy, tmp_path), *pair, "-o=json") as seen:
        wait_for(lambda: final(seen) == BEFORE, "the first rows")
        change_everything(plane)
        wait_for(lambda: final(seen) == AFTER and not broken, "the last rows")
        # Only what the server has forgotten is listed again.
        lists = 3 if fault == "gone" else 1
        wait_for(lambda: len(list_requests(proxy, kind, "limit=500")) == lists, "the lists")
        wait_for(lambda: len(list_requests(proxy, kind, "watch=1")) == 3, "the watch that lasts")
    assert len(list_requests(proxy, kind, "limit=500")) == lists
    warning = f"gfd: warning: injected {fault}; trying again\n"
    assert seen.errors == (warning if isinstance(fault, int) else "")


def test_nothing_is_polled(pair: tuple[str, ...], proxy: Proxy, tmp_path: Path) -> None:
    with watching(tmp_path, through(proxy, tmp_path), *pair) as seen:
        wait_for(lambda: len([path for _, _, path in proxy.seen if "watch=1" in path]) == 4, "the watches")
        before = len(proxy.seen)
        time.sleep(5)
        assert len(proxy.seen) == before
    watched = [path for _, _, path in proxy.seen if "watch=1" in path]
    assert all(int(path.split("timeoutSeconds=")[1].split("&")[0]) >= MIN_WATCH_S for path in watched)
    assert seen.lines[0].startswith("EVENT")


def test_a_permission_that_is_withdrawn(
    plane: ControlPlane, pair: tuple[str, ...], proxy: Proxy, tmp_path: Path
) -> None:
    proxy.fault = lambda method, path: 403 if "watch=1" in path else None
    code, out, err = run(through(proxy, tmp_path), *pair, "--watch")
    assert (code, err) == (1, "gfd: injected 403\n")
    assert out.startswith("EVENT")


def test_a_reader_that_closes_the_pipe(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    """gfd ends although it has nothing to write."""
    words = f"nodes -w --kubeconfig={plane.kubeconfig} {pair[0]} {pair[1]}"
    command = f"{sys.executable} -m gfd {words} | head -n 2"
    done = subprocess.run(
        ("bash", "-o", "pipefail", "-c", command),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["EVENT", "NODE"], ["ADDED", "pair-a"]]
    assert done.stderr == ""


def test_a_terminal(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    words = ("nodes", "--watch", f"--kubeconfig={plane.kubeconfig}", *pair)
    with typed(*words, columns=60, lines=12, NO_COLOR="1") as terminal:
        while "nvidia.com/gpu" not in terminal.text:
            assert terminal.read()
        merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.product": "Tesla-T4"})
        while "Tesla-T4" not in terminal.text:
            assert terminal.read()
        os.killpg(terminal.process.pid, signal.SIGINT)
        terminal.read_all()
        assert terminal.process.returncode == 0
    # A bar may have come before.
    drawn = re.split(r"\x1b\[(\d+)A\x1b\[J", terminal.text[terminal.text.index("NODE") :])
    tables, heights = drawn[::2], drawn[1::2]
    for table in tables:
        assert [line.split()[0] for line in table.splitlines()[:3]] == ["NODE", "pair-a", "pair-b"]
        assert max(map(len, table.splitlines())) <= 60
    assert heights == [str(table.count("\n")) for table in tables[:-1]]
    assert "Tesla-T4" not in tables[0]
    assert "Tesla-T4" in tables[-1]
