"""Describe the GPUs of a node from its labels, its device plugin, its ResourceSlices and its pods."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import find_cloud_name
from gfd.clusterview.device_counts import (
    GPU,
    MIG_COUNT,
    MODEL_COUNT,
    NO_MODELS,
    read_counts,
    read_number,
    select_devices,
)
from gfd.clusterview.dra.node_facts import add_slices
from gfd.clusterview.staleness import find_contradictions
from gfd.labels.products import INVALID, extract_profile
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.dra.device_counts import DeviceCount
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest
    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGpus:
    """The GPUs of a node. A text that is unknown is empty."""

    node: str
    product: str
    """The value of the label, including the MIG profile and ``-SHARED``."""
    cloud_name: str
    """The cloud's name of the GPUs, from the cloud's labels: ``nvidia-h100-80gb``."""
    models: Mapping[str, int]
    """How many GPUs of each product, on a node with several models."""
    gpus: int | None
    """How many physical GPUs; None if the labels count only MIG devices."""
    mig_strategy: str
    """``none``, ``single`` or ``mixed``."""
    mig: Mapping[str, int]
    """How many MIG devices of each profile."""
    is_mig_invalid: bool
    """Whether the strategy ``single`` cannot describe the node."""
    memory_mib: int | None
    """The memory of one ``nvidia.com/gpu``, as NVML counts it."""
    driver: str
    cuda: str
    compute: str
    family: str
    machine: str
    sharing_strategy: str
    """``time-slicing``, ``mps``, or empty."""
    replicas: Mapping[str, int]
    """How many pods may share one device, by resource; without those that are not shared."""
    allocatable: Mapping[str, int]
    """How many devices the node offers to pods, by resource."""
    allocated: Mapping[str, int] | None
    """How many devices pods request, by resource, also 0 of an allocatable one; None if unknown."""
    loaded_at: datetime | None
    """When gfd loaded its configuration, from its label ``gfd.timestamp``."""
    written_at: datetime | None
    """When the latest writer of the labels last changed the node."""
    writers: tuple[str, ...]
    """The field managers that wrote the labels, the latest first."""
    stale: tuple[str, ...]
    """What contradicts the labels; empty if nothing does."""
    takes_pods: bool
    """Whether the node takes new pods: it is not cordoned, and not known to be unready."""
    is_tainted: bool
    """Whether a person tainted the node, so that only pods with a toleration can run there."""
    holders: tuple[PodRequest, ...]
    """The pods that request devices, sorted by name; empty if unknown."""

    dra: Mapping[str, DeviceCount] = field(default_factory=dict)
    """The devices of ResourceSlices by kind, as :mod:`gfd.clusterview.dra.device_counts` names them.

    They are also in :attr:`allocatable` and :attr:`allocated`.
    """
    device_taints: Mapping[str, int] = field(default_factory=dict)
    """How many devices of ResourceSlices have each taint."""
    dra_problems: tuple[str, ...] = ()
    """Why devices of ResourceSlices are not counted."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each figure comes from, by field or resource; empty without ResourceSlices."""

    @property
    def has_dra(self) -> bool:
        """Whether ResourceSlices of NVIDIA's DRA driver name the node."""
        return bool(self.dra or self.dra_problems)

    @property
    def free(self) -> Mapping[str, int] | None:
        """Return the number of devices that no pod requests, by resource; None if unknown."""
        if self.allocated is None:
            return None
        return {name: max(count - self.allocated[name], 0) for name, count in self.allocatable.items()}


def has_gpus(node: Node) -> bool:
    """Return whether the labels, the device plugin or the cloud say that the node has GPUs."""
    labels = node.labels
    return node.dra is not None or bool(
        select_devices({**node.capacity, **node.allocatable})
        or {f"{GPU}.count", f"{GPU}.product"} & labels.keys()
        or labels.get(f"{GPU}.present") == "true"
        or find_cloud_name(labels)
    )


def describe(node: Node) -> NodeGpus:
    """Return what is known about the GPUs of a node."""
    found = _describe_labelled(node)
    return found if node.dra is None else add_slices(found, node.dra)


def _describe_labelled(node: Node) -> NodeGpus:
    """Return what labels, device plugin and pods say."""
    labels = node.labels
    strategy = labels.get("nvidia.com/mig.strategy", "none")
    product = labels.get(f"{GPU}.product", "")
    profile = extract_profile(product)
    counts = read_counts(labels, MODEL_COUNT)
    models = {name: count for name, count in counts.items() if name not in NO_MODELS}
    replicas = _read_replicas(labels)
    return NodeGpus(
        node=node.name,
        product=product,
        cloud_name=find_cloud_name(labels),
        models=models,
        gpus=_count_physical(labels, models, is_mig=bool(profile)),
        mig_strategy=strategy,
        mig=_count_mig_devices(labels, profile),
        is_mig_invalid=profile == INVALID,
        memory_mib=read_number(labels, f"{GPU}.memory"),
        driver=_read_version(labels, "driver"),
        cuda=_read_version(labels, "runtime"),
        compute=_join_labels(labels, f"{GPU}.compute.major", f"{GPU}.compute.minor"),
        family=labels.get(f"{GPU}.family", ""),
        machine=labels.get(f"{GPU}.machine", ""),
        sharing_strategy=_read_sharing(labels, replicas),
        replicas=replicas,
        allocatable=select_devices(node.allocatable),
        allocated=_count_allocated(node),
        loaded_at=_read_time(labels),
        written_at=node.label_writers[0].at if node.label_writers else None,
        writers=tuple(writer.manager for writer in node.label_writers),
        stale=find_contradictions(node, models, profile),
        takes_pods=node.takes_pods,
        is_tainted=any(taint.effect != "PreferNoSchedule" for taint in node.own_taints),
        holders=node.holders,
    )


def read_profiles(labels: Labels) -> tuple[str, ...]:
    """Return the MIG profiles in the labels of the strategy ``mixed``."""
    return tuple(read_counts(labels, MIG_COUNT))


def _count_allocated(node: Node) -> dict[str, int] | None:
    nothing = dict.fromkeys(select_devices(node.allocatable), 0)
    return nothing | select_devices(node.requested) if node.is_counted else None


def _count_physical(labels: Labels, models: Mapping[str, int], *, is_mig: bool) -> int | None:
    physical = read_number(labels, f"{GPU}.count.physical")
    if physical is not None:
        return physical
    if models:
        return sum(models.values())
    return None if is_mig else read_number(labels, f"{GPU}.count")


def _count_mig_devices(labels: Labels, profile: str) -> dict[str, int]:
    if profile and profile != INVALID:
        return {profile: read_number(labels, f"{GPU}.count") or 0}
    return read_counts(labels, MIG_COUNT)


def _read_replicas(labels: Labels) -> dict[str, int]:
    found = {}
    for key in labels:
        name = key.removesuffix(".replicas")
        count = read_number(labels, key) if name != key and key.startswith(VENDOR) else None
        if count is not None and count > 1:
            found[name] = count
    return dict(sorted(found.items()))


def _read_sharing(labels: Labels, replicas: Mapping[str, int]) -> str:
    # All resources of a node are shared in the same way.
    return next((labels.get(f"{name}.sharing-strategy", "") for name in replicas), "")


def _read_version(labels: Labels, name: str) -> str:
    """Return the full version of ``driver`` or ``runtime``, also from the original's labels before v0.15."""
    full = labels.get(f"nvidia.com/cuda.{name}-version.full", "")
    old = f"nvidia.com/cuda.{name}"
    return full or _join_labels(labels, f"{old}.major", f"{old}.minor", f"{old}.rev")


def _join_labels(labels: Labels, *keys: str) -> str:
    return ".".join(filter(None, (labels.get(key) for key in keys)))


def _read_time(labels: Labels) -> datetime | None:
    seconds = read_number(labels, "nvidia.com/gfd.timestamp")
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
