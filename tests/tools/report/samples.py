"""Sample clusters: Nodes with gfd's labels, and pods, as kubectl prints them."""

from __future__ import annotations

from functools import cache
from typing import Any

from gfd.labels.resources import resolve
from gfd.labels.syntax import VENDOR
from gfd.labels.templates import Templates
from gfd.simulation import machines

Object = dict[str, Any]

KINDS = (
    ("dgx-h100", "all-disabled", "none"),
    ("dgx-a100", "all-balanced", "mixed"),
    ("mig-doc", "all-1g.5gb", "single"),
    ("h200", "all-1g.18gb", "mixed"),
    ("b200", "all-enabled", "single"),
    ("a30", "all-2g.12gb", "mixed"),
    ("t4", "all-disabled", "none"),
    ("no-gpu", "all-disabled", "none"),
)
"""Machine, layout and strategy of the Nodes, in turn."""


@cache
def facts(machine: str, layout: str, strategy: str) -> tuple[Object, Object]:
    """Return the labels of gfd and the resources of NVIDIA's device plugin."""
    inventory = machines.read(machine, layout)
    node = resolve(inventory, mig_strategy=strategy, timestamp=1619479472)
    devices = {VENDOR + each.name: str(each.count) for each in node.resources}
    if strategy == "mixed":  # the plugin offers only the MIG devices of a GPU in MIG mode
        devices[VENDOR + "gpu"] = str(sum(not gpu.is_mig_enabled for gpu in inventory.gpus))
    return dict(Templates().render(node, inventory)), devices


def nodes(count: int) -> Object:
    items = [make_node(number, *KINDS[number % len(KINDS)]) for number in range(count)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def make_node(number: int, *kind: str) -> Object:
    labels, devices = facts(*kind)
    name = f"node-{number:04}"
    own = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "example.com/rack": f"r{number // 40}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels | own},
        "status": {"allocatable": {"cpu": "64", **devices}},
    }


def pods(count: int) -> Object:
    """Return a pod on each of the first ``count`` nodes that requests one device of each resource."""
    items = []
    for node in nodes(count)["items"]:
        limits = {name: "1" for name in node["status"]["allocatable"] if name.startswith(VENDOR)}
        spec = {"nodeName": node["metadata"]["name"], "containers": [{"resources": {"limits": limits}}]}
        items.append({"kind": "Pod", "spec": spec, "status": {"phase": "Running"}})
    return {"apiVersion": "v1", "kind": "List", "items": items}
