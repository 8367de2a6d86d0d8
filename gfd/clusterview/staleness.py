"""Find what contradicts a node's GPU labels.

Labels have no "last checked" time, since gfd writes only what has changed. They count as stale if something
else on the node contradicts them: the kubelet does not report, or the device plugin offers a different number
of devices, or none. Labels that nothing contradicts may still be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import (
    GPU,
    MIG,
    MIG_COUNT,
    merge_shared,
    read_counts,
    read_number,
    shorten,
)
from gfd.clusterview.resources import maximum
from gfd.clusterview.timestamps import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels

_DEPLOY_PLUGIN = "nvidia.com/gpu.deploy.device-plugin"
_WORKLOAD = "nvidia.com/gpu.workload.config"
_VIRTUAL_MACHINES = ("vm-passthrough", "vm-vgpu")
"""Values of NVIDIA's GPU operator for nodes that give their GPUs to virtual machines."""


def find_contradictions(node: Node, models: Mapping[str, int], profile: str) -> tuple[str, ...]:
    """Return what contradicts the labels; empty if nothing does.

    ``models`` counts the GPUs of each model, on a node with several; ``profile`` is the MIG profile in the
    label of the product.
    """
    found = [] if node.unready_since is None else [f"not ready since {format_time(node.unready_since)}"]
    # A Node that a person wrote may lack the capacity.
    labels, offered = node.labels, merge_shared(maximum(node.capacity, node.allocatable))
    if node.dra is not None and not any(offered.values()):
        # NVIDIA's DRA driver offers the devices; dra/node_facts.py compares them with the labels.
        return tuple(found)
    if f"{GPU}.product" not in labels:
        devices = ", ".join(f"{count} {shorten(name)}" for name, count in sorted(offered.items()) if count)
        return *found, f"no labels, but {devices} offered" if devices else "no labels"
    labelled = _count_labelled(labels, models, profile)
    allocatable = merge_shared(node.allocatable)
    for name in sorted({*labelled, *offered}):
        count, offers = labelled.get(name, 0), offered.get(name, 0)
        # Under mixed, the labels also count GPUs in MIG mode, which are not offered as GPUs.
        is_upper_bound = name == GPU and labels.get("nvidia.com/mig.strategy") == "mixed"
        if is_upper_bound and (offers or any(labelled[each] for each in labelled if each != GPU)):
            count = min(count, offers)
        if count and not allocatable.get(name):
            found.append(_describe_missing(labels, offered, name, count))
        elif offers != count:
            found.append(f"{count} {shorten(name)} labelled, {offers} offered")
    return tuple(found)


def _describe_missing(labels: Labels, offered: Mapping[str, int], name: str, count: int) -> str:
    """Return that a pod can get none of the ``count`` devices of a resource, with the likely cause."""
    short = shorten(name)
    if offered.get(name):
        cause = "they are unhealthy, or the device plugin has stopped"
        return f"{count} {short} labelled, 0 of {offered[name]} allocatable: {cause}"
    others = [shorten(other) for other, number in offered.items() if number]
    return f"{count} {short} labelled, 0 offered: {_find_cause(labels, others, name)}"


def _find_cause(labels: Labels, others: Sequence[str], name: str) -> str:
    """Return why the device plugin does not offer a resource, but only ``others``."""
    mig = [other for other in others if other != shorten(GPU)]
    if mig:
        instead = f"the device plugin offers {', '.join(mig)} instead, so its MIG strategy is mixed"
        return (
            instead
            if name == GPU
            else "the MIG layout has changed, or the device plugin has not read it again"
        )
    if others:
        return "the device plugin offers gpu instead, so its MIG strategy is not mixed"
    workload = labels.get(_WORKLOAD, "")
    if workload in _VIRTUAL_MACHINES:
        return f"the label {_WORKLOAD}={workload} reserves them for virtual machines"
    deploys = labels.get(_DEPLOY_PLUGIN, "true")
    if deploys != "true":
        return f"the label {_DEPLOY_PLUGIN}={deploys} keeps the device plugin away"
    return "the device plugin does not run, or DRA offers them"


def _count_labelled(labels: Labels, models: Mapping[str, int], profile: str) -> dict[str, int]:
    """Return how many devices of each resource the device plugin should offer, by the labels."""
    keys = {GPU, *(f"{MIG}{name}" for name in read_counts(labels, MIG_COUNT))}
    found = {}
    for key in keys:
        count = read_number(labels, f"{key}.count") or 0
        if key == GPU and models and not profile:
            count = sum(models.values())
        found[key] = count * max(read_number(labels, f"{key}.replicas") or 1, 1)
    return found
