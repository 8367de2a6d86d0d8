"""Objects of the tests, made as the cluster's own components make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gfd.errors import ApiError
from gfd.kube.client import APPLY, Api

NODES = "/api/v1/nodes"
Object = dict[str, Any]


def make_node(api: Api, name: str, **metadata: Any) -> Object:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, **metadata}}
    return api.request("POST", NODES, node)


def node(api: Api, name: str) -> Object:
    return api.request("GET", f"{NODES}/{name}")


def node_labels(api: Api, name: str) -> dict[str, str]:
    return dict(node(api, name)["metadata"].get("labels") or {})


def apply_node(
    api: Api, name: str, manager: str, *, is_forced: bool = False, is_dry: bool = False, **metadata: Any
) -> Object:
    """Apply to a Node as somebody else."""
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, **metadata}}
    query = {"fieldManager": manager, "force": str(is_forced).lower()} | ({"dryRun": "All"} if is_dry else {})
    return api.request("PATCH", f"{NODES}/{name}", body, query=query, content_type=APPLY)


def merge(api: Api, path: str, manager: str, **metadata: Any) -> Object:
    """Change metadata the way of kubectl label; None removes."""
    query = {"fieldManager": manager}
    kind = "application/merge-patch+json"
    return api.request("PATCH", path, {"metadata": metadata}, query=query, content_type=kind)


def delete(api: Api, path: str) -> None:
    try:
        api.request("DELETE", path, {"gracePeriodSeconds": 0})
    except ApiError as error:
        if error.status != 404:
            raise


def namespace(api: Api, name: str) -> None:
    try:
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    except ApiError as error:
        if error.status != 409:
            raise


def without_defaults(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if not key.startswith("kubernetes.io/")}
