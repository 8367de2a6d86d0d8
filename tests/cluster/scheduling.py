"""What the comparisons of gfd match with a real kube-scheduler and API server share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gfd.errors import ApiError, GfdError
from gfd.kube.client import Api
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES
from tests.tools.match.reading import read_pods

MERGE = "application/merge-patch+json"
THREADS = 4
Object = dict[str, Any]


def pods_of(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def start_scheduler(plane: ControlPlane, extender: Object, **more: Any) -> None:
    """Start a scheduler that tells an extender about each pod; ``more`` are fields of its configuration."""
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": str(plane.kubeconfig), "qps": 1000, "burst": 1000},
        "leaderElection": {"leaderElect": False},
        "extenders": [{"filterVerb": "filter", "nodeCacheCapable": True, **extender}],
        **more,
    }
    (plane.home / "scheduler.json").write_text(json.dumps(config))
    plane.start_scheduler(f"--config={plane.home}/scheduler.json")


def create_node(api: Api, node: Object) -> None:
    name = node["metadata"]["name"]
    api.request("POST", NODES, {"metadata": node["metadata"]})
    # A new node gets a taint of the API server's, which what comes now replaces.
    api.request("PATCH", f"{NODES}/{name}", {"spec": node["spec"]}, content_type=MERGE)
    api.request("PATCH", f"{NODES}/{name}/status", {"status": node["status"]}, content_type=MERGE)


def create_pods(api: Api, pods: Iterable[Object]) -> None:
    def create(pod: Object) -> None:
        api.request("POST", pods_of(pod["metadata"].get("namespace", "default")), pod)

    create_all(create, pods)


def create_all(create: Callable[[Object], Any], items: Iterable[Object]) -> None:
    """Create several objects at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, items))


def is_refused(pod: Object) -> bool:
    """Return whether the scheduler has looked at a pod and found no node for it."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each.get("reason") == "Unschedulable" for each in conditions)


def is_looked_at(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName")) or is_refused(pod)


def wait_until_looked_at(api: Api, prefix: str, count: int) -> dict[str, Object]:
    """Return the pods once the scheduler has placed or refused each of them."""

    def look() -> dict[str, Object] | None:
        pods = {each["metadata"]["name"]: each for each in api.list(pods_of("default"))}
        own = {name: pod for name, pod in pods.items() if name.startswith(prefix)}
        done = [pod for pod in own.values() if is_looked_at(pod)]
        return own if len(done) == count else None

    found: dict[str, Object] = wait_for(look, f"the scheduler to look at {count} pods")
    return found


def match(plane: ControlPlane, file: Path, *flags: str) -> dict[str, Object]:
    """Return the results of gfd for the pods of a file, by name."""
    done = subprocess.run(
        (sys.executable, "-m", "gfd", "match", file, f"--kubeconfig={plane.kubeconfig}", "-o=json", *flags),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["pods"]}


def match_each(plane: ControlPlane, folder: Path, pods: Iterable[Object]) -> dict[str, Object]:
    """Return the results of gfd for each pod alone, by name."""
    file = folder / "pods.json"
    file.write_text("\n---\n".join(json.dumps(pod, indent=1) for pod in pods))
    return match(plane, file, "--each")


def fitting(answer: Object) -> frozenset[str]:
    return frozenset(each["name"] for each in answer["nodes"] if each["fits"])


def ask(api: Api, pod: Object, *refusals: int) -> str:
    """Return why the API server refuses a pod, with a status of ``refusals``; empty if it accepts the pod."""
    try:
        api.request("POST", pods_of("default"), pod, query={"dryRun": "All", "fieldValidation": "Strict"})
    except ApiError as error:
        if error.status in refusals:
            return str(error)
        raise
    return ""


def refuse(file: Path) -> str:
    """Return why gfd refuses a pod; empty if it accepts the pod."""
    try:
        read_pods([str(file)])
    except GfdError as error:
        return str(error)
    return ""
