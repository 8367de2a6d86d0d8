"""gfd match counts as many fitting copies as a real kube-scheduler places, and bounds what it may place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from gfd.kube.client import Api
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.objects import NODES
from tests.cluster.scheduling import MERGE, Object, is_looked_at, match, pods_of

pytestmark = pytest.mark.cluster

PODS = pods_of("default")
POOLS, NODES_PER_POOL, THREADS = 300, 3, 4
GPU, HOSTNAME = "nvidia.com/gpu", "kubernetes.io/hostname"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("copies")) as started:
        yield started
        started.check()


def make_pool(api: Api, random: Random, pool: int) -> None:
    """Create the nodes of a pool; each template selects one pool, so that all can be placed at once."""
    for number in range(NODES_PER_POOL):
        name = f"pool-{pool}-{number}"
        labels = {"pool": str(pool), "zone": random.choice("ab"), HOSTNAME: name}
        amounts = {
            GPU: str(random.choice((0, 1, 2, 4, 8))),
            "cpu": random.choice(("2", "3500m", "16")),
            "memory": random.choice(("4Gi", "64Gi")),
            "pods": random.choice(("2", "5", "110")),
        }
        api.request("POST", NODES, {"metadata": {"name": name, "labels": labels}})
        # A new node gets a taint of the API server.
        api.request("PATCH", f"{NODES}/{name}", {"spec": {"taints": None}}, content_type=MERGE)
        status = {"status": {"allocatable": amounts, "capacity": amounts}}
        api.request("PATCH", f"{NODES}/{name}/status", status, content_type=MERGE)


def make_template(random: Random, pool: int, name: str) -> Object:
    amounts = {GPU: random.choice((0, 1, 1, 2, 3, 4, 8)), "cpu": random.choice(("100m", "1", "1500m"))}
    if random.random() < 0.5:
        amounts["memory"] = random.choice(("1Gi", "3Gi", "20Gi"))
    container: Object = {
        "name": "main",
        "image": "none",
        "resources": {"limits": amounts, "requests": amounts},
    }
    spec: Object = {"containers": [container], "nodeSelector": {"pool": str(pool)}}
    kind = random.choice(("", "", "", "port", "apart", "near", "spread", "both"))
    # Half of the terms mean all templates of the pool.
    labels = {"app": name, "of": str(pool)}
    selector = {"matchLabels": dict([random.choice(tuple(labels.items()))])}
    key = random.choice((HOSTNAME, "zone"))
    if kind == "port":
        container["ports"] = [{"containerPort": 80, "hostPort": 80}]
    if kind in ("apart", "near"):
        name = "podAntiAffinity" if kind == "apart" else "podAffinity"
        terms = [{"labelSelector": selector, "topologyKey": key}]
        spec["affinity"] = {name: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    if kind in ("spread", "both"):
        rest = {
            "labelSelector": selector,
            "whenUnsatisfiable": "DoNotSchedule",
            "maxSkew": random.choice((1, 2)),
        }
        keys = (HOSTNAME, "zone") if kind == "both" else (key,)
        spec["topologySpreadConstraints"] = [{"topologyKey": each, **rest} for each in keys]
    return {"metadata": {"labels": labels}, "spec": spec}


def make_workload(template: Object, kind: str, copies: int) -> Object:
    name = template["metadata"]["labels"]["app"]
    if kind == "LeaderWorkerSet":
        version = "leaderworkerset.x-k8s.io/v1"
        spec: Object = {"replicas": 1, "leaderWorkerTemplate": {"size": copies, "workerTemplate": template}}
    else:
        version = "apps/v1"
        labels = {"matchLabels": template["metadata"]["labels"]}
        spec = {"replicas": copies, "selector": labels, "template": template}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def create_copies(api: Api, templates: list[tuple[Object, int]]) -> None:
    """Create the pods of a pool, one after the other; no controller runs that would do it."""
    for template, copies in templates:
        for number in range(copies):
            metadata = {"name": f"{template['metadata']['labels']['app']}-{number}", **template["metadata"]}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            api.request("POST", PODS, pod)


def count_placed(api: Api, expected: int) -> dict[str, int]:
    """Return how many pods of each template have a node, once the scheduler has looked at all of them."""

    def look() -> list[Object] | None:
        pods = list(api.list(PODS))
        return pods if sum(map(is_looked_at, pods)) == expected else None

    found: dict[str, int] = {}
    for pod in wait_for(look, f"the scheduler to look at {expected} pods", patience_s=240):
        app = pod["metadata"]["labels"]["app"]
        found[app] = found.get(app, 0) + bool(pod["spec"].get("nodeName"))
    return found


def test_as_many_copies_fit_as_are_placed(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, started_s = Random(7), time.monotonic()
    pools: list[list[tuple[Object, int]]] = []
    kinds: dict[str, str] = {}
    for pool in range(POOLS):
        number = 1 if pool % 3 else random.choice((2, 3))
        templates = []
        for index in range(number):
            name = f"t-{pool}-{index}"
            kinds[name] = random.choice(("Deployment", "Deployment", "LeaderWorkerSet"))
            templates.append((make_template(random, pool, name), random.choice((1, 2, 3, 5, 8))))
        pools.append(templates)
    seeds = [random.random() for _ in range(POOLS)]
    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(lambda pool: make_pool(plane.admin, Random(seeds[pool]), pool), range(POOLS)))
    file = tmp_path / "workloads.json"
    objects = [
        make_workload(template, kinds[template["metadata"]["labels"]["app"]], copies)
        for templates in pools
        for template, copies in templates
    ]
    file.write_text("\n---\n".join(map(json.dumps, objects)))
    answers = match(plane, file)
    plane.start_scheduler(f"--kubeconfig={plane.kubeconfig}", "--leader-elect=false")
    # What is there when the scheduler starts, it takes in any order.
    create_copies(plane.admin, [(make_template(random, POOLS, "first"), 1)])
    count_placed(plane.admin, 1)
    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(lambda templates: create_copies(plane.admin, templates), pools))
    placed = count_placed(plane.admin, 1 + sum(copies for templates in pools for _, copies in templates))
    assert placed.pop("first") == 0
    numbers = {name: (each["placed"], each["placed_at_most"]) for name, each in answers.items()}
    assert placed.keys() == numbers.keys()
    wrong = {
        name: (numbers[name], count)
        for name, count in placed.items()
        if not numbers[name][0] <= count <= numbers[name][1]
    }
    assert wrong == {}
    # What comes first in its pool has one outcome only, unless the first copies decide about the others.
    first = {
        name
        for name, answer in answers.items()
        if name.endswith("-0") and not any(text.startswith("copies: ") for text in answer["unjudged"])
    }
    assert len(first) > POOLS * 0.8
    assert {name: numbers[name] for name in first} == {name: (placed[name],) * 2 for name in first}
    for name, answer in answers.items():
        is_whole = placed[name] == answer["copies"]
        assert answer["verdict"] in (("fits", "may fit") if is_whole else ("no", "may fit")), name
        is_gang = kinds[name] == "LeaderWorkerSet" and answer["copies"] > 1
        assert bool(answer["gang"]) == is_gang
    exact = sum(low == high for low, high in numbers.values())
    partly = sum(0 < placed[name] < answer["copies"] for name, answer in answers.items())
    with capsys.disabled():
        print(
            f"\n{len(numbers)} templates, {sum(each['copies'] for each in answers.values())} copies:"
            f" {exact} numbers exact, {len(numbers) - exact} bounded; {partly} templates placed in part;"
            f" {time.monotonic() - started_s:.0f} s"
        )
    assert partly > POOLS / 5
    assert exact > POOLS * 0.8
