"""The nodes with GPUs as they change: which rows of the table are new, other, or gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from gfd.clusterview.gpus import describe, has_gpus
from gfd.clusterview.resources import add
from gfd.tools.nodes.table import Roster, arrange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gfd.clusterview.gpus import NodeGpus
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
"""As the API server calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What has become of a row."""

    kind: str
    row: NodeGpus
    """As it is now, or was at last."""


class Census:
    """Nodes and pods by key, and the rows that they make. Not for several threads."""

    is_counted = True
    """Whether pods are told at all."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._pods: dict[str, PodRequest] = {}
        self._by_node: dict[str, dict[str, Mapping[str, int]]] = {}
        self._rows: dict[str, NodeGpus] = {}
        self._touched: set[str] = set()

    def replace_nodes(self, nodes: Mapping[str, Node]) -> None:
        """Take these for all there are."""
        self._touched |= {*self._nodes, *nodes}
        self._nodes = dict(nodes)

    def change_node(self, name: str, node: Node | None) -> None:
        """Take a node for what it is now; None: it is gone."""
        self._touched.add(name)
        if node is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node

    def replace_pods(self, pods: Mapping[str, PodRequest]) -> None:
        """Take these for all there are."""
        for uid in self._pods.keys() - pods.keys():
            self.change_pod(uid, None)
        for uid, request in pods.items():
            self.change_pod(uid, request)

    def change_pod(self, uid: str, request: PodRequest | None) -> None:
        """Take a pod for what it is now; None: it is gone, or has ended."""
        former = self._pods.pop(uid, None)
        if former is not None:
            self._by_node[former.node].pop(uid, None)
            self._touched.add(former.node)
        # Most pods request no GPU.
        if request is not None and request.node and request.counts:
            self._pods[uid] = request
            self._by_node.setdefault(request.node, {})[uid] = request.counts
            self._touched.add(request.node)

    def settle(self) -> list[Event]:
        """Return what has become of the rows since the last time, by node name."""
        events = []
        for name in sorted(self._touched):
            row, former = self._describe(name), self._rows.pop(name, None)
            if row is not None:
                self._rows[name] = row
                if former is None or not _is_same(row, former):
                    events.append(Event(kind=MODIFIED if former else ADDED, row=row))
            elif former is not None:
                events.append(Event(kind=DELETED, row=former))
        self._touched.clear()
        return events

    def roster(self, order: Sequence[str], now: datetime) -> Roster:
        """Return all rows, sorted by columns in ``order``."""
        rows = [self._rows[name] for name in sorted(self._rows)]
        return Roster(rows=tuple(arrange(rows, order, now)), others=len(self._nodes) - len(rows))

    def _describe(self, name: str) -> NodeGpus | None:
        node = self._nodes.get(name)
        if node is None or not has_gpus(node):
            return None
        requested: Mapping[str, int] = reduce(add, self._by_node.get(name, {}).values(), {})
        return describe(replace(node, requested=requested, is_counted=self.is_counted))


def _is_same(one: NodeGpus, other: NodeGpus) -> bool:
    """Return whether two rows say the same but for when the Node was last changed, in whatever respect."""
    return replace(one, written_at=None) == replace(other, written_at=None)
