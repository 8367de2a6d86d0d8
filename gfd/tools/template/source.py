"""Read what a node will have: from a simulated machine, a snapshot, or a running node of the same kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.cloud_names import INSTANCE_TYPE, find_products
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, GfdError
from gfd.labels.syntax import CLIQUE, TIMESTAMP, VENDOR, explain_domain
from gfd.text import suggest
from gfd.tools.template.model import GPU, NodeTemplate, is_gfd_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gfd.clusterview.nodes import Taint
    from gfd.config.model import LoadedConfig
    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels
    from gfd.simulation.instance_types import InstanceType

_NODE_RESOURCES = ("cpu", "memory", "ephemeral-storage", "pods")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateQuery:
    """The command line of gfd template."""

    inventory_file: Path | None = None
    node: str | None = None
    nodes_file: Path | None = None
    name: str | None = None
    driver: str | None = None
    """The driver version; None: the one that the machine has, if it is known."""
    resources: Mapping[str, str]
    """Quantities that add to those of the machine, or replace them."""
    taints: tuple[Taint, ...] = ()
    labels: tuple[str, ...] = ()
    """The keys of the labels to print, with or without ``nvidia.com/``; empty for all."""


def read_template(loaded: LoadedConfig, query: TemplateQuery) -> tuple[NodeTemplate, list[str]]:
    """Return what the node will have, and warnings. Raises GfdError."""
    _check_sources(loaded, query)
    if query.node is not None:
        return _select_labels(_read_node(loaded, query, query.node), query.labels), []
    template, warnings = _read_machine(loaded, query)
    return _select_labels(template, query.labels), warnings


def _select_labels(template: NodeTemplate, wanted: tuple[str, ...]) -> NodeTemplate:
    """Return the template with these labels only. Raises ConfigError for one that it does not have."""
    keys = [key if "/" in key else VENDOR + key for key in wanted]
    for key in keys:
        if key not in template.labels:
            reason = f"{template.name} has no label {key}{suggest(key, template.labels)}"
            raise ConfigError("--label", COMMAND_LINE, reason)
    labels = {key: template.labels[key] for key in keys} if keys else template.labels
    return replace(template, labels=labels, is_selected=bool(keys))


def _check_sources(loaded: LoadedConfig, query: TemplateQuery) -> None:
    """Raise ConfigError unless exactly one machine is named, and its options belong to it."""
    config = loaded.config
    given = {"--simulate": config.simulate, "--inventory": query.inventory_file, "--node": query.node}
    used = [flag for flag, value in given.items() if value]
    if not used:
        known = "--simulate NAME (gfd machines lists them), --inventory FILE or --node NAME"
        raise ConfigError("gfd template", COMMAND_LINE, f"needs a machine: add {known}")
    if len(used) > 1:
        raise ConfigError(used[0], COMMAND_LINE, f"conflicts with {used[1]}; choose one")
    if query.nodes_file is not None and query.node is None:
        raise ConfigError("--nodes", COMMAND_LINE, "needs --node NAME, the node to read")
    if query.driver and query.node is not None:
        raise ConfigError("--driver", COMMAND_LINE, "conflicts with --node, whose labels have the driver")


def _read_machine(loaded: LoadedConfig, query: TemplateQuery) -> tuple[NodeTemplate, list[str]]:
    from gfd.clusterview.simulation import make_node
    from gfd.simulation.machines import find_instance_type
    from gfd.tools.template import machine

    config = loaded.config
    inventory = _read_inventory(loaded, query.inventory_file)
    instance = find_instance_type(config.simulate) if config.simulate else None
    source = instance.name if instance else config.simulate or inventory.machine_type or ""
    name = query.name or make_name(source)
    if query.driver:
        if inventory.discovery != "nvml":
            reason = f"the labels of GPUs found with {inventory.discovery} never tell the driver's version"
            raise ConfigError("--driver", COMMAND_LINE, f"{reason}; leave it out")
        inventory = machine.replace_driver(inventory, query.driver)
    elif instance:
        # The driver comes from the image that a cluster boots, not from the cloud.
        inventory = inventory._replace(driver_version=None, cuda_version=None)
    inventories = machine.complete(inventory)
    labels, warnings = machine.label(config, inventories)
    devices = make_node(config, name, labels, inventories[0]).allocatable
    size = _read_size(instance) if instance else {}
    resources = {**size, **{key: str(count) for key, count in devices.items()}, **query.resources}
    dmi = inventory.machine_type or ""
    template = NodeTemplate(
        name=name,
        labels=labels,
        capacity=resources,
        allocatable=resources,
        taints=query.taints,
        inventory=inventory,
        # On EC2, the product name in DMI is the instance type.
        instance_type=instance.label if instance else dmi if find_products(INSTANCE_TYPE, dmi) else "",
        has_whole_gpus=_has_whole_gpus(labels, devices),
    )
    return template, warnings


def _read_inventory(loaded: LoadedConfig, path: Path | None) -> Inventory:
    if path is not None:
        from gfd.inventory import snapshot

        return snapshot.read_file(path)
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    return single_run.read_inventory(build_request(loaded.config))


def _read_size(instance: InstanceType) -> dict[str, str]:
    """Return cpu and memory of the whole machine, as the cloud publishes them."""
    return {"cpu": str(instance.cpus), "memory": f"{int(instance.memory_gib * 1024)}Mi"}


def make_name(text: str) -> str:
    """Return ``text`` as the name of an object: a file's name without folder and ending, in lower case."""
    stem = text.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml").lower()
    if not explain_domain(stem):
        return stem
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in stem)
    return "-".join(filter(None, kept.split("-")))[:63].strip("-") or "gpu-node"


def _read_node(loaded: LoadedConfig, query: TemplateQuery, name: str) -> NodeTemplate:
    from gfd.tools.template.running_node import read_running_node

    node, status = read_running_node(loaded.config, name, query.nodes_file)
    labels = {
        key: value for key, value in node.labels.items() if is_gfd_key(key) and key not in (TIMESTAMP, CLIQUE)
    }
    if not labels:
        next_step = "run gfd doctor there, or choose another node"
        raise GfdError(f"node {name} has no labels of gfd, so it cannot be a template; {next_step}")
    amounts = {kind: _select(status.get(kind) or {}) for kind in ("capacity", "allocatable")}
    # A new node has healthy devices.
    devices = {key: str(count) for key, count in node.capacity.items() if count}
    return NodeTemplate(
        name=query.name or name,
        labels=labels,
        capacity={**amounts["capacity"], **devices, **query.resources},
        allocatable={**amounts["allocatable"], **devices, **query.resources},
        taints=(*node.own_taints, *query.taints),
        instance_type=node.labels.get(INSTANCE_TYPE, ""),
        has_whole_gpus=_has_whole_gpus(labels, devices),
    )


def _has_whole_gpus(labels: Labels, devices: Iterable[str]) -> bool:
    is_shared = labels.get("nvidia.com/gpu.replicas", "1") not in ("0", "1")
    is_slice = "nvidia.com/gpu.slices.gi" in labels
    return set(devices) <= {GPU} and not is_shared and not is_slice


def _select(amounts: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(amounts[name]) for name in _NODE_RESOURCES if name in amounts}
