"""Check the agents of a DaemonSet and the labels of all nodes, from anywhere with access to the cluster."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, GfdError
from gfd.kube.api_errors import add_advice
from gfd.kube.objects import AGENT_POD, DAEMON_SET
from gfd.kube.paths import daemon_set_path, pods_path
from gfd.tools.doctor.result import Check, fail, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.kube.client import Api
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_DAEMON_SET = re.compile(
    r"(?P<namespace>[a-z0-9]([-a-z0-9]*[a-z0-9])?)/(?P<name>[a-z0-9]([-.a-z0-9]*[a-z0-9])?)"
)
SHOWN = 5
"""How many nodes a result names."""


def parse_daemonset(text: str) -> tuple[str, str]:
    """Return the namespace and the name in ``NAMESPACE/NAME``. Raises ValueError."""
    found = _DAEMON_SET.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not NAMESPACE/NAME, such as gfd/gfd")
    return found["namespace"], found["name"]


def make_checks(namespace: str, name: str) -> tuple[Check, ...]:
    """Return the checks of a DaemonSet of gfd. Without access to the cluster, they fail."""
    return (
        Check(name="agents", run=partial(_check_agents, namespace=namespace, name=name)),
        Check(name="GPU labels", run=partial(_check_labels, namespace=namespace, name=name)),
    )


def _check_agents(context: Context, *, namespace: str, name: str) -> CheckResult:
    api = context.require_cluster().api
    try:
        found = api.request("GET", daemon_set_path(namespace, name), schema=DAEMON_SET)
    except ApiError as error:
        if error.status == 404:
            step = "list those of gfd: kubectl get daemonsets -A -l app.kubernetes.io/name=gfd"
            return fail(f"there is no DaemonSet {namespace}/{name}", step)
        raise add_advice(error, "get", f"daemonsets in namespace {namespace}") from error
    status = found.get("status") or {}
    desired, ready = status.get("desiredNumberScheduled") or 0, status.get("numberReady") or 0
    if (status.get("observedGeneration") or 0) < (found["metadata"].get("generation") or 0):
        return fail(
            "the last change of the DaemonSet is not in its status yet",
            f"wait: kubectl -n {namespace} rollout status daemonset/{name}",
        )
    if not desired:
        return fail(
            "the DaemonSet chooses no node",
            "compare its nodeSelector and affinity with kubectl get nodes --show-labels",
        )
    seen = f"{ready} of {desired} ready"
    if ready < desired:
        return _explain_missing(api, namespace, found, seen)
    outdated = desired - (status.get("updatedNumberScheduled") or 0)
    if outdated > 0:
        step = f"wait: kubectl -n {namespace} rollout status daemonset/{name}"
        return warn(f"{seen}, {outdated} with an old configuration", step)
    return ok(seen)


def _explain_missing(api: Api, namespace: str, daemon_set: Mapping[str, Any], seen: str) -> CheckResult:
    """Return why pods of the DaemonSet are not ready."""
    selector = ",".join(
        f"{key}={value}" for key, value in daemon_set["spec"]["selector"]["matchLabels"].items()
    )
    try:
        pods = api.list(pods_path(namespace), query={"labelSelector": selector}, item=AGENT_POD)
    except ApiError as error:
        raise add_advice(error, "list", f"pods in namespace {namespace}") from error
    problems = [(pod, problem) for pod in pods if (problem := _find_problem(pod))]
    if not problems:
        name = daemon_set["metadata"]["name"]
        return fail(
            f"{seen}; the others have no pod",
            f"see its events: kubectl -n {namespace} describe daemonset {name}",
        )
    lines = (f"{pod['spec'].get('nodeName') or pod['metadata']['name']}: {each}" for pod, each in problems)
    pod, problem = problems[0]
    name = pod["metadata"]["name"]
    command = f"exec {name} -- gfd doctor" if problem == _NOT_READY else f"describe pod {name}"
    return fail(f"{seen}; {join(lines)}", f"kubectl -n {namespace} {command}")


_NOT_READY = "runs, but is not ready"


def _find_problem(pod: Mapping[str, Any]) -> str:
    """Return why a pod is not ready; empty if it is ready."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason") or "waiting")
    if containers and all(container.get("ready") for container in containers):
        return ""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("reason") or "not scheduled")
    return _NOT_READY if status.get("phase") == "Running" else str(status.get("phase") or "Pending")


def _check_labels(context: Context, *, namespace: str, name: str) -> CheckResult:
    from gfd.clusterview.cluster import read_nodes
    from gfd.clusterview.gpus import describe, has_gpus

    if isinstance(context.cluster, GfdError):
        return skip("not checked without a cluster")
    rows = [describe(node) for node in read_nodes(context.cluster.api, has_slices=True) if has_gpus(node)]
    labelled = [row for row in rows if row.product]
    step = f"see what the agents found: kubectl -n {namespace} logs daemonset/{name}"
    if not labelled:
        return fail("no node has gfd's labels", step)
    unlabelled = [row for row in rows if not row.product and any(row.allocatable.values())]
    if unlabelled:
        return fail(join(f"{row.node}: {'; '.join(row.stale)}" for row in unlabelled), step)
    stale = [row for row in labelled if row.stale]
    if stale:
        problems = join(f"{row.node}: {'; '.join(row.stale)}" for row in stale)
        return warn(problems, "see the columns STALE and AGE: gfd nodes -o wide")
    gpus = sum(row.gpus or 0 for row in labelled)
    return ok(f"{pluralize(len(labelled), 'node')} with labels, {pluralize(gpus, 'GPU')}")


def join(texts: Iterable[str]) -> str:
    """Return the first texts, and the number of the others."""
    found = list(texts)
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join((*found[:SHOWN], *more))
