"""Encode the data of the page. Store repeated values once, so that thousands of nodes fit."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import MIG
from gfd.clusterview.dra.device_counts import is_dra
from gfd.tools.report.diagrams import Segment

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from gfd.clusterview.gpus import NodeGpus
    from gfd.tools.report.diagrams import Diagram
    from gfd.tools.report.node_cards import NodeCard

FIRST = (
    "nvidia.com/gpu.product",
    "nvidia.com/gpu.count",
    "nvidia.com/gpu.memory",
    "nvidia.com/gpu.family",
    "nvidia.com/mig.strategy",
    "nvidia.com/gpu.sharing-strategy",
    "nvidia.com/cuda.driver-version.full",
    "nvidia.com/cuda.runtime-version.full",
)
"""The labels that the page offers before a search; the counts of MIG devices follow them."""

_SEGMENT_FIELDS = tuple(field.name for field in fields(Segment))


class _Numbers(dict[Any, int]):
    """Numbers values in the order of their first use."""

    def __missing__(self, value: Hashable) -> int:
        self[value] = len(self)
        return self[value]


def encode(cards: Sequence[NodeCard]) -> dict[str, Any]:
    """Return plain values for JSON.

    ``nodes`` refer to ``labels``, ``texts``, ``taints``, ``offers`` and ``diagrams`` by index. An offer is a
    list of resource, allocatable devices and free devices (null if unknown).
    """
    labels, texts, taints, offers, diagrams = (_Numbers() for _ in range(5))
    nodes = [
        {
            "name": card.name,
            "hasGpus": card.gpus is not None,
            "labels": [labels[key, card.labels[key]] for key in sorted(card.labels)],
            "facts": [texts[fact] for fact in card.facts],
            "states": [texts[state] for state in card.states],
            "notes": [texts[note] for note in card.notes],
            "taints": [taints[taint.key, taint.value, taint.effect] for taint in card.taints],
            "offers": [offers[offer] for offer in _list_offers(card.gpus)],
            "diagrams": [diagrams[diagram] for diagram in card.diagrams],
        }
        for card in cards
    ]
    return {
        "first": _choose_first(key for key, _ in labels),
        "labels": list(map(list, labels)),
        "texts": list(texts),
        "taints": list(map(list, taints)),
        "offers": list(map(list, offers)),
        "diagrams": [_encode_diagram(diagram) for diagram in diagrams],
        "nodes": nodes,
    }


def _list_offers(gpus: NodeGpus | None) -> Iterator[tuple[str, int, int | None]]:
    for resource, count in gpus.allocatable.items() if gpus else ():
        # The lines for a pod name extended resources; devices of ResourceSlices need a claim.
        if count and not is_dra(resource):
            yield resource, count, None if gpus is None or gpus.free is None else gpus.free[resource]


def _choose_first(keys: Iterable[str]) -> list[str]:
    known = set(keys)
    counts = sorted(key for key in known if key.startswith(MIG) and key.endswith(".count"))
    return [key for key in FIRST if key in known] + counts


def _encode_diagram(diagram: Diagram) -> dict[str, Any]:
    return {
        "caption": diagram.caption,
        "words": diagram.words,
        "rows": list(diagram.rows),
        "columns": diagram.columns,
        "segments": [{name: getattr(each, name) for name in _SEGMENT_FIELDS} for each in diagram.segments],
    }
