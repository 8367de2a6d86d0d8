"""Make the cards of the page: the labels, notes and diagrams of each node."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import extract_mig_profile
from gfd.clusterview.dra.device_counts import extract_profile as extract_dra_profile
from gfd.clusterview.dra.device_counts import is_dra
from gfd.clusterview.gpus import NodeGpus, describe, has_gpus
from gfd.clusterview.timestamps import format_time
from gfd.labels.products import extract_profile
from gfd.labels.syntax import VENDOR
from gfd.text import escape, join_words
from gfd.tools.nodes.dra_fields import list_sources
from gfd.tools.nodes.product_totals import name_product
from gfd.tools.report.diagrams import TIMES, Diagram, draw_devices, draw_gpus
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.nodes import Node, Taint
    from gfd.inventory.model import Inventory

_NO_GPU = "No GPU."
_NO_GPU_LABELS = "This node has GPUs but no GPU labels: gfd does not run here, or could not read them."
_INVALID = (
    "This node offers no GPU: with MIG strategy single, every GPU must be in MIG mode and have MIG devices,"
    " all of one profile."
)

_SOURCES = {"labels": "labels", "plugin": "the device plugin", "slices": "ResourceSlices"}
"""What :func:`list_sources` returns, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCard:
    """One node on the page."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    """Short texts about the node; the first names its GPUs."""
    states: tuple[str, ...] = ()
    """Why the node takes no new pods: it is not ready, or cordoned."""
    notes: tuple[str, ...] = ()
    """Problems: no GPUs, an invalid MIG layout, GPUs that could not be read or are not offered."""
    diagrams: tuple[Diagram, ...] = ()
    taints: tuple[Taint, ...] = ()
    """The taints that a person set; a pod needs a toleration for each."""
    gpus: NodeGpus | None = None
    """The node in the totals of the page; None if it has no GPUs."""


def make_node_card(node: Node) -> NodeCard:
    """Return the card of a Node."""
    gpus = describe(node)
    diagrams = tuple(
        draw_devices(
            resource,
            count,
            None if gpus.allocated is None else gpus.allocated.get(resource, 0),
            _find_profile(resource, gpus),
        )
        for resource, count in gpus.allocatable.items()
        if count
    )
    states = []
    if node.unready_since is not None:
        states.append(f"NotReady since {format_time(node.unready_since)}")
    if node.is_cordoned:
        states.append("cordoned")
    states += [f"has the taint {escape(taint.key)}" for taint in node.pressures]
    # If the node is not ready, that is the first contradiction.
    contradictions = [
        each
        for each in (gpus.stale[1:] if node.unready_since is not None else gpus.stale)
        if each not in gpus.dra_problems
    ]
    notes = tuple(f"The labels are stale: {each}." for each in contradictions) if gpus.product else ()
    notes += tuple(_list_device_notes(gpus))
    card = _make_card(node, gpus, diagrams, notes=notes)
    return replace(card, states=tuple(states), taints=node.own_taints)


def make_inventory_card(node: Node, inventory: Inventory, *, notes: tuple[str, ...] = ()) -> NodeCard:
    """Return the card of a machine; ``notes`` give the reason if it has no labels."""
    failed = tuple(f"{gpu}." for gpu in inventory.failed_gpus)
    diagrams = tuple(draw_gpus(inventory.gpus))
    return _make_card(node, describe(replace(node, is_counted=False)), diagrams, notes=(*notes, *failed))


def _make_card(
    node: Node, gpus: NodeGpus, diagrams: tuple[Diagram, ...], *, notes: tuple[str, ...]
) -> NodeCard:
    if gpus.is_mig_invalid:
        notes = (*notes, _INVALID)
    elif not notes and not gpus.product:
        notes = (_NO_GPU_LABELS if diagrams or gpus.cloud_name else _NO_GPU,)
    return NodeCard(
        name=node.name,
        labels=node.labels,
        facts=tuple(_list_facts(gpus, node.labels)),
        notes=notes,
        diagrams=diagrams,
        gpus=gpus if has_gpus(node) else None,
    )


def _find_profile(resource: str, gpus: NodeGpus) -> str:
    """Return the MIG profile of the devices of a resource; empty for GPUs."""
    if is_dra(resource):
        return extract_dra_profile(resource)
    return extract_mig_profile(resource) or extract_profile(gpus.product)


def _list_device_notes(gpus: NodeGpus) -> Iterator[str]:
    """Yield what is wrong with devices of ResourceSlices."""
    for problem in gpus.dra_problems:
        yield f"Devices are not counted: {problem}."
    for taint, count in gpus.device_taints.items():
        yield f"{pluralize(count, 'device')} with the taint {escape(taint)}."
    if any(each.is_partition for each in gpus.dra.values()):
        yield "Some devices are parts of the same GPU: a claim for one leaves fewer of the others."


def _list_facts(gpus: NodeGpus, labels: Mapping[str, str]) -> Iterator[str]:
    def label(name: str) -> str:
        return labels.get(VENDOR + name, "")

    if named := _name_gpus(gpus, label("gpu.count")):
        yield named
    if memory := label("gpu.memory") or gpus.memory_mib:
        yield f"{memory} MiB"
    if family := gpus.family:
        yield family
    if strategy := label("mig.strategy"):
        yield f"MIG strategy {strategy}"
    if (sharing := label("gpu.sharing-strategy")) not in ("", "none"):
        yield f"{sharing}, {label('gpu.replicas')} pods each"
    if driver := label("cuda.driver-version.full") or (gpus.driver if gpus.has_dra else ""):
        yield f"driver {driver}"
    if cuda := label("cuda.runtime-version.full") or (gpus.cuda if gpus.has_dra else ""):
        yield f"CUDA {cuda}"
    if gpus.has_dra:
        yield f"told by {join_words(map(_SOURCES.__getitem__, list_sources(gpus)), 'and')}"


def _name_gpus(gpus: NodeGpus, count: str) -> str:
    if gpus.has_dra and gpus.gpus is not None:
        count = str(gpus.gpus)
    if gpus.models:
        return ", ".join(f"{number} {TIMES} {model}" for model, number in gpus.models.items())
    return f"{count or '?'} {TIMES} {gpus.product}" if gpus.product else name_product(gpus)
