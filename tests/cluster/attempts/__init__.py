"""Requests that an agent's token must not be good for, made of verbs, patch types, fields and objects."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gfd.kube.client import APPLY
from tests.labels.test_syntax import KUBERNETES_KEYS, OPERATOR_KEYS

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
PATCHES = (MERGE, STRATEGIC, JSON_PATCH, APPLY)
PUT = "application/json"
OWN, FOREIGN = "own", "foreign"
"""The agent's Node and another one, and so their NodeFeatures."""

FOREIGN_KEYS = (
    *OPERATOR_KEYS,
    *KUBERNETES_KEYS,
    *("rack", "example.com/x", "nvidia.com/x", "nvidia.com.evil.org/gpu.count", "evil.org/nvidia.com"),
    *("nvidia.com/device-plugin.config", "feature.node.kubernetes.io/x", "xnvidia.com/gpu.count"),
    *("nvidia.com/gpu.counts", "nvidia.com/gpu.mode.x", "nvidia.com/GPU.count", "nvidia-com/gpu.count"),
)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    what: str
    method: str
    path: str
    body: Any = None
    content_type: str = PUT
    manager: str = "gfd"

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.content_type} as {self.manager}: {self.what}"


def patch(node: Body, change: Body, content_type: str) -> Any:
    """Return a change, given as a merge patch, as a patch of a type; None where that type cannot say it."""
    if content_type == JSON_PATCH:
        return list(operations(change))
    if content_type != APPLY:
        return change
    if _has_null(change) or "managedFields" in change.get("metadata", {}):
        return None
    metadata = {"name": node["metadata"]["name"], **change.get("metadata", {})}
    return {"apiVersion": "v1", "kind": "Node", **change, "metadata": metadata}


def operations(change: Body, path: str = "") -> Iterator[Body]:
    """Yield the operations of a JSON patch that say what a merge patch says."""
    for name, value in change.items():
        inner = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(value, dict):
            yield from operations(value, inner)
        elif value is None:
            yield {"op": "remove", "path": inner}
        else:
            yield {"op": "add", "path": inner, "value": value}


def _has_null(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and any(map(_has_null, value.values())))


def merge(whole: Body, change: Body) -> Body:
    """Return what a merge patch makes of an object."""
    result = copy.deepcopy(whole)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merge(result.get(name) or {}, value)
        else:
            result[name] = value
    return result
