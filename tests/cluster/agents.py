"""Agents as their pods would be: a Pod bound to its node, and the token that the API server binds to it."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.client import Api
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import delete
from tests.cluster.objects import namespace as make_namespace

NAMESPACE = "gfd"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    node: str
    pod: str
    token_file: Path
    kubeconfig: Path
    api: Api


def install(plane: ControlPlane, *folders: Path) -> None:
    """Create namespace and account, and apply what is in folders of manifests, in place of other policies."""
    remove_policies(plane)
    make_namespace(plane.admin, NAMESPACE)
    delete(plane.admin, f"{ACCOUNTS}/gfd")
    plane.admin.request("POST", ACCOUNTS, {"metadata": {"name": "gfd"}})
    for folder in folders:
        for file in ("rbac.yaml", "policy.yaml"):
            if (folder / file).exists():
                plane.kubectl("apply", "-f", str(folder / file))


def remove_policies(plane: ControlPlane) -> None:
    """Unbind the admission policies that other tests installed: they would refuse, too."""
    for each in plane.admin.list(BINDINGS):
        delete(plane.admin, f"{BINDINGS}/{each['metadata']['name']}")


def token(plane: ControlPlane, pod: str | None, *, namespace: str = NAMESPACE, account: str = "gfd") -> str:
    """Return a token for the account, bound to a Pod, or to nothing."""
    base = f"/api/v1/namespaces/{namespace}"
    spec: dict[str, object] = {"audiences": []}
    if pod is not None:
        uid = plane.admin.request("GET", f"{base}/pods/{pod}")["metadata"]["uid"]
        spec["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = f"{base}/serviceaccounts/{account}/token"
    return str(plane.admin.request("POST", path, body)["status"]["token"])


def start(
    plane: ControlPlane,
    node: str,
    *,
    namespace: str = NAMESPACE,
    account: str = "gfd",
    daemon_set: str = "gfd",
) -> Agent:
    """Make the Pod of an agent on a Node, named as its DaemonSet names pods, and its credentials."""
    # The API server cuts the name of the DaemonSet to leave room for five characters.
    pod = f"{daemon_set}-"[:58] + hashlib.sha256(node.encode()).hexdigest()[:5]
    pods = f"/api/v1/namespaces/{namespace}/pods"
    delete(plane.admin, f"{pods}/{pod}")
    container = {"name": "gfd", "image": "gfd"}
    spec = {"nodeName": node, "serviceAccountName": account, "containers": [container]}
    plane.admin.request("POST", pods, {"metadata": {"name": pod}, "spec": spec})
    file = plane.home / f"{pod}.token"
    file.write_text(token(plane, pod, namespace=namespace, account=account))
    kubeconfig = plane.write_kubeconfig(pod, token_file=file)
    return Agent(node=node, pod=pod, token_file=file, kubeconfig=kubeconfig, api=connect(kubeconfig))


def pod_prefix() -> tuple[str, ...]:
    """Return the words before a command that show it a token where a pod has it: a mount namespace."""
    if os.geteuid() or shutil.which("unshare") is None:
        pytest.skip("a mount namespace needs root and unshare")
    script = """
        set -e
        mount -t tmpfs none /var/run
        mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
        cp "$TOKEN" /var/run/secrets/kubernetes.io/serviceaccount/token
        cp "$CA" /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
        exec "$@"
    """
    return ("unshare", "-m", "sh", "-c", script, "sh")


def pod_environment(plane: ControlPlane, agent: Agent) -> dict[str, str]:
    """Return what :func:`pod_prefix` needs, and what Kubernetes tells every container."""
    return {
        "TOKEN": str(agent.token_file),
        "CA": str(plane.home / "certificates" / "apiserver.crt"),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(plane.port),
    }


def entries(plane: ControlPlane, pod: str) -> list[dict[str, Any]]:
    """Return what the audit log has of a Pod's token, each request once, oldest first."""
    key = "authentication.kubernetes.io/pod-name"
    return [each for each in plane.requests(None) if each["user"].get("extra", {}).get(key) == [pod]]


def connect(kubeconfig: Path) -> Api:
    return Api(kubeconfig, qps=100, burst=100)
