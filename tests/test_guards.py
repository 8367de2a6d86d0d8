"""Counts that must not rise unseen: what gfd imports, starts, asks of NVML and of the kernel.

:data:`RECORD` is what they are. A change that moves one, up or down, moves the record in the same commit.
Times are measured by ``tox -e bench``. What a day of watches asks of a real API server is counted in
tests/cluster/test_cost.py; here the server is played, since the requests count and not the answers.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.simulation import machines
from tests.standin import Standin, build, environment, from_inventory
from tests.worker.test_child_process import wait_until

RECORD: dict[str, Any] = {
    # Packages of others, and those of the standard library that are dear.
    "one-shot imports": {
        "packages": ["pynvml"],
        "dear": ["subprocess", "tempfile"],
    },
    "service imports": {
        "packages": ["apscheduler", "pynvml", "rich", "structlog", "tzlocal"],
    },
    "one-shot starts processes": 1,
    "a quiet cycle starts processes": 0,
    # One-shot initialises NVML and opens each GPU ahead as well, beside its imports.
    # Machine -> calls of one-shot, of the service's first cycle, and of each later one.
    "NVML calls": {
        "no GPU": {"one-shot": 8, "first": 5, "later": 5},
        "h100": {"one-shot": 19, "first": 15, "later": 10},
        "dgx-h100": {"one-shot": 96, "first": 85, "later": 45},
        "a100, 7 MIG devices": {"one-shot": 102, "first": 98, "later": 32},
        "b200, 8 GPUs with 56 MIG devices": {"one-shot": 627, "first": 616, "later": 221},
    },
    # Sink -> requests of its first publishing, of one that changes nothing, and of one that does.
    "API requests": {
        "node": {"first": ["GET", "PATCH"], "quiet": [], "changed": ["PATCH"]},
        "nodefeature": {"first": ["GET", "POST"], "quiet": [], "changed": ["PUT"]},
    },
    # System calls that read and write files and pipes, and the bytes; the feature file is not touched.
    "a quiet cycle": {"reads": 13, "writes": 4, "bytes written": 76},
}

DEAR = frozenset(
    [
        "asyncio",
        "concurrent",
        "dataclasses",
        "email",
        "html",
        "http",
        "inspect",
        "logging",
        "multiprocessing",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "unittest",
        "uuid",
        "xml",
    ]
)
PACKAGES = frozenset(
    [
        "apscheduler",
        "jinja2",
        "kubernetes",
        "markupsafe",
        "prometheus_client",
        "pynvml",
        "rich",
        "shtab",
        "structlog",
        "tzlocal",
        "urllib3",
        "waitress",
        "yaml",
    ]
)
MACHINES = {
    "no GPU": Standin(),
    "h100": from_inventory(machines.read("h100")),
    "dgx-h100": from_inventory(machines.read("dgx-h100")),
    "a100, 7 MIG devices": from_inventory(machines.read("mig-doc", "all-1g.5gb")),
    "b200, 8 GPUs with 56 MIG devices": from_inventory(machines.read("b200", "all-1g.23gb")),
}
OPTIONS = ("--mig-strategy=mixed", "--no-timestamp", "--output-file=labels", "--machine-type-file=")
QUIET = """
import json, os, sys
from gfd.config.load import load
from gfd.worker.fork_server import ForkServer
from gfd.worker.request import build_request
from gfd.probe import sysfs
from gfd.worker.result import CycleResult
from gfd.publishing.sinks import SINKS

def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]

def used():
    totals = [0, 0, 0]
    (server,) = children(os.getpid())
    for pid in (os.getpid(), server, *children(server)):
        with open(f"/proc/{pid}/io") as file:
            facts = dict(line.split(": ") for line in file)
        for place, name in enumerate(("syscr", "syscw", "wchar")):
            totals[place] += int(facts[name])
    return totals

values = {"mig_strategy": "mixed", "no_timestamp": "true", "output_file": "labels", "machine_type_file": ""}
config = load(values, {}).config
order, sink, server = build_request(config), SINKS["file"](config, print), ForkServer()

def cycle():
    sink.publish(CycleResult(**server.ask(order)).labels)

for _ in range(3):
    cycle()
sysfs.read_vgpu()  # it remembers vendors
marks = [used()]
sysfs.read_vgpu()  # as many system calls as this machine has PCI devices
marks.append(used())
cycle()
marks.append(used())
print(json.dumps([cycle - own for own, cycle in ((b - a, c - b) for a, b, c in zip(*marks))]))
server.close()
"""


class PlayedApi:
    """An API server with one object, of which gfd holds all labels."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._version = 0
        self._object: dict[str, Any] = {}

    def request(self, method: str, path: str, body: Any = None, **_options: Any) -> dict[str, Any]:
        self.asked.append(method)
        if method == "GET" and not self._object and "nodefeatures" in path:
            raise ApiError("not found", kind="NotFound", status=404)
        self._version += method != "GET"
        given = body or self._object
        metadata = {"uid": "u", **given.get("metadata", {}), "resourceVersion": str(self._version)}
        fields: dict[str, dict[str, str]] = {f"f:{key}": {} for key in metadata.get("labels", ())}
        entry = {"manager": "gfd", "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": fields}}}
        self._object = {**given, "metadata": {**metadata, "managedFields": [entry]}}
        return self._object


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "lib")
    return tmp_path


def start(folder: Path, machine: Standin, *arguments: str) -> subprocess.Popen[str]:
    """Start gfd on ``machine``; ``hook`` tells what it imports and starts, ``calls`` what it asks of NVML."""
    described = environment(folder / "lib", machine.write(folder / "machine"), folder / "calls")
    own = {"GFD_HOOK_LOG": str(folder / "hook"), "PYTHONPATH": str(Path(__file__).parent / "hook")}
    return subprocess.Popen(
        [sys.executable, "-m", "gfd", *OPTIONS, *arguments],
        env={**described, **own},
        cwd=folder,
        text=True,
        stderr=subprocess.PIPE,
    )


def label_once(folder: Path, machine: Standin) -> None:
    process = start(folder, machine, "--oneshot", "--fail-on-init-error=false")
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")


@contextmanager
def serve(folder: Path, machine: Standin) -> Iterator[None]:
    process = start(folder, machine, "--sleep-interval=100ms", "--proc-driver-dir=", "--log-level=error")
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")


def hook(folder: Path, kind: str) -> list[str]:
    lines = (folder / "hook").read_text().splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{kind} ")]


def imports(folder: Path) -> dict[str, Any]:
    modules = set(hook(folder, "import"))
    tops = {module.partition(".")[0] for module in modules}
    return {"packages": sorted(PACKAGES & tops), "dear": sorted(DEAR & tops)}


def cycles(folder: Path) -> list[int]:
    """How many NVML calls each complete cycle made."""
    _, *rounds = (folder / "calls").read_text().split("nvmlInit")
    return [text.count("\n") for text in rounds[:-1]]


def until(condition: Callable[[], bool]) -> None:
    assert wait_until(condition, 30)


def test_one_shot_imports_and_starts(folder: Path) -> None:
    label_once(folder, MACHINES["h100"])
    assert imports(folder) == RECORD["one-shot imports"]
    assert len(hook(folder, "process")) == RECORD["one-shot starts processes"]


def test_service_imports_and_starts(folder: Path) -> None:
    with serve(folder, MACHINES["h100"]):
        until(lambda: (folder / "calls").exists() and len(cycles(folder)) >= 2)
        before = len(hook(folder, "process"))
        done = len(cycles(folder))
        until(lambda: len(cycles(folder)) >= done + 5)
        in_cycles = len(hook(folder, "process")) - before
        count = len(cycles(folder)) - done
    assert imports(folder)["packages"] == RECORD["service imports"]["packages"]
    assert round(in_cycles / count) == RECORD["a quiet cycle starts processes"]


@pytest.mark.parametrize("name", MACHINES)
def test_nvml_calls(folder: Path, name: str) -> None:
    label_once(folder, MACHINES[name])
    once = len((folder / "calls").read_text().splitlines())
    (folder / "calls").unlink()
    with serve(folder, MACHINES[name]):
        until(lambda: (folder / "calls").exists() and len(cycles(folder)) >= 4)
        found = cycles(folder)
    assert {"one-shot": once, "first": found[0], "later": found[3]} == RECORD["NVML calls"][name]


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_api_requests(sink: str) -> None:
    api: Any = PlayedApi()
    known: dict[str, Any] = {"node_name": "n", "resync_s": 3600}
    made = (
        NodeSink(api, is_forcing=False, as_annotations=None, warn=print, **known)
        if sink == "node"
        else NodeFeatureSink(
            NodeFeatureClient(api, node_name="n", namespace="gfd", pod_name=None), resync_s=None
        )
    )
    found = {}
    for step, count in (("first", "1"), ("quiet", "1"), ("changed", "2")):
        api.asked.clear()
        assert made.publish({"nvidia.com/gpu.count": count}) == (step != "quiet")
        found[step] = list(api.asked)
    assert found == RECORD["API requests"][sink]


def test_a_quiet_cycle(folder: Path) -> None:
    described = environment(folder / "lib", MACHINES["b200, 8 GPUs with 56 MIG devices"].write(folder / "m"))
    run = subprocess.run(
        [sys.executable, "-c", QUIET], env=described, cwd=folder, capture_output=True, text=True, check=True
    )
    reads, writes, size = json.loads(run.stdout)
    assert {"reads": reads, "writes": writes, "bytes written": size} == RECORD["a quiet cycle"]
