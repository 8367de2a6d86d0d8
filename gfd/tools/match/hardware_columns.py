"""Describe the devices of a node beside its name: product, memory, and how a device is divided or shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import find_cloud_name
from gfd.clusterview.device_counts import GPU, MIG, MODEL_COUNT, NO_MODELS, SHARED, read_counts, read_number
from gfd.labels.products import INVALID, extract_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

_SHARING = {"time-slicing": "time-shared", "mps": "shared with MPS"}


def find_device(requests: Mapping[str, int], labels: Labels) -> str:
    """Return the device to describe: the MIG device that the pod requests, else ``nvidia.com/gpu``."""
    names = (name.removesuffix(SHARED) for name, count in sorted(requests.items()) if count)
    return next((name for name in names if name.startswith(MIG) and f"{name}.product" in labels), GPU)


def describe_product(labels: Labels, device: str) -> str:
    """Return the product of a node's devices: all models if there are several, since a pod gets any of them.

    Without the label, return the cloud's name in parentheses.
    """
    if models := _list_models(labels, device):
        return " + ".join(models)
    product = labels.get(f"{device}.product", "")
    cloud = "" if product else find_cloud_name(labels)
    return f"({cloud})" if cloud else product


def describe_memory(labels: Labels, device: str) -> str:
    """Return the memory of one device: ``81559 MiB``; empty if unknown, or if there are several models."""
    if _list_models(labels, device):
        return ""
    memory_mib = read_number(labels, f"{device}.memory")
    return f"{memory_mib} MiB" if memory_mib else ""


def _list_models(labels: Labels, device: str) -> tuple[str, ...]:
    """Return the models of a node's GPUs if there are several; else nothing."""
    counts = read_counts(labels, MODEL_COUNT) if device == GPU else {}
    models = sorted(name for name, count in counts.items() if count and name not in NO_MODELS)
    return tuple(models) if len(models) > 1 else ()


def describe_sharing(labels: Labels, resource: str, count: int) -> str:
    """Return what part of a GPU a pod gets with ``count`` of a resource; empty for whole GPUs.

    For example ``MIG 1g.5gb, time-shared, 1 of 4 replicas``.
    """
    device = resource.removesuffix(SHARED)
    profile = extract_profile(labels.get(f"{device}.product", "")) or device.removeprefix(MIG)
    is_mig = device.startswith(MIG) or (device == GPU and profile not in (GPU, INVALID))
    parts = [f"MIG {profile}"] if is_mig else []
    replicas = read_number(labels, f"{device}.replicas") or 1
    if replicas > 1:
        how = _SHARING.get(labels.get(f"{device}.sharing-strategy", ""), "shared")
        parts.append(f"{how}, {count} of {replicas} replicas")
    elif resource != device:
        parts.append("shared")
    return ", ".join(parts)
