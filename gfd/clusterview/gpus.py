"""What a Node's labels, its device plugin and its pods say of its GPUs.

Labels do not tell when they were last found to be right: gfd writes only what has changed. They are called
stale where something else on the Node speaks against them: the kubelet does not report, or the device plugin
offers other devices than the labels tell. Nothing against them is no proof that they are right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gfd.clusterview.ages import rfc3339
from gfd.labels.products import INVALID, profile_of
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels

GPU = "nvidia.com/gpu"
SHARED = ".shared"
"""Ends the name of a resource that the device plugin serves under another name because it is shared."""

_MIG_COUNT = ("nvidia.com/mig-", ".count")
_MODEL_COUNT = ("nvidia.com/gpu.count.", "")
_DEVICE = re.compile(r"nvidia\.com/(?:gpu|mig-.+?)(?:\.shared)?")
"""Resources that are GPUs or parts of one; NVIDIA's network operator has others."""
_NO_MODELS = ("physical", "full", "mig-enabled", "failed")
"""What gpu.count. is followed by in labels that count something else than the GPUs of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus:
    """The GPUs of a Node. Texts are empty where nothing tells them."""

    node: str
    product: str
    """As the label says, so with MIG profile and ``-SHARED``."""
    models: Mapping[str, int]
    """GPUs by product, on a node with several models."""
    gpus: int | None
    """Physical ones; None where the labels count MIG devices only."""
    mig_strategy: str
    """``none``, ``single`` or ``mixed``."""
    mig: Mapping[str, int]
    """MIG devices by profile."""
    is_mig_invalid: bool
    """Whether the strategy single cannot describe the node."""
    memory_mib: int | None
    """Of one ``nvidia.com/gpu``, as NVML counts it."""
    driver: str
    cuda: str
    compute: str
    family: str
    machine: str
    sharing_strategy: str
    """``time-slicing``, ``mps``, or empty."""
    replicas: Mapping[str, int]
    """Pods that may share one device, by resource, where that is more than one."""
    allocatable: Mapping[str, int]
    """By resource."""
    allocated: Mapping[str, int] | None
    """What placed pods request, of all that is allocatable at least; None where that is unknown."""
    loaded_at: datetime | None
    """When gfd loaded its configuration, by its own label."""
    written_at: datetime | None
    """When who wrote the labels last changed the Node."""
    writers: tuple[str, ...]
    stale: tuple[str, ...]
    """What speaks against the labels."""

    @property
    def free(self) -> Mapping[str, int] | None:
        """Return what no placed pod requests."""
        if self.allocated is None:
            return None
        return {name: max(count - self.allocated[name], 0) for name, count in self.allocatable.items()}


def has_gpus(node: Node) -> bool:
    """Return whether a label, NVIDIA's operator or a device plugin tells of GPUs."""
    labels = node.labels
    return bool(
        _devices({**node.capacity, **node.allocatable})
        or {f"{GPU}.count", f"{GPU}.product"} & labels.keys()
        or labels.get(f"{GPU}.present") == "true"
    )


def describe(node: Node) -> Gpus:
    """Return what there is to say of the GPUs of ``node``."""
    labels = node.labels
    strategy = labels.get("nvidia.com/mig.strategy", "none")
    product = labels.get(f"{GPU}.product", "")
    profile = profile_of(product)
    counts = _count(labels, _MODEL_COUNT)
    models = {name: count for name, count in counts.items() if name not in _NO_MODELS}
    replicas = _replicas(labels)
    return Gpus(
        node=node.name,
        product=product,
        models=models,
        gpus=_count_physical(labels, models, is_mig=bool(profile)),
        mig_strategy=strategy,
        mig=_mig(labels, profile),
        is_mig_invalid=profile == INVALID,
        memory_mib=_number(labels, f"{GPU}.memory"),
        driver=_version(labels, "driver"),
        cuda=_version(labels, "runtime"),
        compute=_join(labels, f"{GPU}.compute.major", f"{GPU}.compute.minor"),
        family=labels.get(f"{GPU}.family", ""),
        machine=labels.get(f"{GPU}.machine", ""),
        sharing_strategy=_sharing(labels, replicas),
        replicas=replicas,
        allocatable=_devices(node.allocatable),
        allocated=_allocated(node),
        loaded_at=_time(labels),
        written_at=node.writers[0].at if node.writers else None,
        writers=tuple(writer.manager for writer in node.writers),
        stale=tuple(_doubts(node, models, profile)),
    )


def profiles_of(labels: Labels) -> tuple[str, ...]:
    """Return the MIG profiles that a node under the strategy mixed has."""
    return tuple(_count(labels, _MIG_COUNT))


def _doubts(node: Node, models: Mapping[str, int], profile: str) -> list[str]:
    found = []
    if node.unready_since is not None:
        found.append(f"not ready since {rfc3339(node.unready_since)}")
    labels, offered = node.labels, _merge_shared(node.capacity)
    if f"{GPU}.product" not in labels:
        told = ", ".join(f"{count} {_short(name)}" for name, count in sorted(offered.items()) if count)
        return [*found, f"no labels{f', though {told} offered' if told else ''}"]
    promised = _promise(labels, models, profile)
    for name in sorted({*promised, *offered}):
        count = promised.get(name, 0)
        # Under mixed the labels count also the GPUs that are divided, and so not offered whole.
        is_bound = name == GPU and labels.get("nvidia.com/mig.strategy") == "mixed"
        if name in offered and (offered[name] > count if is_bound else offered[name] != count):
            found.append(f"{count} {_short(name)} labelled, {offered[name]} offered")
    return found


def _promise(labels: Labels, models: Mapping[str, int], profile: str) -> dict[str, int]:
    """Return how many devices of each resource the labels let one expect."""
    keys = {GPU, *(f"{VENDOR}mig-{name}" for name in _count(labels, _MIG_COUNT))}
    found = {}
    for key in keys:
        count = _number(labels, f"{key}.count") or 0
        if key == GPU and models and not profile:
            count = sum(models.values())
        found[key] = count * max(_number(labels, f"{key}.replicas") or 1, 1)
    return found


def _devices(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if _DEVICE.fullmatch(name)}


def _allocated(node: Node) -> dict[str, int] | None:
    nothing = dict.fromkeys(_devices(node.allocatable), 0)
    return nothing | _devices(node.requested) if node.is_counted else None


def _merge_shared(counts: Mapping[str, int]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for name, count in _devices(counts).items():
        base = name.removesuffix(SHARED)
        merged[base] = merged.get(base, 0) + count
    return merged


def _short(resource: str) -> str:
    return resource.removeprefix(VENDOR)


def _count_physical(labels: Labels, models: Mapping[str, int], *, is_mig: bool) -> int | None:
    physical = _number(labels, f"{GPU}.count.physical")
    if physical is not None:
        return physical
    if models:
        return sum(models.values())
    return None if is_mig else _number(labels, f"{GPU}.count")


def _mig(labels: Labels, profile: str) -> dict[str, int]:
    if profile and profile != INVALID:
        return {profile: _number(labels, f"{GPU}.count") or 0}
    return _count(labels, _MIG_COUNT)


def _count(labels: Labels, around: tuple[str, str]) -> dict[str, int]:
    """Return the counts that are not 0, by what stands in their keys between the two texts."""
    before, after = around
    found = {}
    for key in sorted(key for key in labels if key.startswith(before) and key.endswith(after)):
        count = _number(labels, key)
        if count:
            found[key.removeprefix(before).removesuffix(after)] = count
    return found


def _replicas(labels: Labels) -> dict[str, int]:
    found = {}
    for key in labels:
        name = key.removesuffix(".replicas")
        count = _number(labels, key) if name != key and key.startswith(VENDOR) else None
        if count is not None and count > 1:
            found[name] = count
    return dict(sorted(found.items()))


def _sharing(labels: Labels, replicas: Mapping[str, int]) -> str:
    # A node's configuration has one way of sharing.
    return next((labels.get(f"{name}.sharing-strategy", "") for name in replicas), "")


def _version(labels: Labels, what: str) -> str:
    """Return a version in full, from the labels of today or from those before v0.15 of the original."""
    full = labels.get(f"nvidia.com/cuda.{what}-version.full", "")
    old = f"nvidia.com/cuda.{what}"
    return full or _join(labels, f"{old}.major", f"{old}.minor", f"{old}.rev")


def _join(labels: Labels, *keys: str) -> str:
    return ".".join(filter(None, (labels.get(key) for key in keys)))


def _number(labels: Labels, key: str) -> int | None:
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _time(labels: Labels) -> datetime | None:
    seconds = _number(labels, "nvidia.com/gfd.timestamp")
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
