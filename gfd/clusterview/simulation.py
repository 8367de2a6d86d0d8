"""Make the node of a simulated machine, with the devices that NVIDIA's device plugin would offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.nodes import Node
from gfd.labels.resources import resolve
from gfd.labels.strategies import FULL_GPU
from gfd.labels.syntax import VENDOR
from gfd.worker import single_run
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from gfd.config.model import Config, LoadedConfig
    from gfd.inventory.model import Inventory
    from gfd.labels import resources
    from gfd.labels.sharing import Sharing
    from gfd.labels.syntax import Labels


def simulate_node(loaded: LoadedConfig) -> Node:
    """Return the node for --simulate. Raises GfdError."""
    config = loaded.config
    request = build_request(config)
    inventory = single_run.read_inventory(request)
    labels = single_run.label(request._replace(inventory=inventory)).labels
    return make_node(config, config.node_name or config.simulate or "", labels, inventory)


def make_node(config: Config, name: str, labels: Labels, inventory: Inventory) -> Node:
    """Return the node of a machine, with the devices that the device plugin would offer."""
    facts = resolve(inventory, mig_strategy=config.mig_strategy, sharing=config.sharing)
    devices = _count_offered(facts, config.sharing)
    return Node(name=name, labels=labels, allocatable=devices, capacity=devices, is_simulated=True)


def _count_offered(node: resources.NodeFacts, sharing: Sharing) -> dict[str, int]:
    offered: dict[str, int] = {}
    for resource in node.resources:
        name = VENDOR + resource.name
        count = _count_offered_gpus(node) if resource.name == FULL_GPU else resource.count
        replicas = sharing.count_replicas(name)
        if count:
            offered[f"{name}.shared" if sharing.is_renamed and replicas > 1 else name] = count * replicas
    return offered


def _count_offered_gpus(node: resources.NodeFacts) -> int:
    """Return how many ``nvidia.com/gpu`` the node offers; the labels also count GPUs in MIG mode."""
    enabled = sum(gpu.is_mig_enabled for gpu in node.gpus)
    if node.mig_strategy == "mixed":
        return len(node.gpus) - enabled
    if node.mig_strategy == "single" and enabled:
        return sum(resource.count for resource in node.resources)
    return len(node.gpus)
