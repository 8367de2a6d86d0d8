"""A node of a cluster, with the fields that the tools need.

Other modules load nodes: :mod:`gfd.clusterview.cluster` from the API server, :mod:`gfd.clusterview.kubectl`
from files, :mod:`gfd.clusterview.simulation` from a simulated machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.clusterview.label_writers import LabelWriter, find_label_writers
from gfd.clusterview.resources import read_amounts, read_counts
from gfd.clusterview.timestamps import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.dra.index import NodePools
    from gfd.clusterview.pods import PodRequest, ReadAmounts

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
"""The taint that ``kubectl cordon`` adds to a node."""
CONDITION_PREFIX = "node.kubernetes.io/"
"""The prefix of the taints that Kubernetes itself sets and removes, for the state of a node."""
_UNREADY = (UNSCHEDULABLE, f"{CONDITION_PREFIX}not-ready", f"{CONDITION_PREFIX}unreachable")
"""Those that say no more than that a node is cordoned or not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A taint keeps away pods that do not tolerate it."""

    key: str
    value: str = ""
    effect: str

    def __str__(self) -> str:
        """Return the taint as ``kubectl taint`` writes it."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node with its labels, its taints and its resources.

    Resources are counted by name, as :mod:`gfd.clusterview.resources` reads them: only those of NVIDIA, or
    all of them for ``gfd match``.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Mapping[str, int] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    """Like :attr:`allocatable`, but including devices that the device plugin reports as unhealthy."""
    requested: Mapping[str, int] = field(default_factory=dict)
    """The sum of the requests of the pods on the node."""
    is_counted: bool = True
    """Whether :attr:`requested` is known; false if the pods could not be read."""
    pods: tuple[BoundPod, ...] = ()
    """The pods on the node; only ``gfd match`` reads them."""
    holders: tuple[PodRequest, ...] = ()
    """The pods that request devices of NVIDIA, sorted by name; ``gfd match`` does not read them."""
    label_writers: tuple[LabelWriter, ...] = ()
    """Who wrote the GPU labels, the latest first; empty if the node has no managed fields."""
    unready_since: datetime | None = None
    """Since when the node is not ready; None if it is ready, or if that is unknown."""
    dra: NodePools | None = None
    """The devices of NVIDIA's DRA driver; None if no ResourceSlice of it names the node."""
    is_simulated: bool = False
    """Whether it is a simulated machine, which has gfd's labels and devices but nothing else of a node."""

    @property
    def is_cordoned(self) -> bool:
        """Whether the scheduler places no new pods on the node."""
        return any(taint.key == UNSCHEDULABLE for taint in self.taints)

    @property
    def pressures(self) -> tuple[Taint, ...]:
        """The taints that Kubernetes sets on a node that runs, but is short of memory, disk or network."""
        return tuple(taint for taint in self._closures if taint.key not in _UNREADY)

    @property
    def takes_pods(self) -> bool:
        """Whether the scheduler places new pods on the node, if they tolerate its own taints."""
        return self.unready_since is None and not self._closures

    @property
    def _closures(self) -> tuple[Taint, ...]:
        """The taints of Kubernetes itself that keep new pods away."""
        return tuple(
            taint
            for taint in self.taints
            if taint.key.startswith(CONDITION_PREFIX) and taint.effect != "PreferNoSchedule"
        )

    @property
    def own_taints(self) -> tuple[Taint, ...]:
        """The taints other than those that Kubernetes itself sets, such as for a node that is not ready."""
        return tuple(taint for taint in self.taints if not taint.key.startswith(CONDITION_PREFIX))

    @property
    def keeps_pods_away(self) -> bool:
        """Return whether one of the pods has a podAntiAffinity."""
        return any(pod.anti_affinity for pod in self.pods)

    def free(self, resource: str) -> int:
        """Return the amount of a resource that no pod requests."""
        return self.allocatable.get(resource, 0) - self.requested.get(resource, 0)


def read_node(item: Mapping[str, Any], read: ReadAmounts = read_counts) -> Node:
    """Return the node that a Kubernetes object describes; ``read`` chooses its allocatable resources.

    Raises ValueError if the object is malformed; the text completes "the node …".
    """
    name, labels = read_field(item, "metadata.name", str), read_field(item, "metadata.labels", dict)
    if not name:
        raise ValueError("has no metadata.name")
    for key, value in labels.items():
        if not isinstance(value, str):
            raise ValueError(f"has a label {key} whose value is not a string; put it in quotes")  # noqa: TRY004
    taints = tuple(map(_read_taint, read_field(item, "spec.taints", list)))
    if read_field(item, "spec.unschedulable", bool) and all(taint.key != UNSCHEDULABLE for taint in taints):
        # A controller adds this taint a moment later. The scheduler obeys both.
        taints += (Taint(key=UNSCHEDULABLE, effect="NoSchedule"),)
    return Node(
        name=name,
        # Thousands of nodes have the same labels.
        labels={intern(str(key)): intern(value) for key, value in labels.items()},
        taints=taints,
        allocatable=read(read_field(item, "status.allocatable", dict)),
        capacity=read_counts(read_field(item, "status.capacity", dict)),
        label_writers=find_label_writers(read_field(item, "metadata", dict)),
        unready_since=_read_unready_since(read_field(item, "status.conditions", list)),
    )


def read_whole_node(item: Mapping[str, Any]) -> Node:
    """Return the node that a Kubernetes object describes, with every allocatable resource."""
    return read_node(item, read_amounts)


def _read_taint(item: Any) -> Taint:
    key, value, effect = (read_field(item, name, str) for name in ("key", "value", "effect"))
    if not key or not effect:
        raise ValueError("has a taint without key or effect")
    return Taint(key=key, value=value, effect=effect)


def _read_unready_since(conditions: list[Any]) -> datetime | None:
    for condition in conditions:
        if read_field(condition, "type", str) == "Ready" and read_field(condition, "status", str) != "True":
            return parse_time(condition.get("lastTransitionTime"))
    return None
