"""Attempts at what no role of an agent grants."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cluster.attempts import FOREIGN, MERGE, OWN, PATCHES, Attempt
from tests.cluster.objects import NODES

GROUPS = {
    "/api/v1": ("pods", "secrets", "configmaps", "serviceaccounts", "services", "events", "endpoints"),
    "/apis/apps/v1": ("daemonsets", "deployments"),
    "/apis/batch/v1": ("jobs",),
    "/apis/coordination.k8s.io/v1": ("leases",),
    "/apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
}
CLUSTER_WIDE = (
    "/api/v1/namespaces",
    "/api/v1/persistentvolumes",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/apis/storage.k8s.io/v1/csinodes",
)


def other_attempts(pod: str) -> Iterator[Attempt]:
    """Yield attempts at what no role grants."""
    collections = [
        *(f"{group}/namespaces/gfd/{name}" for group, names in GROUPS.items() for name in names),
        *CLUSTER_WIDE,
    ]
    for path in collections:
        yield Attempt(what="list", method="GET", path=path)
        yield Attempt(what="create", method="POST", path=path, body={"metadata": {"name": "x"}})
        yield Attempt(what="delete all", method="DELETE", path=path)
        yield Attempt(what="replace", method="PUT", path=f"{path}/x", body={"metadata": {"name": "x"}})
        yield Attempt(what="patch", method="PATCH", path=f"{path}/x", body={}, content_type=MERGE)
        yield Attempt(what="delete", method="DELETE", path=f"{path}/x")
    pods, accounts = "/api/v1/namespaces/gfd/pods", "/api/v1/namespaces/gfd/serviceaccounts"
    capacity = {"status": {"capacity": {"nvidia.com/gpu": "8"}}}
    for target in (OWN, FOREIGN):
        for content_type in PATCHES[:2]:
            yield Attempt(
                what="capacity",
                method="PATCH",
                path=f"{NODES}/{target}/status",
                body=capacity,
                content_type=content_type,
            )
        yield Attempt(what="status", method="PUT", path=f"{NODES}/{target}/status", body=capacity)
        yield Attempt(what="kubelet", method="GET", path=f"{NODES}/{target}/proxy/pods")
    yield Attempt(what="new node", method="POST", path=NODES, body={"metadata": {"name": "new"}})
    yield Attempt(what="all nodes", method="DELETE", path=NODES)
    yield Attempt(what="a token", method="POST", path=f"{accounts}/gfd/token", body={"spec": {}})
    yield Attempt(what="evict", method="POST", path=f"{pods}/{pod}/eviction", body={})
    yield Attempt(what="bind", method="POST", path=f"{pods}/{pod}/binding", body={})
    yield Attempt(what="exec", method="POST", path=f"{pods}/{pod}/exec?command=sh", body={})
    yield Attempt(what="logs", method="GET", path=f"{pods}/{pod}/log")
