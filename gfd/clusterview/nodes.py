"""The Nodes of a cluster, as far as GPUs are concerned, from wherever they can be had.

From the API server, page by page; from what ``kubectl get nodes -o json`` or ``-o yaml`` printed; or as a
simulated machine would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.ages import parse_time
from gfd.clusterview.writers import Writer, find_writers
from gfd.config.options import COMMAND_LINE
from gfd.errors import ApiError, ConfigError
from gfd.kube.paths import NODES
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from gfd.config.load import Loaded
    from gfd.kube.client import Api
    from gfd.kube.selectors import LabelSelector

T = TypeVar("T")

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
    capacity: Mapping[str, int] = field(default_factory=dict)
    """The same with those that the device plugin calls unhealthy."""
    requested: Mapping[str, int] = field(default_factory=dict)
    """What pods that are placed here request of them."""
    is_counted: bool = True
    """Whether :attr:`requested` is known: false where no pods were given, or none may be listed."""
    writers: tuple[Writer, ...] = ()
    """Of the labels about GPUs, the latest first; none where the managed fields are not told."""
    unready_since: datetime | None = None
    """Since when the kubelet does not call the Node ready; None if it does, or nothing is told of that."""

    def free(self, resource: str) -> int:
        """Return how many devices of that name no placed pod requests."""
        return self.allocatable.get(resource, 0) - self.requested.get(resource, 0)


def gather(
    loaded: Loaded,
    nodes: Path | None = None,
    pods: Path | None = None,
    *,
    selector: LabelSelector | None = None,
) -> list[Node]:
    """Return the Nodes of the files if there are any, else the one that --simulate means, else the cluster's.

    Only those that ``selector`` takes. Sorted by name. Raises GfdError.
    """
    if nodes is None and pods is not None:
        raise ConfigError("--pods", COMMAND_LINE, "needs --nodes: the nodes that those pods are placed on")
    if nodes is None and not loaded.config.simulate:
        return read_cluster(connect(loaded), selector)
    if nodes is None:
        from gfd.clusterview.simulated import simulate

        found = [simulate(loaded)]
    else:
        found = read_files(nodes, pods)
    return [node for node in found if selector is None or selector.matches(node.labels)]


def connect(loaded: Loaded) -> Api:
    """Return the connection for somebody who waits: as fast as kubectl, unless a limit was asked for."""
    from gfd.kube.client import Api, share

    limits = ("kube_api_qps", "kube_api_burst")
    if any(each.origin != "default" for each in loaded.settings if each.option.field in limits):
        return share(loaded.config)
    return Api(loaded.config.kubeconfig, loaded.config.context, qps=50, burst=300)


def read_cluster(api: Api, selector: LabelSelector | None = None) -> list[Node]:
    """Return the Nodes that ``selector`` takes and what is requested of them, sorted by name.

    Who may not list pods gets Nodes that are not counted. Raises ApiError.
    """
    from gfd.clusterview.gpus import has_gpus
    from gfd.clusterview.listing import FORBIDDEN, collect
    from gfd.clusterview.pods import read_demands

    query = {"labelSelector": selector.text} if selector else {}
    nodes, _ = collect(api, NODES, from_object, query=query, what="nodes")
    try:
        pods = read_demands(api, [node.name for node in nodes if has_gpus(node)])
    except ApiError as error:
        if error.status != FORBIDDEN:
            raise
        return add_requests(nodes, None)
    return add_requests(nodes, pods)


PLACED = {"fieldSelector": "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"}
"""The server leaves out what is not placed or has ended; nobody else has so many pods."""


def read_files(nodes: Path, pods: Path | None) -> list[Node]:
    """Return the Nodes that kubectl printed into a file, ``-`` for standard input, sorted by name.

    ``pods`` is what it printed of the pods of all namespaces. Raises GfdError.
    """
    from gfd.clusterview.printed import read_list

    found = read_list(nodes, "Node", "kubectl get nodes -o json", from_object)
    if pods is None:
        return add_requests(found, None)
    return add_requests(found, read_list(pods, "Pod", "kubectl get pods -A -o json", demand_of))


def from_object(item: Mapping[str, Any]) -> Node:
    """Return the Node that the API server, or kubectl, speaks of. Raises ValueError for what no Node is."""
    name, labels = _dig(item, "metadata.name", str), _dig(item, "metadata.labels", dict)
    if not name:
        raise ValueError("has no metadata.name")
    for key, value in labels.items():
        if not isinstance(value, str):
            raise ValueError(f"has the label {key} that is no string; put the value into quotes")  # noqa: TRY004
    taints = tuple(map(_taint, _dig(item, "spec.taints", list)))
    if _dig(item, "spec.unschedulable", bool) and all(taint.key != UNSCHEDULABLE for taint in taints):
        # The controller that makes a taint of it may not have come round yet; the scheduler minds both.
        taints += (Taint(key=UNSCHEDULABLE, effect="NoSchedule"),)
    return Node(
        name=name,
        # Thousands of nodes say the same.
        labels={intern(str(key)): intern(value) for key, value in labels.items()},
        taints=taints,
        allocatable=_devices(_dig(item, "status.allocatable", dict)),
        capacity=_devices(_dig(item, "status.capacity", dict)),
        writers=find_writers(_dig(item, "metadata", dict)),
        unready_since=_unready_since(_dig(item, "status.conditions", list)),
    )


Demand = tuple[str, Mapping[str, int]]
"""The name of a Node, empty for none, and the devices that a pod there requests."""


def demand_of(pod: Mapping[str, Any]) -> Demand:
    """Return what a pod requests where it is placed, nothing once it has ended. Raises ValueError."""
    name = _dig(pod, "spec.nodeName", str)
    if not name or _dig(pod, "status.phase", str) in _ENDED:
        return "", {}
    return name, requests_of(pod["spec"])


def add_requests(nodes: Iterable[Node], demands: Iterable[Demand] | None) -> list[Node]:
    """Return ``nodes``, sorted by name, with what is requested of each; None: that is unknown."""
    by_node: dict[str, dict[str, int]] = {}
    for name, devices in demands or ():
        if devices:
            by_node[name] = add(by_node.get(name, {}), devices)
    is_counted = demands is not None
    counted = (replace(each, requested=by_node.get(each.name, {}), is_counted=is_counted) for each in nodes)
    return sorted(counted, key=lambda node: node.name)


def _taint(item: Any) -> Taint:
    key, value, effect = (_dig(item, name, str) for name in ("key", "value", "effect"))
    if not key or not effect:
        raise ValueError("has a taint without key or effect")
    return Taint(key=key, value=value, effect=effect)


def _unready_since(conditions: list[Any]) -> datetime | None:
    for condition in conditions:
        if _dig(condition, "type", str) == "Ready" and _dig(condition, "status", str) != "True":
            return parse_time(condition.get("lastTransitionTime"))
    return None


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
            total = add(total, wanted)
            wanted = {}
        peak = _highest(peak, add(total, wanted))
    for container in _dig(spec, "containers", list):
        total = add(total, _requests(container))
    return add(_highest(peak, total), _devices(_dig(spec, "overhead", dict)))


def _requests(container: Mapping[str, Any]) -> dict[str, int]:
    # The API server fills in a request from the limit; a file may not have been there.
    limits, requests = (_dig(container, f"resources.{kind}", dict) for kind in ("limits", "requests"))
    return {**_devices(limits), **_devices(requests)}


def _devices(amounts: Mapping[str, Any]) -> dict[str, int]:
    from gfd.kube.quantities import parse_count

    counts = {}
    for name, amount in amounts.items():
        if name.startswith(VENDOR):
            try:
                counts[name] = parse_count(str(amount) if isinstance(amount, str | int | float) else "")
            except ValueError as error:
                raise ValueError(f"has an amount of {name} that {error}") from None
    return counts


def add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return how many devices of each name there are in both."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
