"""``gfd nodes`` on a real API server: thousands of nodes, few rights, and all that breaks a watch."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import Api
from gfd.kube.list_watch import MIN_WATCH_S
from gfd.kube.selectors import parse
from tests.cluster.controlplane import ControlPlane, free_port, wait_for
from tests.cluster.objects import NODES, Object, delete, merge, namespace
from tests.cluster.proxy import Proxy, proxied
from tests.pseudoterminal import typed
from tests.tools import make

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"
MANY = 5000
MANY_S, MANY_MIB = 60.0, 200
"""Far more than it takes on a machine that has nothing else to do: 5 s and 115 MiB."""
PATIENCE_S = 60


def run(kubeconfig: Path, *words: str) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "gfd", "nodes", f"--kubeconfig={kubeconfig}", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 2)
    return done.returncode, done.stdout, done.stderr


def cells(text: str) -> list[list[str]]:
    """Return the rows of a table, split, without heading and foot."""
    return [line.split() for line in text.split("\n\n")[0].splitlines()[1:]]


def post(api: Api, item: Object) -> None:
    try:
        api.request("POST", NODES, item)
    except ApiError as error:
        if error.status != 409:
            raise


def make_pod(api: Api, name: str, node: str, gpus: int) -> None:
    pod = make.pod(name, node, {"gpu": gpus})
    pod["spec"]["tolerations"] = [{"operator": "Exists"}]
    api.request("POST", PODS, pod)


@pytest.fixture
def pair(plane: ControlPlane) -> Iterator[tuple[str, ...]]:
    """Two nodes with GPUs and pods on them; return the words that select them."""
    namespace(plane.admin, "default")
    for name, zone in (("pair-a", "a"), ("pair-b", "b")):
        post(plane.admin, make.node(name, make.gpu_labels() | {"zone": zone, "test": "pair"}, {"gpu": 8}))
        make_pod(plane.admin, f"pod-{name}", name, 3)
    yield ("-l", "test=pair")
    for name in ("pair-a", "pair-b", "pair-c"):
        delete(plane.admin, f"{NODES}/{name}")
        for pod in (f"pod-{name}", f"more-{name}"):
            delete(plane.admin, f"{PODS}/{pod}")


@pytest.fixture
def proxy(plane: ControlPlane, tmp_path: Path) -> Iterator[Proxy]:
    with proxied(plane) as started:
        yield started


def through(proxy: Proxy, tmp_path: Path) -> Path:
    token = tmp_path / "token"
    token.write_text("admin-token")
    return proxy.kubeconfig(tmp_path, token)


def test_what_there_is_and_what_is_free(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    code, out, err = run(plane.kubeconfig, *pair)
    assert (code, err) == (0, "")
    assert [row[:2] + row[-4:-2] for row in cells(out)] == [
        ["pair-a", "NVIDIA-A100-SXM4-40GB", "3/8", "5"],
        ["pair-b", "NVIDIA-A100-SXM4-40GB", "3/8", "5"],
    ]
    told = json.loads(run(plane.kubeconfig, "-l", "test=pair,zone in (b,c)", "-o=json")[1])
    assert [each["node"] for each in told["nodes"]] == ["pair-b"]
    assert told["nodes"][0]["free"] == {"nvidia.com/gpu": 5}
    assert told["nodes"][0]["writers"] == ["gfd"]
    assert run(plane.kubeconfig, "-l", "test=nobody") == (0, "0 nodes with GPUs\n", "")


def test_nodes_from_a_file_are_those_of_the_cluster(
    plane: ControlPlane, pair: tuple[str, ...], tmp_path: Path
) -> None:
    files = tmp_path / "nodes.json", tmp_path / "pods.yaml"
    files[0].write_text(plane.kubectl("get", "nodes", "--show-managed-fields", "-o", "json"))
    files[1].write_text(plane.kubectl("get", "pods", "-A", "-o", "yaml"))
    given = ("--nodes", str(files[0]), "--pods", str(files[1]))
    assert run(plane.kubeconfig, *given, *pair, "-o=csv") == run(plane.kubeconfig, *pair, "-o=csv")


@pytest.fixture
def without_rights(plane: ControlPlane) -> Iterator[Callable[..., Path]]:
    """Return how to get the kubeconfig of somebody who may list these resources only."""
    made = []

    def grant(*resources: str) -> Path:
        namespace(plane.admin, "default")
        name = f"reader-of-{'-'.join(resources) or 'nothing'}"
        account = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["list", "watch"]}]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        paths: tuple[tuple[str, Object], ...] = (
            ("/api/v1/namespaces/default/serviceaccounts", {}),
            (f"{rbac}/clusterroles", {"rules": rules if resources else []}),
            (f"{rbac}/clusterrolebindings", {"roleRef": role, "subjects": [account]}),
        )
        for path, more in paths:
            plane.admin.request("POST", path, {"metadata": {"name": name}, **more})
            made.append(f"{path}/{name}")
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
        token = plane.admin.request("POST", f"{paths[0][0]}/{name}/token", body)["status"]["token"]
        return plane.write_kubeconfig(name, token=token)

    yield grant
    for path in made:
        delete(plane.admin, path)


def test_without_rights(
    plane: ControlPlane, pair: tuple[str, ...], without_rights: Callable[..., Path], tmp_path: Path
) -> None:
    code, out, err = run(without_rights(), *pair)
    assert (code, out) == (1, "")
    assert err == (
        'gfd: nodes is forbidden: User "system:serviceaccount:default:reader-of-nothing" cannot list '
        'resource "nodes" in API group "" at the cluster scope; the verb list on nodes is needed; or let '
        "--nodes read what kubectl get nodes -o json printed for whoever has it\n"
    )
    kubeconfig = without_rights("nodes")
    unknown = (
        "gfd: warning: what is allocated and free is unknown: "
        "pods may not be listed; the verb list on pods is needed\n"
    )
    code, out, err = run(kubeconfig, *pair)
    assert (code, err) == (0, unknown)
    assert [row[-4:-2] for row in cells(out)] == [["?/8", "?"]] * 2
    (tmp_path / "pod.json").write_text(json.dumps(make.pod("p", "", {"gpu": 1})))
    command = (sys.executable, "-m", "gfd", "match", tmp_path / "pod.json", f"--kubeconfig={kubeconfig}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[0] == (
        "gfd: warning: without the right to list pods, all devices count as free"
    )
    with watching(tmp_path, kubeconfig, *pair) as seen:
        wait_for(lambda: len(seen.lines) == 3, "the rows")
        merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.count": "7"})
        wait_for(lambda: len(seen.lines) == 4, "the change")
    assert seen.errors == unknown
    assert seen.lines[3].split()[0:4] == ["MODIFIED", "pair-a", "NVIDIA-A100-SXM4-40GB", "7"]


def test_without_a_cluster(plane: ControlPlane, tmp_path: Path) -> None:
    content = json.loads(plane.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    for words in ((), ("--watch",)):
        code, out, err = run(path, *words)
        assert (code, out) == (1, "")
        assert err.startswith("gfd: the API server https://127.0.0.1:")
        assert err.count("\n") == 1
        assert "does not answer" in err


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


def test_a_bar_on_a_terminal(plane: ControlPlane, many: list[str]) -> None:
    with typed("nodes", f"--kubeconfig={plane.kubeconfig}", columns=80) as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    bars = [(int(done), int(total)) for done, total in re.findall(r"nodes \[[#-]+\] (\d+)/(\d+)", plain)]
    # The last page needs no bar any more.
    assert bars
    assert all(0 < done < total for done, total in bars)
    assert min(total for _, total in bars) >= MANY


def test_pages_that_the_server_has_forgotten(many: list[str], proxy: Proxy, tmp_path: Path) -> None:
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


def test_few_nodes_are_asked_for_their_pods(many: list[str], proxy: Proxy, tmp_path: Path) -> None:
    """Many pods elsewhere are not read; many nodes are not asked one by one."""
    kubeconfig = through(proxy, tmp_path)
    code, out, _ = run(kubeconfig, "-l", "number in (0010,0011)")
    assert code == 0
    assert [row[-4:-2] for row in cells(out)] == [["2/8", "6"], ["0/8", "8"]]
    asked = [path for _, _, path in proxy.seen if path.startswith("/api/v1/pods")]
    assert [("nodeName%3D" in path, "nodeName%21" in path) for path in asked] == [
        (False, False),
        (True, False),
        (True, False),
    ]
    proxy.seen.clear()
    assert run(kubeconfig, "-l", "test=many", "-o=csv")[0] == 0
    asked = [path for _, _, path in proxy.seen if path.startswith("/api/v1/pods")]
    # The pods that other tests left may fill another page.
    assert list(dict.fromkeys(("nodeName%3D" in path, "nodeName%21" in path) for path in asked)) == [
        (False, False),
        (False, True),
    ]


class Watching:
    """What a gfd that watches has written so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def lines(self) -> list[str]:
        """All lines of standard output that are whole."""
        return (self.folder / "out").read_text().split("\n")[:-1]

    @property
    def errors(self) -> str:
        return (self.folder / "err").read_text()


@contextmanager
def watching(folder: Path, kubeconfig: Path, *words: str) -> Iterator[Watching]:
    """Run gfd until it has been seen enough of; Ctrl-C must end it quietly."""
    command = (sys.executable, "-m", "gfd", "nodes", "--watch", f"--kubeconfig={kubeconfig}", *words)
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
    seen = Watching(folder)
    try:
        yield seen
        assert process.poll() is None, seen.errors
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def change_everything(plane: ControlPlane) -> None:
    """Let a node become another, one come, one go, and a pod go and come."""
    merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.product": "Tesla-T4"})
    labels = make.gpu_labels() | {"test": "pair"}
    post(plane.admin, make.node("pair-c", labels, {"gpu": 8}))
    delete(plane.admin, f"{PODS}/pod-pair-b")
    make_pod(plane.admin, "more-pair-b", "pair-b", 1)
    merge(plane.admin, f"{NODES}/pair-c", "gfd", labels={"nvidia.com/gpu.count": "8"})
    delete(plane.admin, f"{NODES}/pair-a")


def final(seen: Watching) -> dict[str, tuple[Any, ...]]:
    """Return what is known of each node in the end, of JSON lines."""
    found: dict[str, tuple[Any, ...]] = {}
    for line in list(seen.lines):
        told = json.loads(line)
        found[told["node"]] = told["product"], told["free"]["nvidia.com/gpu"]
        if told["event"] == "DELETED":
            del found[told["node"]]
    return found


A100 = "NVIDIA-A100-SXM4-40GB"
BEFORE = {"pair-a": (A100, 5), "pair-b": (A100, 5)}
AFTER = {"pair-b": (A100, 7), "pair-c": (A100, 8)}


def test_watching(plane: ControlPlane, pair: tuple[str, ...], tmp_path: Path) -> None:
    with watching(tmp_path, plane.kubeconfig, *pair, "-o=json") as seen:
        wait_for(lambda: final(seen) == BEFORE, "the first rows")
        merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.product": "Tesla-T4"})
        # Of a node that changes and goes before it is looked at, only the last is told.
        wait_for(lambda: final(seen)["pair-a"][0] == "Tesla-T4", "its change")
        change_everything(plane)
        wait_for(lambda: final(seen) == AFTER, "the last rows")
    events = [(told["event"], told["node"]) for told in map(json.loads, seen.lines)]
    assert events[:2] == [("ADDED", "pair-a"), ("ADDED", "pair-b")]
    assert [each for each in events if each[1] == "pair-a"] == [
        ("ADDED", "pair-a"),
        ("MODIFIED", "pair-a"),
        ("DELETED", "pair-a"),
    ]
    assert seen.errors == ""


def asked(proxy: Proxy, kind: str, word: str) -> list[str]:
    """Return the requests for a collection, not counting later pages."""
    paths = [path for _, _, path in proxy.seen if path.startswith(f"/api/v1/{kind}?")]
    return [path for path in paths if word in path and "continue=" not in path]


@pytest.mark.parametrize("fault", ["close", "gone", 500, 429])
@pytest.mark.parametrize("kind", ["nodes", "pods"])
def test_a_watch_that_breaks(
    plane: ControlPlane, pair: tuple[str, ...], proxy: Proxy, tmp_path: Path, kind: str, fault: Any
) -> None:
    """What was missed meanwhile is found; nothing else is asked again."""
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
        wait_for(lambda: len(asked(proxy, kind, "limit=500")) == lists, "the lists")
        wait_for(lambda: len(asked(proxy, kind, "watch=1")) == 3, "the watch that lasts")
    assert len(asked(proxy, kind, "limit=500")) == lists
    warning = f"gfd: warning: injected {fault}; trying again\n"
    assert seen.errors == (warning if isinstance(fault, int) else "")


def test_nothing_is_polled(pair: tuple[str, ...], proxy: Proxy, tmp_path: Path) -> None:
    with watching(tmp_path, through(proxy, tmp_path), *pair) as seen:
        wait_for(lambda: len([path for _, _, path in proxy.seen if "watch=1" in path]) == 2, "both watches")
        before = len(proxy.seen)
        time.sleep(5)
        assert len(proxy.seen) == before
    watched = [path for _, _, path in proxy.seen if "watch=1" in path]
    assert all(int(path.split("timeoutSeconds=")[1].split("&")[0]) >= MIN_WATCH_S for path in watched)
    assert seen.lines[0].startswith("EVENT")


def test_rights_that_are_taken_away(
    plane: ControlPlane, pair: tuple[str, ...], proxy: Proxy, tmp_path: Path
) -> None:
    proxy.fault = lambda method, path: 403 if "watch=1" in path else None
    code, out, err = run(through(proxy, tmp_path), *pair, "--watch")
    assert (code, err) == (1, "gfd: injected 403\n")
    assert out.startswith("EVENT")


def test_a_reader_that_has_seen_enough(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    """It ends though nothing happens that it would write."""
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


def test_watching_on_a_terminal(plane: ControlPlane, pair: tuple[str, ...]) -> None:
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


TEXTS = [
    *(
        "",
        " ",
        "a",
        "!a",
        "a=1",
        "a==1",
        "a!=1",
        "a in (1,2)",
        "a notin (1)",
        "a>0",
        "a<2",
        "a=,b",
        "a in ()",
    ),
    *("a,", ",a", "a b", "a in", "a in (", "a in (1", "a in (1 2)", "a in 1", "!a=1", "a>x", "a>-1", "a=1 2"),
    *("a/b/c", "A.b/c=1", "-a", "a=-1", "=a", "a=1=2", "(a)", "!", "!!a", "a<=1", "in in (in,notin)", "a=in"),
    *(
        "a>1,b<2",
        "a > 1",
        "a in (,1)",
        "a in (1,)",
        "a in (1,,2)",
        "a in(1)",
        "a=1,!b",
        "x" * 64,
        "a=" + "x" * 64,
    ),
]


def random_texts() -> list[str]:
    source = random.Random(6)
    parts = [
        "a",
        "b",
        "1",
        "02",
        "=",
        "==",
        "!=",
        "!",
        "in",
        "notin",
        "(",
        ")",
        ",",
        ">",
        "<",
        " ",
        "-",
        "a/b",
        "é",
    ]
    return ["".join(source.choices(parts, k=source.randint(1, 8))) for _ in range(500)]


def ask(api: Api, text: str) -> set[str] | None:
    """Return the names of the nodes that a selector matches; None if the server refuses it."""
    try:
        return {item["metadata"]["name"] for item in api.list(NODES, query={"labelSelector": text})}
    except ApiError:
        return None


def test_selectors_match_as_the_server_matches_them(plane: ControlPlane) -> None:
    """gfd refuses the selectors that the server refuses; the others match the same nodes."""
    labelled = {
        "sel-1": {"a": "1", "b": "x"},
        "sel-2": {"a": "02"},
        "sel-3": {"a": "", "in": "notin"},
        "sel-4": {"b": "1", "a": "b"},
    }
    for name, labels in labelled.items():
        post(plane.admin, {"metadata": {"name": name, "labels": labels | {"test": "sel"}}})
    refused = 0
    for text in [*TEXTS, *random_texts()]:
        try:
            selector = parse(text)
        except ValueError:
            selector = None
            refused += 1
        found = ask(plane.admin, text)
        assert (selector is None) is (found is None), text
        if selector is not None:
            taken = {name for name, labels in labelled.items() if selector.matches(labels)}
            assert (found or set()) & labelled.keys() == taken, text
    assert 100 < refused < 500
    for name in labelled:
        delete(plane.admin, f"{NODES}/{name}")
