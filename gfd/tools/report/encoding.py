"""Encode the data of the page. Store repeated values once, so that thousands of nodes fit."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gfd.tools.report.diagrams import Segment

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

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
    """Return plain values for JSON: ``nodes`` refer to ``labels``, ``texts`` and ``diagrams`` by index."""
    labels, texts, diagrams = _Numbers(), _Numbers(), _Numbers()
    nodes = [
        {
            "name": card.name,
            "labels": [labels[key, card.labels[key]] for key in sorted(card.labels)],
            "facts": [texts[fact] for fact in card.facts],
            "notes": [texts[note] for note in card.notes],
            "diagrams": [diagrams[diagram] for diagram in card.diagrams],
        }
        for card in cards
    ]
    return {
        "first": _choose_first(key for key, _ in labels),
        "labels": [list(label) for label in labels],
        "texts": list(texts),
        "diagrams": [_encode_diagram(diagram) for diagram in diagrams],
        "nodes": nodes,
    }


def _choose_first(keys: Iterable[str]) -> list[str]:
    known = set(keys)
    counts = sorted(key for key in known if key.startswith("nvidia.com/mig-") and key.endswith(".count"))
    return [key for key in FIRST if key in known] + counts


def _encode_diagram(diagram: Diagram) -> dict[str, Any]:
    return {
        "caption": diagram.caption,
        "words": diagram.words,
        "rows": list(diagram.rows),
        "columns": diagram.columns,
        "segments": [{name: getattr(each, name) for name in _SEGMENT_FIELDS} for each in diagram.segments],
    }
