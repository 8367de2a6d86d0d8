"""Render overlays and chart, and let a real API server judge them."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import programs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import Object

MANIFESTS = Path(__file__).parents[2] / "manifests"
CHART = MANIFESTS / "helm" / "gfd"
SINKS = ("nodefeature", "node", "file")
STRATEGIES = ("none", "single", "mixed")
PROMETHEUS_KINDS = {"PodMonitor", "PrometheusRule", "ServiceMonitor"}
"""Kinds of the Prometheus operator, which the control plane does not know."""
OVERLAYS = sorted(each.name for each in (MANIFESTS / "overlays").iterdir())


def kustomize(folder: Path) -> list[Object]:
    done = subprocess.run(
        (programs.find("kubectl"), "kustomize", folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (programs.find("helm"), "template", "gfd", CHART, "--namespace=gfd", "--kube-version=1.37.0")
    return subprocess.run((*command, *arguments), capture_output=True, text=True, check=False)


def render(**values: Any) -> list[Object]:
    done = helm(
        *itertools.chain.from_iterable(("--set-json", f"{k}={json.dumps(v)}") for k, v in values.items())
    )
    assert done.returncode == 0, done.stderr
    documents = yaml.safe_load_all(done.stdout)
    return [
        each for each in documents if each and "helm.sh/hook" not in each["metadata"].get("annotations", {})
    ]


def find_one(objects: list[Object], kind: str) -> Object:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def environment(objects: list[Object]) -> dict[str, str | None]:
    container = find_one(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value") for each in container["env"]}


def check_accepted(cluster: ControlPlane, objects: list[Object]) -> None:
    """Assert that the API server takes all of it, down to unknown fields."""
    known = [each for each in objects if each["kind"] not in PROMETHEUS_KINDS]
    text = yaml.safe_dump_all(known)
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


def find_pod_security_level(cluster: ControlPlane, workload: Object) -> str:
    """Return the strictest level of Pod Security that admits the pod of a workload."""
    template = workload["spec"]["template"]
    spec = {name: value for name, value in template["spec"].items() if name != "serviceAccountName"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    for level in ("restricted", "baseline"):
        said = cluster.kubectl(
            *("create", "--dry-run=server", "-n", level, "-f", "-"),
            stdin=yaml.safe_dump(pod),
            is_checked=False,
        )
        if "created" in said:
            return level
        assert f'violates PodSecurity "{level}:latest"' in said, said
    return "privileged"


def comparable(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {}
    for each in objects:
        labels = each["metadata"].get("labels", {})
        for name in ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"):
            labels.pop(name, None)
        if each["kind"] == "DaemonSet":
            spec = each["spec"]["template"]["spec"]
            for items in (spec["containers"][0]["env"], spec.get("volumes", [])):
                items.sort(key=lambda item: item["name"])
            spec["containers"][0].get("volumeMounts", []).sort(key=lambda item: item["name"])
        found[each["kind"], each["metadata"]["name"]] = each
    return found
