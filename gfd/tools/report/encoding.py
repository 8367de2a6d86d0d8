"""The data of the page, small enough for thousands of nodes: whatever repeats is there once, and numbered."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gfd.tools.report.diagrams import Stretch

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from gfd.tools.report.diagrams import Figure
    from gfd.tools.report.node_cards import Card

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
"""Labels to choose from before anything is searched for, with the counts of MIG devices after them."""

_STRETCH = tuple(field.name for field in fields(Stretch))


class _Numbers(dict[Any, int]):
    """Numbers values in the order in which they are first asked for."""

    def __missing__(self, value: Hashable) -> int:
        self[value] = len(self)
        return self[value]


def encode(cards: Sequence[Card]) -> dict[str, Any]:
    """Return plain values: ``nodes`` refer to ``labels``, ``texts`` and ``figures`` by number."""
    labels, texts, figures = _Numbers(), _Numbers(), _Numbers()
    nodes = [
        {
            "name": card.name,
            "labels": [labels[key, card.labels[key]] for key in sorted(card.labels)],
            "facts": [texts[fact] for fact in card.facts],
            "notes": [texts[note] for note in card.notes],
            "figures": [figures[figure] for figure in card.figures],
        }
        for card in cards
    ]
    return {
        "first": _choose(key for key, _ in labels),
        "labels": [list(label) for label in labels],
        "texts": list(texts),
        "figures": [_plain(figure) for figure in figures],
        "nodes": nodes,
    }


def _choose(keys: Iterable[str]) -> list[str]:
    known = set(keys)
    counts = sorted(key for key in known if key.startswith("nvidia.com/mig-") and key.endswith(".count"))
    return [key for key in FIRST if key in known] + counts


def _plain(figure: Figure) -> dict[str, Any]:
    return {
        "caption": figure.caption,
        "words": figure.words,
        "rows": list(figure.rows),
        "columns": figure.columns,
        "stretches": [{name: getattr(each, name) for name in _STRETCH} for each in figure.stretches],
    }
