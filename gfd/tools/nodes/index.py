"""Keep the rows of the table up to date while nodes and pods change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.clusterview.dra.index import DraIndex
from gfd.clusterview.dra.node_devices import add_pools
from gfd.clusterview.gpus import describe, has_gpus
from gfd.clusterview.pods import add_requests
from gfd.kube.paths import DRA_DRIVER
from gfd.tools.nodes.node_table import NodeTable, sort_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
    from gfd.clusterview.gpus import NodeGpus
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"
"""The names that the API server uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEvent:
    """A row was added, modified or deleted."""

    kind: str
    row: NodeGpus
    """The current row; if it was deleted, the last one."""


class NodeIndex:
    """Nodes by name and pods by UID, and the rows for them. Only one thread may use it."""

    is_counted = True
    """Whether the pods are known."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._pods: dict[str, PodRequest] = {}
        self._pods_by_node: dict[str, dict[str, PodRequest]] = {}
        self._rows: dict[str, NodeGpus] = {}
        self._changed: set[str] = set()
        self._dra = DraIndex(DRA_DRIVER)

    def replace_nodes(self, nodes: Mapping[str, Node]) -> None:
        """Replace all nodes."""
        self._changed |= {*self._nodes, *nodes}
        self._nodes = dict(nodes)

    def change_node(self, name: str, node: Node | None) -> None:
        """Replace a node; None deletes it."""
        self._changed.add(name)
        if node is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node

    def replace_pods(self, pods: Mapping[str, PodRequest]) -> None:
        """Replace all pods."""
        for uid in self._pods.keys() - pods.keys():
            self.change_pod(uid, None)
        for uid, request in pods.items():
            self.change_pod(uid, request)

    def change_pod(self, uid: str, request: PodRequest | None) -> None:
        """Replace a pod; None deletes it."""
        former = self._pods.pop(uid, None)
        if former is not None:
            self._pods_by_node[former.node].pop(uid, None)
            self._changed.add(former.node)
        # Keep only these: most pods request no GPU.
        if request is not None and request.node and request.counts:
            self._pods[uid] = request
            self._pods_by_node.setdefault(request.node, {})[uid] = request
            self._changed.add(request.node)

    @property
    def has_slices(self) -> bool:
        """Whether there are ResourceSlices of NVIDIA's DRA driver."""
        return bool(self._dra)

    def ignore_claims(self) -> None:
        """Take the ResourceClaims as unknown."""
        self._dra.is_counted = False

    def replace_slices(self, slices: Mapping[str, ResourceSlice]) -> None:
        """Replace all ResourceSlices."""
        self._changed |= self._dra.replace_slices(slices)

    def change_slice(self, uid: str, new: ResourceSlice | None) -> None:
        """Replace a ResourceSlice; None deletes it."""
        self._changed |= self._dra.change_slice(uid, new)

    def replace_claims(self, claims: Mapping[str, ResourceClaim]) -> None:
        """Replace all ResourceClaims."""
        self._changed |= self._dra.replace_claims(claims)

    def change_claim(self, uid: str, new: ResourceClaim | None) -> None:
        """Replace a ResourceClaim; None deletes it."""
        self._changed |= self._dra.change_claim(uid, new)

    def take_events(self) -> list[RowEvent]:
        """Return the changes of rows since the last call, sorted by node name."""
        events = []
        for name in sorted(self._changed):
            row, former = self._build_row(name), self._rows.pop(name, None)
            if row is not None:
                self._rows[name] = row
                if former is None or not _is_same(row, former):
                    events.append(RowEvent(kind=MODIFIED if former else ADDED, row=row))
            elif former is not None:
                events.append(RowEvent(kind=DELETED, row=former))
        self._changed.clear()
        return events

    def build_table(self, sort_by: Sequence[str], now: datetime) -> NodeTable:
        """Return all rows, sorted by columns."""
        rows = [self._rows[name] for name in sorted(self._rows)]
        others = len(self._nodes) - len(rows)
        return NodeTable(rows=tuple(sort_rows(rows, sort_by, now)), nodes_without_gpus=others)

    def _build_row(self, name: str) -> NodeGpus | None:
        node = self._nodes.get(name)
        pools = self._dra.find(name)
        if node is None or (pools is None and not has_gpus(node)):
            return None
        pods = self._pods_by_node.get(name, {}).values()
        (counted,) = add_requests([node], pods if self.is_counted else None)
        return describe(add_pools(counted, pools))


def _is_same(one: NodeGpus, other: NodeGpus) -> bool:
    """Return whether two rows are equal, apart from the names of pods and the time of the last change.

    That is a change to any field of the node.
    """
    return _without_details(one) == _without_details(other)


def _without_details(row: NodeGpus) -> NodeGpus:
    return replace(row, written_at=None, holders=())
