"""gfd match agrees with a real kube-scheduler about other pods: which are in the way, which give way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gfd.errors import ApiError, GfdError
from gfd.kube.client import Api
from gfd.tools.match.workloads.reader import read_pods
from tests.cluster import random_neighbours
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.extender import Extender
from tests.cluster.objects import NODES
from tests.tools.match.podspec import pod_refusals
from tests.tools.match.podspec.refusals import make_pod

pytestmark = pytest.mark.cluster

NAMES = [f"gpu-{number}" for number in range(12)]
PODS_PLACED, PODS_ASKED, PODS_SPOILT = 45, 400, 500
MERGE = "application/merge-patch+json"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
THREADS = 4
Object = dict[str, Any]


def pods_of(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


@pytest.fixture(scope="module")
def extender() -> Iterator[Extender]:
    with Extender() as started:
        yield started


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, extender: Extender) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("neighbours")) as started:
        verbs = {"filterVerb": "filter", "preemptVerb": "preempt"}
        config = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {"kubeconfig": str(started.kubeconfig), "qps": 1000, "burst": 1000},
            "leaderElection": {"leaderElect": False},
            "extenders": [{"urlPrefix": extender.url, "nodeCacheCapable": True, **verbs}],
        }
        (started.home / "scheduler.json").write_text(json.dumps(config))
        make_cluster(started.admin, Random(11))
        started.start_scheduler(f"--config={started.home}/scheduler.json")
        yield started
        started.check()


def make_cluster(api: Api, random: Random) -> None:
    """Create namespaces, PriorityClasses, nodes, and pods on the nodes, some of which are being deleted."""
    for name, labels in random_neighbours.NAMESPACES.items():
        body = {"metadata": {"name": name, "labels": labels}}
        if name == "default":
            wait_for(lambda: has_namespace(api), "the namespace default")
        else:
            api.request("POST", "/api/v1/namespaces", body)
    for name, value in random_neighbours.CLASSES.items():
        policy = "Never" if name == "gentle" else "PreemptLowerPriority"
        api.request("POST", CLASSES, {"metadata": {"name": name}, "value": value, "preemptionPolicy": policy})
    for name in NAMES:
        node = random_neighbours.make_node(random, name)
        api.request("POST", NODES, {"metadata": node["metadata"]})
        # A new node gets a taint of the API server's, which what comes now replaces.
        api.request("PATCH", f"{NODES}/{name}", {"spec": node["spec"]}, content_type=MERGE)
        api.request("PATCH", f"{NODES}/{name}/status", {"status": node["status"]}, content_type=MERGE)
    used: set[tuple[str, int]] = set()
    for number, second in enumerate(random.sample(range(60), PODS_PLACED)):
        pod = random_neighbours.make_pod(random, f"runs-{number}", is_placed=True)
        path = pods_of(pod["metadata"]["namespace"])
        pod["spec"]["nodeName"] = random.choice(NAMES)
        random_neighbours.drop_used_ports(pod, used)
        api.request("POST", path, pod)
        # Of two equal pods, the scheduler spares the one that started earlier.
        started = f"2026-01-01T00:00:{second:02}Z"
        status = {"status": {"phase": "Running", "startTime": started}}
        api.request("PATCH", f"{path}/runs-{number}/status", status, content_type=MERGE)
        if number % 15 == 0:
            api.request("DELETE", f"{path}/runs-{number}", query={"gracePeriodSeconds": "3600"})


def has_namespace(api: Api) -> bool:
    return any(each["metadata"]["name"] == "default" for each in api.list("/api/v1/namespaces"))


def match(plane: ControlPlane, tmp_path: Path, pods: list[Object]) -> dict[str, Object]:
    """Return the results of gfd for the pods of a file, by name."""
    file = tmp_path / "pods.json"
    file.write_text("\n---\n".join(json.dumps(pod, indent=1) for pod in pods))
    done = subprocess.run(
        (
            *(sys.executable, "-m", "gfd", "match", file, f"--kubeconfig={plane.kubeconfig}", "--each"),
            *("-o", "json"),
        ),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["pods"]}


def is_looked_at(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each.get("reason") == "Unschedulable" for each in conditions)


def test_the_same_nodes_fit_and_the_same_pods_give_way(
    plane: ControlPlane, extender: Extender, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, started_s, api = Random(12), time.monotonic(), plane.admin
    pods = [random_neighbours.make_pod(random, f"asked-{number}") for number in range(PODS_ASKED)]
    answers = match(plane, tmp_path, pods)
    running = {each["metadata"]["uid"]: each["metadata"]["name"] for each in api.list("/api/v1/pods")}
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda pod: api.request("POST", pods_of(pod["metadata"]["namespace"]), pod), pods))

    def are_done() -> bool:
        time.sleep(1)
        return sum(is_looked_at(each) for each in api.list("/api/v1/pods")) == PODS_ASKED

    wait_for(are_done, f"the scheduler to look at {PODS_ASKED} pods", patience_s=300)
    # Whatever passes no filter is never told to an extender.
    told = {name: extender.passed.get(name, {frozenset[str]()}) for name in answers}
    own = {
        name: {frozenset(each["name"] for each in answer["nodes"] if each["verdict"] == "fits")}
        for name, answer in answers.items()
    }
    assert explain(pods, told, own) == {}
    given_way = {
        name: {
            node: frozenset(running[uid] for uid in uids)
            for node, uids in extender.evicted.get(name, {}).items()
        }
        for name in answers
    }
    own_victims = {
        name: {
            each["name"]: frozenset(victim["name"] for victim in each["preempts"])
            for each in answer["nodes"]
            if each["preempts"]
        }
        for name, answer in answers.items()
    }
    assert explain(pods, given_way, own_victims) == {}
    sizes = [len(next(iter(each))) for each in own.values()]
    with capsys.disabled():
        print(
            f"\n{len(pods)} pods x {len(NAMES)} nodes: {sum(sizes)} pairs fit,"
            f" {sum(map(len, own_victims.values()))} only by preemption, {sizes.count(0)} pods fit nowhere,"
            f" {sizes.count(len(NAMES))} everywhere; {time.monotonic() - started_s:.0f} s"
        )
    # A comparison of extremes would say little.
    assert sum(0 < size < len(NAMES) for size in sizes) > PODS_ASKED / 3
    assert sum(map(len, own_victims.values())) > PODS_ASKED / 2


def explain(pods: list[Object], theirs: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the pods about which the scheduler and gfd say different things, and what each says."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    return {
        json.dumps(by_name[name]): {"scheduler": theirs[name], "gfd": own[name]}
        for name in by_name
        if theirs[name] != own[name]
    }


def ask(api: Api, pod: Object) -> str:
    """Return why the API server refuses a pod; empty if it accepts the pod."""
    try:
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        api.request("POST", pods_of("default"), pod, query=query)
    except ApiError as error:
        # The admission plugin Priority forbids a priority that is not that of the PriorityClass.
        if error.status in (400, 403, 422):
            return str(error)
        raise
    return ""


@pytest.mark.parametrize("patch", pod_refusals.REFUSED)
def test_the_api_server_refuses_what_gfd_refuses(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, make_pod(patch)) != ""


@pytest.mark.parametrize("patch", pod_refusals.ACCEPTED)
def test_the_api_server_accepts_what_gfd_accepts(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, make_pod(patch)) == ""


def test_gfd_and_the_api_server_refuse_the_same_pods(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, file = Random(14), tmp_path / "pod.json"
    own: dict[str, str] = {}
    servers: dict[str, str] = {}
    for number in range(PODS_SPOILT):
        pod = random_neighbours.spoil(random, random_neighbours.make_pod(random, f"spoilt-{number}"))
        text = json.dumps(pod)
        file.write_text(text)
        servers[text] = ask(plane.admin, pod)
        own[text] = refuse(file)
    assert {
        text: (said, servers[text]) for text, said in own.items() if bool(said) != bool(servers[text])
    } == {}
    with capsys.disabled():
        print(f"\n{PODS_SPOILT} spoilt pods, {sum(map(bool, own.values()))} of them refused by both")


def refuse(file: Path) -> str:
    """Return why gfd refuses a pod; empty if it accepts the pod."""
    try:
        read_pods([str(file)])
    except GfdError as error:
        return str(error)
    return ""
