"""Paths of collections on the API server."""

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
"""The Pods of all namespaces."""
NAMESPACES = "/api/v1/namespaces"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
DRA_API = "/apis/resource.k8s.io/v1"
"""Dynamic Resource Allocation, since Kubernetes 1.34."""
RESOURCE_SLICES = f"{DRA_API}/resourceslices"
RESOURCE_CLAIMS = f"{DRA_API}/resourceclaims"
"""The ResourceClaims of all namespaces."""


def daemon_set_path(namespace: str, name: str) -> str:
    """Return the path of a DaemonSet."""
    return f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}"


def pods_path(namespace: str) -> str:
    """Return the path of the Pods of a namespace."""
    return f"{NAMESPACES}/{namespace}/pods"
