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
DEVICE_CLASSES = f"{DRA_API}/deviceclasses"
DRA_DRIVER = "gpu.nvidia.com"
"""The name of NVIDIA's DRA driver for GPUs; its DeviceClass for whole GPUs has the same name."""


def select_slices(driver: str, node_name: str = "") -> dict[str, str]:
    """Return the query that selects the ResourceSlices of a driver, on all nodes or on one."""
    on_node = f",spec.nodeName={node_name}" if node_name else ""
    return {"fieldSelector": f"spec.driver={driver}{on_node}"}


def daemon_set_path(namespace: str, name: str) -> str:
    """Return the path of a DaemonSet."""
    return f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}"


def pods_path(namespace: str) -> str:
    """Return the path of the Pods of a namespace."""
    return f"{NAMESPACES}/{namespace}/pods"


def templates_path(namespace: str) -> str:
    """Return the path of the ResourceClaimTemplates of a namespace."""
    return f"{DRA_API}/namespaces/{namespace}/resourceclaimtemplates"
