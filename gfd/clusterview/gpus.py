"""Describe the GPUs of a node from its labels, its device plugin and its pods.

Labels have no "last checked" time, since gfd writes only what has changed. They count as stale if something
else on the node contradicts them: the kubelet does not report, or the device plugin offers a different number
of devices. Labels that nothing contradicts may still be wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gfd.clusterview.timestamps import format_time
from gfd.labels.products import INVALID, extract_profile
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels

GPU = "nvidia.com/gpu"
SHARED = ".shared"
"""The device plugin can append this to the name of a shared resource."""

_MIG_COUNT = ("nvidia.com/mig-", ".count")
_MODEL_COUNT = ("nvidia.com/gpu.count.", "")
_DEVICE = re.compile(r"nvidia\.com/(?:gpu|mig-.+?)(?:\.shared)?")
"""Matches GPUs and MIG devices; NVIDIA's network operator offers other resources."""
_NO_MODELS = ("physical", "full", "mig-enabled", "failed")
"""Names of labels ``gpu.count.<name>`` that do not count the GPUs of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGpus:
    """The GPUs of a node. A text that is unknown is empty."""

    node: str
    product: str
    """The value of the label, including the MIG profile and ``-SHARED``."""
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

    @property
    def free(self) -> Mapping[str, int] | None:
        """Return the number of devices that no pod requests, by resource; None if unknown."""
        if self.allocated is None:
            return None
        return {name: max(count - self.allocated[name], 0) for name, count in self.allocatable.items()}


def has_gpus(node: Node) -> bool:
    """Return whether the labels or the device plugin say that the node has GPUs."""
    labels = node.labels
    return bool(
        _select_devices({**node.capacity, **node.allocatable})
        or {f"{GPU}.count", f"{GPU}.product"} & labels.keys()
        or labels.get(f"{GPU}.present") == "true"
    )


def describe(node: Node) -> NodeGpus:
    """Return what is known about the GPUs of a node."""
    labels = node.labels
    strategy = labels.get("nvidia.com/mig.strategy", "none")
    product = labels.get(f"{GPU}.product", "")
    profile = extract_profile(product)
    counts = _read_counts(labels, _MODEL_COUNT)
    models = {name: count for name, count in counts.items() if name not in _NO_MODELS}
    replicas = _read_replicas(labels)
    return NodeGpus(
        node=node.name,
        product=product,
        models=models,
        gpus=_count_physical(labels, models, is_mig=bool(profile)),
        mig_strategy=strategy,
        mig=_count_mig_devices(labels, profile),
        is_mig_invalid=profile == INVALID,
        memory_mib=_read_number(labels, f"{GPU}.memory"),
        driver=_read_version(labels, "driver"),
        cuda=_read_version(labels, "runtime"),
        compute=_join_labels(labels, f"{GPU}.compute.major", f"{GPU}.compute.minor"),
        family=labels.get(f"{GPU}.family", ""),
        machine=labels.get(f"{GPU}.machine", ""),
        sharing_strategy=_read_sharing(labels, replicas),
        replicas=replicas,
        allocatable=_select_devices(node.allocatable),
        allocated=_count_allocated(node),
        loaded_at=_read_time(labels),
        written_at=node.label_writers[0].at if node.label_writers else None,
        writers=tuple(writer.manager for writer in node.label_writers),
        stale=tuple(_find_contradictions(node, models, profile)),
    )


def read_profiles(labels: Labels) -> tuple[str, ...]:
    """Return the MIG profiles in the labels of the strategy ``mixed``."""
    return tuple(_read_counts(labels, _MIG_COUNT))


def _find_contradictions(node: Node, models: Mapping[str, int], profile: str) -> list[str]:
    found = []
    if node.unready_since is not None:
        found.append(f"not ready since {format_time(node.unready_since)}")
    labels, offered = node.labels, _merge_shared(node.capacity)
    if f"{GPU}.product" not in labels:
        devices = ", ".join(f"{count} {_shorten(name)}" for name, count in sorted(offered.items()) if count)
        return [*found, f"no labels, but {devices} offered" if devices else "no labels"]
    labelled = _count_labelled(labels, models, profile)
    for name in sorted({*labelled, *offered}):
        count = labelled.get(name, 0)
        # Under mixed, the labels also count GPUs in MIG mode, which are not offered as GPUs.
        is_upper_bound = name == GPU and labels.get("nvidia.com/mig.strategy") == "mixed"
        if name in offered and (offered[name] > count if is_upper_bound else offered[name] != count):
            found.append(f"{count} {_shorten(name)} labelled, {offered[name]} offered")
    return found


def _count_labelled(labels: Labels, models: Mapping[str, int], profile: str) -> dict[str, int]:
    """Return how many devices of each resource the device plugin should offer, by the labels."""
    keys = {GPU, *(f"{VENDOR}mig-{name}" for name in _read_counts(labels, _MIG_COUNT))}
    found = {}
    for key in keys:
        count = _read_number(labels, f"{key}.count") or 0
        if key == GPU and models and not profile:
            count = sum(models.values())
        found[key] = count * max(_read_number(labels, f"{key}.replicas") or 1, 1)
    return found


def _select_devices(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if _DEVICE.fullmatch(name)}


def _count_allocated(node: Node) -> dict[str, int] | None:
    nothing = dict.fromkeys(_select_devices(node.allocatable), 0)
    return nothing | _select_devices(node.requested) if node.is_counted else None


def _merge_shared(counts: Mapping[str, int]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for name, count in _select_devices(counts).items():
        base = name.removesuffix(SHARED)
        merged[base] = merged.get(base, 0) + count
    return merged


def _shorten(resource: str) -> str:
    return resource.removeprefix(VENDOR)


def _count_physical(labels: Labels, models: Mapping[str, int], *, is_mig: bool) -> int | None:
    physical = _read_number(labels, f"{GPU}.count.physical")
    if physical is not None:
        return physical
    if models:
        return sum(models.values())
    return None if is_mig else _read_number(labels, f"{GPU}.count")


def _count_mig_devices(labels: Labels, profile: str) -> dict[str, int]:
    if profile and profile != INVALID:
        return {profile: _read_number(labels, f"{GPU}.count") or 0}
    return _read_counts(labels, _MIG_COUNT)


def _read_counts(labels: Labels, affixes: tuple[str, str]) -> dict[str, int]:
    """Return the counts other than 0 of the labels ``<prefix><name><suffix>``, by name."""
    prefix, suffix = affixes
    found = {}
    for key in sorted(key for key in labels if key.startswith(prefix) and key.endswith(suffix)):
        count = _read_number(labels, key)
        if count:
            found[key.removeprefix(prefix).removesuffix(suffix)] = count
    return found


def _read_replicas(labels: Labels) -> dict[str, int]:
    found = {}
    for key in labels:
        name = key.removesuffix(".replicas")
        count = _read_number(labels, key) if name != key and key.startswith(VENDOR) else None
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


def _read_number(labels: Labels, key: str) -> int | None:
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _read_time(labels: Labels) -> datetime | None:
    seconds = _read_number(labels, "nvidia.com/gfd.timestamp")
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
