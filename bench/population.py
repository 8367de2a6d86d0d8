"""Clusters of any size as ``kubectl get -o json`` prints them: nodes labelled by gfd, and pods on them."""

from __future__ import annotations

import json
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from bench.scale.objects import detect_node_drift
from gfd.labels.resources import resolve
from gfd.labels.templates import Templates
from gfd.simulation import machines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gfd.labels.syntax import Labels

    Object = dict[str, Any]

MACHINES = (("dgx-a100", "all-1g.5gb"), ("dgx-h100", "all-disabled"), ("t4", None), ("v100", None))
PODS_A_NODE, GPU_PODS_A_NODE = 10, 2
GPU = "nvidia.com/gpu"
WHEN = "2026-01-01T00:00:00Z"


def describe_nodes(count: int) -> Iterator[Object]:
    """Yield Nodes, of :data:`MACHINES` in turn, under the MIG strategy mixed."""
    kinds = [_label(*machine) for machine in MACHINES]
    for number, labels in enumerate(islice(cycle(kinds), count)):
        node = detect_node_drift(f"node-{number:05}")
        node["metadata"]["labels"] |= labels
        node["metadata"] |= {"uid": f"{number:036}", "creationTimestamp": WHEN}
        status = node["status"]
        amounts = {**status["capacity"], **devices(labels)}
        status |= {"capacity": amounts, "allocatable": amounts}
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": WHEN}]
        yield node


def describe_pods(nodes: Iterable[Object]) -> Iterator[Object]:
    """Yield the pods on the nodes; some of each have a device."""
    for node in nodes:
        offered = devices(node["metadata"]["labels"])
        device = next(name for name in sorted(offered) if offered[name] > 0)
        for number in range(PODS_A_NODE):
            limits = {device: "1"} if number < min(GPU_PODS_A_NODE, offered[device]) else {"cpu": "1"}
            name = f"{node['metadata']['name']}-{number}"
            container = {"name": "main", "image": "registry.example/team/image:v1", "env": _environ(name)}
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "team", "uid": name, "creationTimestamp": WHEN},
                "spec": {
                    "nodeName": node["metadata"]["name"],
                    "containers": [{**container, "resources": {"limits": limits, "requests": limits}}],
                },
                "status": {"phase": "Running", "startTime": WHEN},
            }


def write(path: Path, items: Iterable[Object]) -> Path:
    """Write a list as kubectl does, indentation included."""
    whole = {"apiVersion": "v1", "kind": "List", "items": list(items)}
    path.write_text(json.dumps(whole, indent=4), encoding="utf-8")
    return path


def devices(labels: Labels) -> dict[str, int]:
    """Return what the device plugin offers of a node with these labels, under the MIG strategy mixed."""
    found = {
        key.removesuffix(".count"): int(value)
        for key, value in labels.items()
        if key.startswith("nvidia.com/mig-") and key.endswith(".count")
    }
    return {GPU: 0 if found else int(labels[f"{GPU}.count"]), **found}


def _label(machine: str, layout: str | None) -> Labels:
    inventory = machines.read(machine, layout)
    templates = Templates()
    templates.compile("mixed", ())
    return dict(templates.render(resolve(inventory, mig_strategy="mixed"), inventory, ()))


def _environ(name: str) -> list[Object]:
    return [{"name": f"SETTING_{number}", "value": f"{name}-{number}"} for number in range(10)]
