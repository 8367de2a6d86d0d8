"""Describe devices of ResourceSlices by gfd's labels, so that wishes can be measured against them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG
from gfd.kube.paths import DRA_DRIVER
from gfd.labels.products import compose_product
from gfd.tools.claim_templates.attribute_values import name_family
from gfd.tools.memory_sizes import MIB
from gfd.tools.select.criteria import COMPUTE, CUDA, DRIVER
from gfd.tools.select.dra.clause import read_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gfd.clusterview.dra.model import Device
    from gfd.clusterview.nodes import Node


def label_devices(nodes: Iterable[Node], accepts: Callable[[Device], bool]) -> list[Node]:
    """Return nodes with the labels that their devices would have with the MIG strategy mixed.

    Devices that ``accepts`` refuses, and those that a taint keeps from pods, do not count; a node without any
    other is left out. If its devices differ in a label, there is a node for each kind, named after the first
    device: ``node-1/gpu-0``.
    """
    found = []
    for node in nodes:
        kinds: dict[str, dict[str, str]] = {}
        for device in node.dra.devices if node.dra else ():
            if not accepts(device) or device.is_blocked:
                continue
            labels = _describe(device)
            same = next((each for each in kinds.values() if _agree(each, labels)), None)
            if same is None:
                kinds[device.id.device] = labels
            else:
                same.update(labels)
        found += [
            replace(node, name=node.name if len(kinds) == 1 else f"{node.name}/{name}", labels=labels)
            for name, labels in kinds.items()
        ]
    return found


def _agree(one: dict[str, str], other: dict[str, str]) -> bool:
    return all(other.get(key, value) == value for key, value in one.items())


def _describe(device: Device) -> dict[str, str]:
    """Return the labels that a device would have; empty ones are left out."""
    profile = device.text("profile").replace("+", ".")
    resource = f"{MIG}{profile}" if profile else GPU
    memory = device.capacity.get(f"{DRA_DRIVER}/memory")
    found = {
        f"{resource}.count": "1",
        f"{resource}.product": compose_product(
            device.text("productName"), *(("MIG", profile) if profile else ())
        ),
        f"{resource}.memory": "" if memory is None else str(int(memory / MIB)),
        f"{resource}.sharing-strategy": "none",
        f"{GPU}.family": name_family(device.text("architecture")),
    }
    for attribute, keys in (
        ("cudaComputeCapability", COMPUTE),
        ("driverVersion", DRIVER),
        ("cudaDriverVersion", CUDA),
    ):
        found |= zip(keys, map(str, read_version(device, attribute) or ()), strict=False)
    return {key: value for key, value in found.items() if value}
