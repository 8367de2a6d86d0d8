"""The top of the page: the devices by product, and what the boxes of the diagrams mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, shorten
from gfd.text import escape
from gfd.tools.nodes.product_totals import ProductTotal, count_by_product
from gfd.tools.report.diagrams import TIMES
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.tools.report.diagrams import SegmentState
    from gfd.tools.report.node_cards import NodeCard

_IN_CLUSTER: Mapping[SegmentState, str] = {
    "taken": "held by a pod",
    "free": "free",
    "present": "offered; whether a pod holds it is unknown",
}
_IN_SNAPSHOTS: Mapping[SegmentState, str] = {
    "taken": "MIG instance",
    "free": "free",
    "unusable": "cannot be used: its memory belongs to an instance",
}
"""What a box means, by its state. In a snapshot, the text in the box names a GPU without MIG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalRow:
    """A line of the table of products."""

    product: str
    resource: str
    nodes: int
    allocatable: int
    free: str
    """The number of free devices, and how many of them no pod can get; empty if unknown."""
    largest: str
    """What the largest pod can still get, as a sentence; empty if unknown."""


def make_total_rows(cards: Sequence[NodeCard]) -> list[TotalRow]:
    """Return a line for each product and resource of the nodes."""
    return [_make_row(total) for total in count_by_product(card.gpus for card in cards if card.gpus)]


def make_legend(cards: Sequence[NodeCard], *, is_cluster: bool) -> list[tuple[SegmentState, str]]:
    """Return states of segments with their meanings, in the order of the page."""
    found = {segment.state for card in cards for each in set(card.diagrams) for segment in each.segments}
    return [
        (state, words)
        for state, words in (_IN_CLUSTER if is_cluster else _IN_SNAPSHOTS).items()
        if state in found
    ]


def _make_row(total: ProductTotal) -> TotalRow:
    free = "" if total.free is None else str(total.free)
    if total.unusable and free:
        free += f" ({total.unusable} on nodes that take no new pods)"
    return TotalRow(
        product=escape(total.product) or "unknown: no labels",
        resource=escape(total.resource),
        nodes=total.nodes,
        allocatable=total.allocatable,
        free=free,
        largest="" if total.free is None else _describe_largest(total),
    )


def _describe_largest(total: ProductTotal) -> str:
    if not total.largest:
        return "no device is free for a pod"
    resource = shorten(total.resource)
    is_gpu = total.resource == GPU and "-MIG-" not in total.product
    pod = f"{total.largest}-GPU pod" if is_gpu else f"pod with {total.largest} {TIMES} {escape(resource)}"
    article = "an" if is_gpu and total.largest in (8, 11, 18) else "a"
    need = "" if not total.tainted else ", with a toleration"
    if 0 < total.tainted < total.fitting:
        need = f", on {total.tainted} only with a toleration"
    return f"{article} {pod} fits on {pluralize(total.fitting, 'node')}{need}"
