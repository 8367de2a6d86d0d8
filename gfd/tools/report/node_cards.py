"""What the page says of a node: from its labels, and what is drawn of its GPUs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.labels.products import INVALID, extract_profile
from gfd.labels.syntax import VENDOR
from gfd.tools.report.diagrams import TIMES, Figure, draw_devices, draw_gpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.clusterview.nodes import Node
    from gfd.inventory.model import Inventory

_NO_GPU = "No GPU."
_UNTOLD = "No label of gfd's: there is no GPU, or gfd does not run here."
_UNLABELLED = "There are GPUs, and no label says which: gfd does not run here, or could not read them."
_INVALID = (
    "MIG strategy single wants every GPU in MIG mode, none of them empty, and one profile;"
    " this node is not so, and offers no GPU."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A node."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    """What one wants to know first; the first of all is which GPUs."""
    notes: tuple[str, ...] = ()
    """What somebody should know: no GPUs, a layout that does not count, what could not be read."""
    figures: tuple[Figure, ...] = ()


def from_node(node: Node) -> Card:
    """Return the card of a Node."""
    profile = _profile(node.labels)
    figures = tuple(
        draw_devices(
            resource,
            count,
            node.requested.get(resource, 0) if node.is_counted else None,
            resource.removeprefix(VENDOR + "mig-") if resource.startswith(VENDOR + "mig-") else profile,
        )
        for resource, count in sorted(node.allocatable.items())
        if count
    )
    # What gfd writes on every node that it runs on.
    without = _NO_GPU if VENDOR + "vgpu.present" in node.labels else _UNTOLD
    return _card(node.name, node.labels, figures=figures, without=without)


def from_inventory(
    name: str, labels: Mapping[str, str], inventory: Inventory, *, notes: tuple[str, ...] = ()
) -> Card:
    """Return the card of a machine; ``notes`` say why it has no labels."""
    failed = tuple(f"{gpu}." for gpu in inventory.failed_gpus)
    return _card(name, labels, figures=tuple(draw_gpus(inventory.gpus)), notes=(*notes, *failed))


def _card(
    name: str,
    labels: Mapping[str, str],
    *,
    figures: tuple[Figure, ...],
    notes: tuple[str, ...] = (),
    without: str = _NO_GPU,
) -> Card:
    """Return a card; ``without`` is what to say where nothing speaks of a GPU."""
    if _profile(labels) == INVALID:
        notes = (*notes, _INVALID)
    elif not notes and VENDOR + "gpu.product" not in labels:
        notes = (_UNLABELLED if figures else without,)
    return Card(name=name, labels=labels, facts=tuple(_facts(labels)), notes=notes, figures=figures)


def _profile(labels: Mapping[str, str]) -> str:
    """Return the MIG profile that the product names under strategy single."""
    return extract_profile(labels.get(VENDOR + "gpu.product", ""))


def _facts(labels: Mapping[str, str]) -> Iterator[str]:
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
