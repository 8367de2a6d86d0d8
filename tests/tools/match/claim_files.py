"""Write files with claims, templates, classes and pods, and read the table, for tests of gfd match."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gfd.clusterview.dra.nvidia_classes import make_classes
from tests.clusterview.dra.objects import make_gpu, make_slice
from tests.tools.match.command import node

Object = dict[str, Any]
API = "resource.k8s.io/v1"
H100 = "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'"
A100 = "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA A100-SXM4-40GB'"


def exactly(count: int = 1, *expressions: str, name: str = "gpu", **more: Any) -> Object:
    """Return a request for whole GPUs."""
    selectors = [{"cel": {"expression": each}} for each in expressions]
    fields = {"deviceClassName": "gpu.nvidia.com", "count": count, "selectors": selectors, **more}
    return {"name": name, "exactly": fields}


def template(name: str, *requests: Object, **devices: Any) -> Object:
    spec = {"spec": {"devices": {"requests": list(requests), **devices}}}
    return {"apiVersion": API, "kind": "ResourceClaimTemplate", "metadata": {"name": name}, "spec": spec}


def claim(name: str, *requests: Object, **status: Any) -> Object:
    spec = {"devices": {"requests": list(requests)}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": API, "kind": "ResourceClaim", "metadata": metadata, "spec": spec, "status": status}


def held(node_name: str, *devices: str, pod: str = "") -> Object:
    """Return the status of a claim that holds devices of a node."""
    field = {"key": "metadata.name", "operator": "In", "values": [node_name]}
    results = [
        {"request": "gpu", "driver": "gpu.nvidia.com", "pool": node_name, "device": each} for each in devices
    ]
    users = [{"resource": "pods", "name": pod, "uid": pod}] if pod else []
    return {
        "allocation": {
            "devices": {"results": results},
            "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]},
        },
        "reservedFor": users,
    }


def pod(name: str, *claims: Object, **spec: Any) -> Object:
    container = {
        "name": "c",
        "image": "i",
        "resources": {"claims": [{"name": each["name"]} for each in claims]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "resourceClaims": list(claims), **spec},
    }


def by_template(name: str) -> Object:
    return {"name": "gpu", "resourceClaimTemplateName": name}


def by_claim(name: str) -> Object:
    return {"name": "gpu", "resourceClaimName": name}


def deployment(name: str, replicas: int, *claims: Object) -> Object:
    labels = {"app": name}
    pods = {"metadata": {"labels": labels}, "spec": pod(name, *claims)["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def write_pods(folder: Path, *objects: Object) -> str:
    """Write objects one a line, so that the line in a message tells the object."""
    path = folder / "pods.yaml"
    path.write_text("\n---\n".join(map(json.dumps, objects)))
    return str(path)


def write_cluster(folder: Path, *objects: Object, gpus: int = 4, nodes: tuple[str, ...] = ("a",)) -> str:
    """Write nodes with GPUs in ResourceSlices, NVIDIA's DeviceClasses, and more objects."""
    items = [
        *(node(name, gpus=0) for name in nodes),
        *(make_slice(name, *map(make_gpu, range(gpus))) for name in nodes),
        *make_classes(),
        *objects,
    ]
    path = folder / "cluster.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)


def row(out: str, line: int = 2) -> str:
    """Return a row of the table, with single spaces."""
    return " ".join(out.splitlines()[line].split())
