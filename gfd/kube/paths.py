"""Paths of collections on the API server."""

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
"""The Pods of all namespaces."""
