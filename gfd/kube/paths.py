"""Paths of collections on the API server."""

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
"""The Pods of all namespaces."""
NAMESPACES = "/api/v1/namespaces"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
