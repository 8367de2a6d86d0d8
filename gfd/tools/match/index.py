"""What labels the Nodes of a cluster have, counted once for all that is asked about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.similarity import KNOWN, distance, find_near

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.nodes import Node

_MIG = VENDOR + "mig-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another label than the one that was asked for."""

    key: str
    cost: float
    """How far it leads from what was meant: 0 for nothing, 1 for something else."""
    is_of_mig: bool
    """Whether it says of the MIG devices of one profile what the other says of GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Nodes, and what they have."""

    nodes: Sequence[Node]
    keys: Counter[str]
    """On how many Nodes each label is."""
    described: frozenset[str]
    """Names of the Nodes that have labels of NVIDIA's."""
    _alternatives: dict[str, tuple[Alternative, ...]] = field(default_factory=dict)

    def find_alternatives(self, key: str) -> tuple[Alternative, ...]:
        """Return the labels that could have been meant by ``key``."""
        if key not in self._alternatives:
            self._alternatives[key] = tuple(_find_alternatives(key, self.keys))
        return self._alternatives[key]


def take(nodes: Iterable[Node]) -> Census:
    """Return what there is on ``nodes``."""
    counted = list(nodes)
    keys: Counter[str] = Counter()
    described = set()
    for node in counted:
        keys.update(node.labels.keys())
        if any(key.startswith(VENDOR) for key in node.labels):
            described.add(node.name)
    return Census(nodes=counted, keys=keys, described=frozenset(described))


def _find_alternatives(key: str, keys: Iterable[str]) -> Iterable[Alternative]:
    ending = "." + key.rpartition(".")[2]
    of_mig = [other for other in keys if other.startswith(_MIG) and other.endswith(ending)]
    yield from (
        Alternative(key=other, cost=KNOWN, is_of_mig=True) for other in sorted(of_mig) if other != key
    )
    for other in find_near(key, keys):
        if other not in (key, *of_mig):
            yield Alternative(key=other, cost=KNOWN + distance(key, other), is_of_mig=False)
