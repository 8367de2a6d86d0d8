"""The Nodes of a cluster, as far as GPUs are concerned, from wherever they can be had.

From the API server, page by page; from what ``kubectl get nodes -o json`` or ``-o yaml`` printed; or as a
simulated machine would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.errors import ConfigError
from gfd.options import COMMAND_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gfd.cluster.api import Api
    from gfd.config import Loaded
    from gfd.resources import Node as HardwareNode
    from gfd.sharing import Sharing

T = TypeVar("T")

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
VENDOR = "nvidia.com/"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
"""The taint that ``kubectl cordon`` brings about."""
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods away that do not tolerate it."""

    key: str
    value: str = ""
    effect: str

    def __str__(self) -> str:
        """Return it as ``kubectl taint`` writes it."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Node."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Mapping[str, int] = field(default_factory=dict)
    """Devices by resource name, NVIDIA's only: ``nvidia.com/gpu``, ``nvidia.com/mig-1g.5gb``."""
    requested: Mapping[str, int] = field(default_factory=dict)
    """What pods that are placed here request of them."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """All of it, for who wants to know more."""

    def free(self, resource: str) -> int:
        """Return how many devices of that name no placed pod requests."""
        return self.allocatable.get(resource, 0) - self.requested.get(resource, 0)


def gather(loaded: Loaded, nodes: Path | None = None, pods: Path | None = None) -> list[Node]:
    """Return the Nodes of the files if there are any, else the one that --simulate means, else the cluster's.

    Raises GfdError.
    """
    config = loaded.config
    if nodes is not None:
        return read_files(nodes, pods)
    if pods is not None:
        raise ConfigError("--pods", COMMAND_LINE, "needs --nodes: the nodes that those pods are placed on")
    if config.simulate:
        return [simulate(loaded)]
    from gfd.cluster.api import share

    return read_cluster(share(config))


def simulate(loaded: Loaded) -> Node:
    """Return the Node that a simulated machine makes, with what NVIDIA's device plugin would offer there."""
    from gfd.isolation import once
    from gfd.order import plan
    from gfd.resources import resolve

    order = plan(loaded.config)
    labels = once.label(order).labels
    inventory = once.take_snapshot(replace(order, job="snapshot"))
    config = loaded.config
    node = resolve(inventory, mig_strategy=config.mig_strategy, sharing=config.sharing)
    devices = _offer(node, config.sharing)
    return Node(name=config.node_name or config.simulate or "", labels=labels, allocatable=devices)


def _offer(node: HardwareNode, sharing: Sharing) -> dict[str, int]:
    """Return the devices of a machine as the device plugin offers them.

    Labels count every GPU; the plugin offers whole only those that it does not offer as MIG devices.
    """
    from gfd.strategies import FULL_GPU

    counts = {resource.name: resource.count for resource in node.resources}
    enabled = sum(gpu.is_mig_enabled for gpu in node.gpus)
    if node.gpus and not (node.mig_strategy == "single" and enabled):
        counts[FULL_GPU] = len(node.gpus) - (enabled if node.mig_strategy == "mixed" else 0)
    offered = {}
    for name, count in counts.items():
        replicas = sharing.replicas_of(VENDOR + name)
        suffix = ".shared" if replicas > 1 and sharing.is_renamed else ""
        if count:
            offered[f"{VENDOR}{name}{suffix}"] = count * replicas
    return offered


def read_cluster(api: Api) -> list[Node]:
    """Return all Nodes and what is requested of them, sorted by name. Raises ApiError."""
    nodes = [from_object(item) for item in api.list(NODES)]
    # The server leaves out what is not placed or has ended; nobody else has so many pods.
    return add_requests(nodes, api.list(PODS, query={"fieldSelector": _PLACED}))


_PLACED = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"


def read_files(nodes: Path, pods: Path | None) -> list[Node]:
    """Return the Nodes that kubectl printed into a file, ``-`` for standard input, sorted by name.

    ``pods`` is what it printed of the pods of all namespaces. Raises GfdError.
    """
    from gfd.advice.match.listing import read_list

    found = read_list(nodes, "Node", "kubectl get nodes -o json", from_object)
    if pods is None:
        return add_requests(found, ())
    placed = read_list(pods, "Pod", "kubectl get pods -A -o json", _placement)
    return _add_placements(found, placed)


def from_object(item: Mapping[str, Any]) -> Node:
    """Return the Node that the API server, or kubectl, speaks of. Raises ValueError for what no Node is."""
    name, labels = _dig(item, "metadata.name", str), _dig(item, "metadata.labels", dict)
    if not name:
        raise ValueError("has no metadata.name")
    for key, value in labels.items():
        if not isinstance(value, str):
            raise ValueError(f"has the label {key} that is no string")  # noqa: TRY004
    taints = tuple(map(_taint, _dig(item, "spec.taints", list)))
    if _dig(item, "spec.unschedulable", bool) and all(taint.key != UNSCHEDULABLE for taint in taints):
        # The controller that makes a taint of it may not have come round yet; the scheduler minds both.
        taints += (Taint(key=UNSCHEDULABLE, effect="NoSchedule"),)
    return Node(
        name=name,
        labels=labels,
        taints=taints,
        allocatable=_devices(_dig(item, "status.allocatable", dict)),
        metadata=_dig(item, "metadata", dict),
    )


def _taint(item: Any) -> Taint:
    key, value, effect = (_dig(item, name, str) for name in ("key", "value", "effect"))
    if not key or not effect:
        raise ValueError("has a taint without key or effect")
    return Taint(key=key, value=value, effect=effect)


_WORDS: Mapping[type, str] = {dict: "fields", list: "a list", str: "a string", bool: "true or false"}


def _dig(item: Any, path: str, kind: type[T]) -> T:
    """Return what stands at a path, an empty value of ``kind`` where nothing does. Raises ValueError."""
    found = item
    for name in path.split("."):
        if not isinstance(found, dict):
            raise ValueError(f"has something else than fields where {path} should be")  # noqa: TRY004
        found = found.get(name)
        if found is None:
            return kind()
    if not isinstance(found, kind):
        raise ValueError(f"has something else than {_WORDS[kind]} at {path}")  # noqa: TRY004
    return found


def add_requests(nodes: Iterable[Node], pods: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Return ``nodes``, sorted by name, with what ``pods`` request that are placed and have not ended."""
    return _add_placements(nodes, map(_placement, pods))


def _placement(pod: Mapping[str, Any]) -> tuple[str, Mapping[str, int]]:
    """Return the Node that a pod has devices of, and which; no name where it has none. Raises ValueError."""
    name = _dig(pod, "spec.nodeName", str)
    if not name or _dig(pod, "status.phase", str) in _ENDED:
        return "", {}
    return name, requests_of(pod["spec"])


def _add_placements(nodes: Iterable[Node], placements: Iterable[tuple[str, Mapping[str, int]]]) -> list[Node]:
    by_node: dict[str, dict[str, int]] = {}
    for name, requests in placements:
        by_node[name] = _add(by_node.get(name, {}), requests)
    return sorted(
        (replace(node, requested=by_node.get(node.name, {})) for node in nodes), key=lambda node: node.name
    )


def requests_of(spec: Mapping[str, Any]) -> dict[str, int]:
    """Return the devices that a pod requests, as the scheduler counts them. Raises ValueError.

    Containers add up, with those init containers that go on running (``restartPolicy: Always``); any other
    init container runs while only the ones before it that go on do.
    """
    total: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in _dig(spec, "initContainers", list):
        wanted = _requests(container)
        if _dig(container, "restartPolicy", str) == "Always":
            total = _add(total, wanted)
            wanted = {}
        peak = _highest(peak, _add(total, wanted))
    for container in _dig(spec, "containers", list):
        total = _add(total, _requests(container))
    return _add(_highest(peak, total), _devices(_dig(spec, "overhead", dict)))


def _requests(container: Mapping[str, Any]) -> dict[str, int]:
    # The API server fills in a request from the limit; a file may not have been there.
    limits, requests = (_dig(container, f"resources.{kind}", dict) for kind in ("limits", "requests"))
    return {**_devices(limits), **_devices(requests)}


def _devices(amounts: Mapping[str, Any]) -> dict[str, int]:
    from gfd.advice.quantity import parse_count

    counts = {}
    for name, amount in amounts.items():
        if name.startswith(VENDOR):
            try:
                counts[name] = parse_count(str(amount))
            except ValueError as error:
                raise ValueError(f"has an amount of {name} that {error}") from None
    return counts


def _add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
