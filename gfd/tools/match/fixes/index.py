"""Index the labels of all nodes, once for all pods."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG
from gfd.labels.syntax import OPERATOR_KEY
from gfd.tools.match.fixes.similarity import KNOWN, distance, find_similar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.clusterview.nodes import Node

_GPU = f"{GPU}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another label that the user may have meant."""

    key: str
    cost: float
    """How much it differs from the required label: 0 for not at all, 1 for something else."""
    is_mig: bool
    """Whether it describes MIG devices of one profile, while the required label describes GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIndex:
    """The nodes and their labels."""

    nodes: Sequence[Node]
    keys: Counter[str]
    """How many nodes have each label."""
    labelled: frozenset[str]
    """The names of the nodes whose GPUs gfd has labelled."""
    _alternatives: dict[str, tuple[Alternative, ...]] = field(default_factory=dict)
    _largest: dict[str, int] = field(default_factory=dict)

    def find_alternatives(self, key: str) -> tuple[Alternative, ...]:
        """Return the labels that the user may have meant by ``key``."""
        if key not in self._alternatives:
            self._alternatives[key] = tuple(_find_alternatives(key, self.keys))
        return self._alternatives[key]

    def find_largest(self, resource: str) -> int:
        """Return the largest amount of a resource that a node offers."""
        if resource not in self._largest:
            self._largest[resource] = max(node.allocatable.get(resource, 0) for node in self.nodes)
        return self._largest[resource]


def build_index(nodes: Iterable[Node]) -> LabelIndex:
    """Return the index of ``nodes``."""
    listed = list(nodes)
    keys = Counter(key for node in listed for key in node.labels)
    labelled = (node.name for node in listed if any(map(_is_gfds, node.labels)))
    return LabelIndex(nodes=listed, keys=keys, labelled=frozenset(labelled))


def is_operators(key: str) -> bool:
    """Return whether NVIDIA's GPU operator writes a label, and gfd never does."""
    return OPERATOR_KEY.fullmatch(key) is not None


def _is_gfds(key: str) -> bool:
    return key.startswith((_GPU, MIG)) and not is_operators(key)


def _find_alternatives(key: str, keys: Iterable[str]) -> Iterator[Alternative]:
    if is_operators(key):
        return
    ending = f".{key.rpartition('.')[2]}"
    of_mig = [other for other in keys if other.startswith(MIG) and other.endswith(ending)]
    yield from (Alternative(key=other, cost=KNOWN, is_mig=True) for other in sorted(of_mig) if other != key)
    for other in find_similar(key, keys):
        if other not in (key, *of_mig):
            yield Alternative(key=other, cost=KNOWN + distance(key, other), is_mig=False)
