"""Add what ResourceSlices say to what labels and device plugin say of the GPUs of a node.

Labels win, since gfd writes them on purpose: ResourceSlices fill only what labels do not say. Devices are
counted under the names of their DeviceClasses, beside the resources of the device plugin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.device_counts import (
    MIG_CLASS,
    count_devices,
    count_gpus,
    count_taints,
    extract_profile,
    name_kind,
)
from gfd.labels.products import compose_product

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.clusterview.dra.index import NodePools
    from gfd.clusterview.dra.model import Device
    from gfd.clusterview.gpus import NodeGpus

LABELS, PLUGIN, SLICES = "labels", "device plugin", "ResourceSlices"
"""Where a figure comes from."""
_FACTS = ("product", "gpus", "mig", "memory_mib", "driver", "cuda", "compute", "family")
"""The fields that labels or ResourceSlices tell."""


def add_slices(gpus: NodeGpus, pools: NodePools) -> NodeGpus:
    """Return the GPUs of a node with the devices of its pools, and the source of each figure."""
    devices, counts = pools.devices, count_devices(pools)
    facts = dict(_find_facts(devices)) if devices else {}
    facts |= {
        "mig": {extract_profile(kind): each.total for kind, each in counts.items() if extract_profile(kind)}
    }
    filled = {name: value for name, value in facts.items() if value and not _is_known(gpus, name)}
    problems = pools.problems
    return replace(
        gpus,
        **filled,
        allocatable=dict(
            sorted({**gpus.allocatable, **{kind: each.offered for kind, each in counts.items()}}.items())
        ),
        allocated=_merge_allocated(gpus, {kind: each.allocated for kind, each in counts.items()}),
        stale=(*gpus.stale, *_find_contradictions(gpus, devices), *problems),
        dra=counts,
        device_taints=count_taints(pools),
        dra_problems=problems,
        sources={
            **find_label_sources(gpus),
            **dict.fromkeys(filled, SLICES),
            **dict.fromkeys(counts, SLICES),
        },
    )


def find_label_sources(gpus: NodeGpus) -> dict[str, str]:
    """Return the sources of the figures of a node that has no ResourceSlices."""
    return {
        **{name: LABELS for name in _FACTS if _is_known(gpus, name)},
        **dict.fromkeys(gpus.allocatable, PLUGIN),
    }


def _is_known(gpus: NodeGpus, name: str) -> bool:
    """Return whether labels tell a fact; models and MIG layout are known where labels name the product."""
    return bool(getattr(gpus, name)) or (name in ("mig", "models") and bool(gpus.product))


def _merge_allocated(gpus: NodeGpus, allocated: dict[str, int | None]) -> dict[str, int] | None:
    known = {kind: count for kind, count in allocated.items() if count is not None}
    if gpus.allocated is None or len(known) < len(allocated):
        # On a node that has devices of ResourceSlices only, the pods do not matter.
        is_complete = not gpus.allocatable and len(known) == len(allocated)
        return known if is_complete else None
    return dict(sorted({**gpus.allocated, **known}.items()))


def _find_facts(devices: Sequence[Device]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that devices tell; those of the first device, if all have the same driver."""
    first = devices[0]
    models: dict[str, list[Device]] = {}
    for device in devices:
        models.setdefault(device.text("productName"), []).append(device)
    products = {compose_product(name): count_gpus(group) for name, group in models.items() if name}
    yield "product", next(iter(products), "")
    if len(products) > 1:
        yield "models", products
    yield "gpus", count_gpus(devices)
    yield "memory_mib", _read_memory_mib(devices)
    yield "driver", first.text("driverVersion")
    yield "cuda", first.text("cudaDriverVersion").removesuffix(".0")
    yield "compute", first.text("cudaComputeCapability").removesuffix(".0")
    yield "family", first.text("architecture").lower().replace(" ", "-")


def _read_memory_mib(devices: Sequence[Device]) -> int | None:
    """Return the memory of the first whole GPU, as the label has it; None if there is none."""
    for device in devices:
        memory = device.capacity.get(f"{device.id.driver}/memory")
        if memory is not None and not name_kind(device).startswith(MIG_CLASS):
            return int(memory) >> 20
    return None


def _find_contradictions(gpus: NodeGpus, devices: Sequence[Device]) -> Iterator[str]:
    """Yield what the devices contradict in the labels."""
    found = count_gpus(devices)
    if devices and gpus.gpus is not None and gpus.product and found != gpus.gpus:
        yield f"{gpus.gpus} gpu labelled, {found} in ResourceSlices"
