"""Random nodes and the pods on them, created on a control plane for comparisons of gfd match."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gfd.kube import paths
from gfd.kube.client import Api
from tests.cluster import random_neighbours, random_pods
from tests.cluster.controlplane import wait_for
from tests.cluster.random_resources import RUNTIME_CLASSES
from tests.cluster.scheduling import MERGE, Object, create_node, pods_of

PODS = pods_of("default")
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
PODS_PLACED = 45


def create_nodes(api: Api, random: Random, names: list[str]) -> None:
    """Create nodes, and pods that have devices, had some, or wait for some."""
    for runtime_class, members in RUNTIME_CLASSES.items():
        api.request(
            "POST", paths.RUNTIME_CLASSES, {"metadata": {"name": runtime_class}, "handler": "none", **members}
        )
    for name in names:
        create_node(api, random_pods.make_node(random, name))
    for number in range(24):
        pod = random_pods.make_pod(random, f"runs-{number}", names)
        pod["spec"] |= {"nodeName": random.choice(names), "affinity": None, "nodeSelector": None}
        api.request("POST", PODS, pod)
        if number % 4 == 0:
            phase = {"status": {"phase": random.choice(("Succeeded", "Failed"))}}
            api.request("PATCH", f"{PODS}/runs-{number}/status", phase, content_type=MERGE)


def create_neighbours(
    api: Api, random: Random, names: list[str], adapt: Callable[[Object], Object] = lambda pod: pod
) -> None:
    """Create namespaces, PriorityClasses, nodes, and pods on the nodes, some of which are being deleted.

    ``adapt`` may change a pod before it is created.
    """
    for name, labels in random_neighbours.NAMESPACES.items():
        body = {"metadata": {"name": name, "labels": labels}}
        if name == "default":
            wait_for(lambda: _has_namespace(api), "the namespace default")
        else:
            api.request("POST", "/api/v1/namespaces", body)
    for name, value in random_neighbours.CLASSES.items():
        policy = "Never" if name == "gentle" else "PreemptLowerPriority"
        api.request("POST", CLASSES, {"metadata": {"name": name}, "value": value, "preemptionPolicy": policy})
    for name in names:
        create_node(api, random_neighbours.make_node(random, name))
    used: set[tuple[str, int]] = set()
    for number, second in enumerate(random.sample(range(60), PODS_PLACED)):
        pod = adapt(random_neighbours.make_pod(random, f"runs-{number}", is_placed=True))
        path = pods_of(pod["metadata"]["namespace"])
        pod["spec"]["nodeName"] = random.choice(names)
        random_neighbours.drop_used_ports(pod, used)
        api.request("POST", path, pod)
        # Of two equal pods, the scheduler spares the one that started earlier.
        started = f"2026-01-01T00:00:{second:02}Z"
        status = {"status": {"phase": "Running", "startTime": started}}
        api.request("PATCH", f"{path}/runs-{number}/status", status, content_type=MERGE)
        if number % 15 == 0:
            api.request("DELETE", f"{path}/runs-{number}", query={"gracePeriodSeconds": "3600"})


def _has_namespace(api: Api) -> bool:
    return any(each["metadata"]["name"] == "default" for each in api.list("/api/v1/namespaces"))
