"""Make the node of a simulated machine, with the devices that it would offer to pods."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import INSTANCE_TYPE
from gfd.clusterview.dra.index import index_objects
from gfd.clusterview.dra.model import ResourceSlice
from gfd.clusterview.dra.nvidia_classes import make_classes
from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.dra.snapshot import CLAIM, CLASS, TEMPLATE, DraSnapshot, StoredObject
from gfd.clusterview.nodes import Node
from gfd.clusterview.resources import CPU, MEMORY
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.kube.paths import DRA_DRIVER
from gfd.labels.resources import resolve
from gfd.labels.strategies import FULL_GPU
from gfd.labels.syntax import VENDOR
from gfd.simulation.layouts import is_path
from gfd.simulation.machines import find_instance_type, find_name
from gfd.worker import single_run
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.config.model import Config, LoadedConfig
    from gfd.inventory.model import Inventory
    from gfd.labels import resources
    from gfd.labels.sharing import Sharing
    from gfd.labels.syntax import Labels
    from gfd.simulation.instance_types import InstanceType


def simulate_nodes(loaded: LoadedConfig, *, has_sizes: bool = False, has_slices: bool = False) -> list[Node]:
    """Return the nodes for --simulate, one for each name in it, sorted by name.

    With ``has_sizes``, the nodes of clouds' instance types have the cpu and memory of the whole machine. With
    ``has_slices``, they have the devices of NVIDIA's DRA driver.
    Raises GfdError, also if --node-name names several nodes.
    """
    words = _split_names(loaded.config.simulate or "")
    if len(words) > 1 and any(each.origin == "--node-name" for each in loaded.options):
        reason = f"cannot name {len(words)} nodes; simulate one machine, or leave --node-name out"
        raise ConfigError("--node-name", COMMAND_LINE, reason)
    found = []
    for number, word in enumerate(words):
        times, is_alone = words[: number + 1].count(word), len(words) == 1
        name = None if is_alone else word if times == 1 else f"{word}-{times}"
        alone = loaded._replace(config=loaded.config._replace(simulate=word))
        node = simulate_node(alone, name, has_slices=has_slices)
        instance = find_instance_type(word)
        found.append(_add_instance_type(node, instance, has_sizes=has_sizes) if instance else node)
    return sorted(found, key=lambda node: node.name)


def _split_names(text: str) -> list[str]:
    """Return the names in ``text``, between commas; those of built-in machines as gfd machines lists them."""
    if os.path.exists(text):  # noqa: PTH110 - Path.exists raises for a text that is too long for a path
        return [text]
    words = [word for word in map(str.strip, text.split(",")) if word]
    return [word if is_path(word) else find_name(word) for word in words] or [text]


def _add_instance_type(node: Node, instance: InstanceType, *, has_sizes: bool) -> Node:
    """Return the node with the label of its instance type, and with its cpu and memory if asked for."""
    size = {CPU: 1000 * instance.cpus, MEMORY: int(instance.memory_gib * 2**30)} if has_sizes else {}
    return replace(
        node,
        labels={**node.labels, INSTANCE_TYPE: instance.label},
        allocatable={**node.allocatable, **size},
        capacity={**node.capacity, **size},
    )


def simulate_node(loaded: LoadedConfig, name: str | None = None, *, has_slices: bool = False) -> Node:
    """Return the node for --simulate; ``name`` is by default its own or the machine's. Raises GfdError."""
    config = loaded.config
    request = build_request(config)
    inventory = single_run.read_inventory(request)
    labels = single_run.label(request._replace(inventory=inventory)).labels
    node = make_node(config, name or config.node_name or config.simulate or "", labels, inventory)
    if not has_slices:
        return node
    slices = [read_slice(each) for each in make_slices(inventory, node.name)]
    return replace(node, dra=index_objects(DRA_DRIVER, slices, ()).find(node.name))


def make_node(config: Config, name: str, labels: Labels, inventory: Inventory) -> Node:
    """Return the node of a machine, with the devices that the device plugin or the DRA driver would offer.

    Raises GfdError for hardware that the driver does not take.
    """
    if not config.has_device_plugin:
        slices = map(read_slice, make_slices(inventory, name))
        pools = index_objects(DRA_DRIVER, slices, ()).find(name)
        return Node(name=name, labels=labels, dra=pools, is_simulated=True)
    facts = resolve(inventory, mig_strategy=config.mig_strategy, sharing=config.sharing)
    devices = _count_offered(facts, config.sharing)
    return Node(name=name, labels=labels, allocatable=devices, capacity=devices, is_simulated=True)


def simulate_snapshot(nodes: Iterable[Node]) -> DraSnapshot:
    """Return the ResourceSlices of simulated nodes, and the DeviceClasses that NVIDIA's driver installs."""
    slices = tuple(
        ResourceSlice(
            name=pool.id.pool,
            pool=pool.id,
            generation=pool.generation,
            slice_count=1,
            node_name=node.name,
            devices=pool.devices,
            counter_sets=pool.counter_sets,
        )
        for node in nodes
        for pool in (node.dra.pools if node.dra else ())
    )
    advice = "a simulated cluster has none; write it into one of the files"
    unknown = {CLAIM: advice, TEMPLATE: advice}
    return DraSnapshot(
        slices=slices,
        objects=tuple(StoredObject(kind=CLASS, item=each) for each in make_classes()),
        unknown=unknown,
        advice="" if slices else "no ResourceSlices; add --allocation dra to simulate them",
    )


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
