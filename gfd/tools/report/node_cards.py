"""Make the cards of the page: the labels, notes and diagrams of each node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.labels.products import INVALID, extract_profile
from gfd.labels.syntax import VENDOR
from gfd.tools.report.diagrams import TIMES, Diagram, draw_devices, draw_gpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.nodes import Node
    from gfd.inventory.model import Inventory

_NO_GPU = "No GPU."
_NO_LABELS = "No labels of gfd: there is no GPU, or gfd does not run here."
_NO_GPU_LABELS = "This node has GPUs but no GPU labels: gfd does not run here, or could not read them."
_INVALID = (
    "This node offers no GPU: with MIG strategy single, every GPU must be in MIG mode and have MIG devices,"
    " all of one profile."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCard:
    """One node on the page."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    """Short texts about the node; the first names its GPUs."""
    notes: tuple[str, ...] = ()
    """Problems: no GPUs, an invalid MIG layout, GPUs that could not be read."""
    diagrams: tuple[Diagram, ...] = ()


def make_node_card(node: Node) -> NodeCard:
    """Return the card of a Node."""
    profile = _extract_profile(node.labels)
    diagrams = tuple(
        draw_devices(
            resource,
            count,
            node.requested.get(resource, 0) if node.is_counted else None,
            resource.removeprefix(VENDOR + "mig-") if resource.startswith(VENDOR + "mig-") else profile,
        )
        for resource, count in sorted(node.allocatable.items())
        if count
    )
    # gfd writes this label on every node where it runs.
    without = _NO_GPU if VENDOR + "vgpu.present" in node.labels else _NO_LABELS
    return _make_card(node.name, node.labels, diagrams=diagrams, without=without)


def make_inventory_card(
    name: str, labels: Mapping[str, str], inventory: Inventory, *, notes: tuple[str, ...] = ()
) -> NodeCard:
    """Return the card of a machine; ``notes`` give the reason if it has no labels."""
    failed = tuple(f"{gpu}." for gpu in inventory.failed_gpus)
    return _make_card(name, labels, diagrams=tuple(draw_gpus(inventory.gpus)), notes=(*notes, *failed))


def _make_card(
    name: str,
    labels: Mapping[str, str],
    *,
    diagrams: tuple[Diagram, ...],
    notes: tuple[str, ...] = (),
    without: str = _NO_GPU,
) -> NodeCard:
    """Return a card; ``without`` is the note if the node has neither labels nor diagrams of GPUs."""
    if _extract_profile(labels) == INVALID:
        notes = (*notes, _INVALID)
    elif not notes and VENDOR + "gpu.product" not in labels:
        notes = (_NO_GPU_LABELS if diagrams else without,)
    return NodeCard(
        name=name, labels=labels, facts=tuple(_list_facts(labels)), notes=notes, diagrams=diagrams
    )


def _extract_profile(labels: Mapping[str, str]) -> str:
    """Return the MIG profile in the product's label with MIG strategy single, or an empty string."""
    return extract_profile(labels.get(VENDOR + "gpu.product", ""))


def _list_facts(labels: Mapping[str, str]) -> Iterator[str]:
    def label(name: str) -> str:
        return labels.get(VENDOR + name, "")

    if product := label("gpu.product"):
        yield f"{label('gpu.count') or '?'} {TIMES} {product}"
    if memory := label("gpu.memory"):
        yield f"{memory} MiB"
    if family := label("gpu.family"):
        yield family
    if strategy := label("mig.strategy"):
        yield f"MIG strategy {strategy}"
    if (sharing := label("gpu.sharing-strategy")) not in ("", "none"):
        yield f"{sharing}, {label('gpu.replicas')} pods each"
    if driver := label("cuda.driver-version.full"):
        yield f"driver {driver}"
    if cuda := label("cuda.runtime-version.full"):
        yield f"CUDA {cuda}"
