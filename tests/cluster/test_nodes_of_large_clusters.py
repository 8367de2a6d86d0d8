"""``gfd nodes`` on a cluster of 5,000 nodes."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gfd.kube.client import Api
from tests.cluster.controlplane import ControlPlane
from tests.cluster.nodes_command import (
    PODS,
    cells,
    make_pod,
    post,
    run,
    through,
)
from tests.cluster.objects import NODES, delete, namespace
from tests.cluster.proxy import Proxy
from tests.pseudoterminal import typed
from tests.tools import make

pytestmark = pytest.mark.cluster

MANY = 5000


def is_page(path: str, kind: str, number: int) -> bool:
    """Whether a request is for the first (0) page of a collection or for a later one (1)."""
    return (
        path.startswith(f"/api/v1/{kind}") and ("continue=" in path) is bool(number) and "watch" not in path
    )


@pytest.fixture(scope="module")
def many(plane: ControlPlane) -> Iterator[list[str]]:
    """5,000 nodes, as large as they are with all their labels, and a pod on each tenth."""
    namespace(plane.admin, "default")
    names = [f"many-{number:04}" for number in range(MANY)]
    labels = {f"feature.node.kubernetes.io/cpu-cpuid.FEATURE{number}": "true" for number in range(50)}

    def create(name: str) -> None:
        post(api.setdefault(threading.get_ident(), fast()), make.node(name, gpu_labels(name), {"gpu": 8}))

    def gpu_labels(name: str) -> dict[str, str]:
        return make.gpu_labels() | labels | {"test": "many", "number": name.removeprefix("many-")}

    def fast() -> Api:
        return Api(plane.kubeconfig, qps=10_000, burst=10_000)

    def remove(name: str) -> None:
        delete(api.setdefault(threading.get_ident(), fast()), f"{NODES}/{name}")

    api: dict[int, Api] = {}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, names))
        for name in names[::10]:
            make_pod(plane.admin, f"pod-{name}", name, 2)
        yield names
        list(pool.map(remove, names))
    for name in names[::10]:
        delete(plane.admin, f"{PODS}/pod-{name}")


def test_5000_nodes(plane: ControlPlane, many: list[str]) -> None:
    begun_s = time.monotonic()
    code, out, err = run(plane.kubeconfig, "-l", "test=many", "--sort=-allocated,-node")
    print(f"{MANY} nodes: {time.monotonic() - begun_s:.1f} s")
    assert (code, err) == (0, "")
    assert [row[0] for row in cells(out)][:2] == ["many-4990", "many-4980"]
    assert out.split("\n\n")[1].splitlines() == [
        "5000 nodes with GPUs, 40000 GPUs",
        "RESOURCE        ALLOCATABLE  ALLOCATED  FREE",
        "nvidia.com/gpu  40000        1000       39000",
    ]


def test_a_progress_bar(plane: ControlPlane, many: list[str]) -> None:
    with typed("nodes", f"--kubeconfig={plane.kubeconfig}", columns=80) as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    bars = [(int(done), int(total)) for done, total in re.findall(r"nodes \[[#-]+\] (\d+)/(\d+)", plain)]
    # The last page needs no bar any more.
    assert bars
    assert all(0 < done < total for done, total in bars)
    assert min(total for _, total in bars) >= MANY


def test_a_list_starts_again_if_its_pages_expire(many: list[str], proxy: Proxy, tmp_path: Path) -> None:
    kubeconfig = through(proxy, tmp_path)
    answers = [None, 410, None, 410]

    def fault(method: str, path: str) -> int | None:
        return answers.pop(0) if answers and is_page(path, "nodes", 1) else None

    proxy.fault = fault
    code, out, err = run(kubeconfig, "-l", "test=many", "-o=csv")
    assert (code, err, out.count("\n")) == (0, "", MANY + 1)
    assert len([path for _, _, path in proxy.seen if is_page(path, "nodes", 0)]) == 3
    proxy.fault = lambda method, path: 410 if is_page(path, "nodes", 1) else None
    assert run(kubeconfig, "-l", "test=many") == (1, "", "gfd: injected 410\n")


def test_the_pods_of_few_nodes_are_listed_node_by_node(many: list[str], proxy: Proxy, tmp_path: Path) -> None:
    """The pods of other nodes are not read. For many nodes, all pods are read at once."""
    kubeconfig = through(proxy, tmp_path)
    code, out, _ = run(kubeconfig, "-l", "number in (0010,0011)")
    assert code == 0
    assert [row[-4:-2] for row in cells(out)] == [["2/8", "6"], ["0/8", "8"]]
    requests = [path for _, _, path in proxy.seen if path.startswith("/api/v1/pods")]
    assert [("nodeName%3D" in path, "nodeName%21" in path) for path in requests] == [
        (False, False),
        (True, False),
        (True, False),
    ]
    proxy.seen.clear()
    assert run(kubeconfig, "-l", "test=many", "-o=csv")[0] == 0
    requests = [path for _, _, path in proxy.seen if path.startswith("/api/v1/pods")]
    # The pods that other tests left may fill another page.
    assert list(dict.fromkeys(("nodeName%3D" in path, "nodeName%21" in path) for path in requests)) == [
        (False, False),
        (False, True),
    ]
