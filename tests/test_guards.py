"""Counts that must not rise unnoticed: NVML calls, API requests, processes, and slow imports of one-shot.

A change that raises or lowers a count changes :data:`RECORD` in the same commit. ``tox -e bench`` measures
times. tests/cluster/test_cost.py counts the requests of a day of watches to a real API server; here the API
server is a stand-in, because only the requests count.
"""

from __future__ import annotations

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
    # Third-party packages, and modules of the standard library that take long to import.
    "one-shot imports": {
        "packages": ["pynvml"],
        "slow": ["subprocess", "tempfile"],
    },
    # structlog also imports rich if it is installed, which only import-linter needs.
    "service imports": ["apscheduler", "pynvml", "structlog", "tzlocal"],
    "one-shot starts processes": 1,
    "a cycle starts processes": 1,
    # By machine. One-shot also initialises NVML and opens each GPU in a thread, while it imports modules.
    "NVML calls": {
        "no GPU": {"one-shot": 8, "cycle": 5},
        "h100": {"one-shot": 19, "cycle": 15},
        "dgx-h100": {"one-shot": 96, "cycle": 85},
        "a100, 7 MIG devices": {"one-shot": 102, "cycle": 98},
        "b200, 8 GPUs with 56 MIG devices": {"one-shot": 627, "cycle": 616},
    },
    # By sink: requests to publish labels for the first time, the same labels again, and changed labels.
    "API requests": {
        "node": {"first": ["GET", "PATCH"], "quiet": [], "changed": ["PATCH"]},
        "nodefeature": {"first": ["GET", "POST"], "quiet": [], "changed": ["PUT"]},
    },
}

SLOW = frozenset(
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
        "cel_expr_python",
        "jinja2",
        "kubernetes",
        "markupsafe",
        "msgspec",
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


class StandinApi:
    """An API server with one object; gfd manages all of its labels."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._version = 0
        self._object: dict[str, Any] = {}

    def request(self, method: str, path: str, body: Any = None, **_options: Any) -> dict[str, Any]:
        self.requests.append(method)
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
    """Start gfd on ``machine``. The file ``hook`` records imports and processes, ``calls`` the NVML calls."""
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
    return {"packages": sorted(PACKAGES & tops), "slow": sorted(SLOW & tops)}


def cycles(folder: Path) -> list[int]:
    """Return the number of NVML calls of each complete cycle."""
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
    assert [name for name in imports(folder)["packages"] if name != "rich"] == RECORD["service imports"]
    assert round(in_cycles / count) == RECORD["a cycle starts processes"]


@pytest.mark.parametrize("name", MACHINES)
def test_nvml_calls(folder: Path, name: str) -> None:
    label_once(folder, MACHINES[name])
    once = len((folder / "calls").read_text().splitlines())
    (folder / "calls").unlink()
    with serve(folder, MACHINES[name]):
        until(lambda: (folder / "calls").exists() and len(cycles(folder)) >= 3)
        counts = set(cycles(folder))
    assert counts == {RECORD["NVML calls"][name]["cycle"]}
    assert once == RECORD["NVML calls"][name]["one-shot"]


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_api_requests(sink: str) -> None:
    api: Any = StandinApi()
    known: dict[str, Any] = {"node_name": "n", "resync_s": 3600}
    made = (
        NodeSink(api, is_forcing=False, as_annotations=None, warn=print, **known)
        if sink == "node"
        else NodeFeatureSink(
            NodeFeatureClient(api, node_name="n", namespace="gfd", pod_name=None), resync_s=None, warn=print
        )
    )
    found = {}
    for step, count in (("first", "1"), ("quiet", "1"), ("changed", "2")):
        api.requests.clear()
        assert made.publish({"nvidia.com/gpu.count": count}) == (step != "quiet")
        found[step] = list(api.requests)
    assert found == RECORD["API requests"][sink]
