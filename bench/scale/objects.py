"""Create the Nodes, the agents' Pods, and the tokens bound to them, as an administrator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.scale.account import Account
from gfd.kube.client import Api

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE = "gfd"
AGENT, MASTER = "gfd", "nfd-master"
"""Service accounts."""
NODES = "/api/v1/nodes"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
FEATURES = f"/apis/nfd.k8s-sigs.io/v1alpha1/namespaces/{NAMESPACE}/nodefeatures"
COMPONENTS = Path(__file__).parents[2] / "manifests" / "components"

IMAGES = 20
"""Images in the Node's status; the list is most of a Node's size."""
MAKERS = 8
"""Threads that create objects."""
LIFE_S = 4 * 3600
"""The lifetime of a token: longer than any run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Creates nodes and the identities of their agents."""

    home: Path
    kubeconfig: Path
    port: int

    def make(self, names: Iterable[str]) -> list[Account]:
        """Create Nodes with these names, and for each the Pod and the token of an agent."""
        admin = Api(self.kubeconfig, qps=100_000, burst=100_000)
        with ThreadPoolExecutor(MAKERS) as pool:
            return list(pool.map(lambda name: self._make(admin, name), names))

    def make_master(self) -> Account:
        """Return the identity of NFD's master."""
        admin = Api(self.kubeconfig, qps=100_000, burst=100_000)
        return self._account(admin, MASTER, "", {})

    def _make(self, admin: Api, name: str) -> Account:
        admin.request("POST", NODES, detect_node_drift(name))
        pod = admin.request("POST", PODS, _pod(name))["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod["name"], "uid": pod["uid"]}
        return self._account(admin, AGENT, name, {"boundObjectRef": bound})

    def _account(self, admin: Api, account: str, node: str, bound: dict[str, Any]) -> Account:
        spec = {"audiences": [], "expirationSeconds": LIFE_S, **bound}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = admin.request("POST", f"{ACCOUNTS}/{account}/token", body)
        file = self.home / f"{account}-{node}.token"
        file.write_text(answer["status"]["token"])
        certificate = self.home / "certificates" / "apiserver.crt"
        return Account(node=node, pod=f"gfd-{node}", port=self.port, certificate=certificate, token_file=file)


def detect_node_drift(name: str) -> dict[str, Any]:
    """Return a Node of a realistic size."""
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": "p4d.24xlarge",
        "topology.kubernetes.io/region": "eu-central-1",
        "topology.kubernetes.io/zone": "eu-central-1a",
    }
    # NFD's master can add its annotation only where another one exists.
    metadata = {"name": name, "labels": labels, "annotations": {"node.alpha.kubernetes.io/ttl": "0"}}
    images = [
        {"names": [f"registry.example/team/image-{i}@sha256:{i:064x}", f"registry.example/team/image-{i}:v1"],
         "sizeBytes": 100_000_000 + i}
        for i in range(IMAGES)
    ]  # fmt: skip
    capacity = {"cpu": "96", "memory": "1152Gi", "pods": "110", "nvidia.com/gpu": "8"}
    status = {"capacity": capacity, "allocatable": capacity, "images": images}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def _pod(node: str) -> dict[str, Any]:
    spec = {
        "nodeName": node,
        "serviceAccountName": AGENT,
        "containers": [{"name": "gfd", "image": "gfd"}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"gfd-{node}"}, "spec": spec}
