"""Nodes and pods as ``kubectl get … -o json`` prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Object = dict[str, Any]

WRITTEN = "2026-01-02T03:04:05Z"


def gpu_labels(product: str = "NVIDIA-A100-SXM4-40GB", count: int = 8, **more: str) -> dict[str, str]:
    """Return the labels that the commands read; ``more`` by their names without prefix."""
    labels = {
        "cuda.driver-version.full": "535.129.03",
        "cuda.driver-version.major": "535",
        "cuda.driver-version.minor": "129",
        "cuda.driver-version.revision": "03",
        "cuda.driver.major": "535",
        "cuda.driver.minor": "129",
        "cuda.driver.rev": "03",
        "cuda.runtime-version.full": "12.2",
        "cuda.runtime-version.major": "12",
        "cuda.runtime-version.minor": "2",
        "cuda.runtime.major": "12",
        "cuda.runtime.minor": "2",
        "gfd.timestamp": "1767300000",
        "gpu.compute.major": "8",
        "gpu.compute.minor": "0",
        "gpu.count": str(count),
        "gpu.family": "ampere",
        "gpu.machine": "DGXA100-920-23687-2530-000",
        "gpu.memory": "40960",
        "gpu.product": product,
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": "true",
        **{name.replace("__", "-").replace("_", "."): value for name, value in more.items()},
    }
    return {f"nvidia.com/{name}": value for name, value in labels.items()}


def node(
    name: str,
    labels: Mapping[str, str] | None = None,
    offers: Mapping[str, int] | None = None,
    *,
    allocatable: Mapping[str, int] | None = None,
    writer: str = "",
    **parts: Any,
) -> Object:
    """Return a Node; ``offers`` are devices by resource without prefix, ``parts`` are fields of its spec."""
    capacity = {f"nvidia.com/{key}": str(count) for key, count in (offers or {}).items()}
    healthy = {f"nvidia.com/{key}": str(count) for key, count in (allocatable or offers or {}).items()}
    metadata: Object = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
    if writer:
        fields: Object = {"f:metadata": {"f:labels": {"f:nvidia.com/gpu.product": {}}}}
        metadata["managedFields"] = [{"manager": writer, "time": WRITTEN, "fieldsV1": fields}]
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": WRITTEN}
    common = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": parts,
        "status": {
            "capacity": common | capacity,
            "allocatable": common | healthy,
            "conditions": [ready],
        },
    }


def unready(item: Object) -> Object:
    """Mark a Node as one whose kubelet has stopped reporting."""
    item["status"]["conditions"][0]["status"] = "Unknown"
    return item


def pod(name: str, node_name: str, requests: Mapping[str, int], phase: str = "Running") -> Object:
    """Return a pod on a node; devices by resource without prefix."""
    limits = {f"nvidia.com/{key}": str(count) for key, count in requests.items()}
    container = {"name": "main", "image": "main", "resources": {"limits": limits}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node_name, "containers": [container]},
        "status": {"phase": phase},
    }


def write(path: Path, *items: Object) -> str:
    """Write a List to a file and return the file's name."""
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)
