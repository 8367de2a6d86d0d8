"""The Nodes of a cluster, as far as GPUs are concerned, from wherever they can be had.

From the API server, page by page; from what ``kubectl get nodes -o json`` or ``-o yaml`` printed; or as a
simulated machine would be.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gfd.errors import ConfigError, GfdError
from gfd.options import COMMAND_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gfd.cluster.api import Api
    from gfd.config import Loaded

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
VENDOR = "nvidia.com/"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """What keeps pods away that do not tolerate it."""

    key: str
    value: str = ""
    effect: str


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
    from gfd.strategies import RESOURCE_PREFIX

    order = plan(loaded.config)
    labels = once.label(order).labels
    inventory = once.take_snapshot(replace(order, job="snapshot"))
    config = loaded.config
    node = resolve(inventory, mig_strategy=config.mig_strategy, sharing=config.sharing)
    devices = {
        RESOURCE_PREFIX + resource.name: resource.count * max(resource.replicas, 1)
        for resource in node.resources
        if resource.count
    }
    return Node(name=config.node_name or config.simulate or "", labels=labels, allocatable=devices)


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
    found = [from_object(item) for item in _read_list(nodes, "Node", "kubectl get nodes -o json")]
    placed = _read_list(pods, "Pod", "kubectl get pods -A -o json") if pods else ()
    return add_requests(found, placed)


def from_object(item: Mapping[str, Any]) -> Node:
    """Return the Node that the API server, or kubectl, speaks of."""
    metadata, spec, status = (item.get(part) or {} for part in ("metadata", "spec", "status"))
    return Node(
        name=str(metadata.get("name", "")),
        labels=dict(metadata.get("labels") or {}),
        taints=tuple(
            Taint(key=str(taint["key"]), value=str(taint.get("value") or ""), effect=str(taint["effect"]))
            for taint in spec.get("taints") or ()
        ),
        allocatable=_devices(status.get("allocatable")),
        metadata=metadata,
    )


def add_requests(nodes: Iterable[Node], pods: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Return ``nodes``, sorted by name, with what ``pods`` request that are placed and have not ended."""
    by_node: dict[str, dict[str, int]] = {}
    for pod in pods:
        name = (pod.get("spec") or {}).get("nodeName")
        if name and (pod.get("status") or {}).get("phase") not in _ENDED:
            requested = by_node.setdefault(name, {})
            for resource, count in requests_of(pod["spec"]).items():
                requested[resource] = requested.get(resource, 0) + count
    return sorted(
        (replace(node, requested=by_node.get(node.name, {})) for node in nodes), key=lambda node: node.name
    )


def requests_of(spec: Mapping[str, Any]) -> dict[str, int]:
    """Return the devices that a pod requests, as the scheduler counts them.

    Containers add up, with those init containers that go on running (``restartPolicy: Always``); any other
    init container runs while only the ones before it that go on do.
    """
    total: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        wanted = _requests(container)
        if container.get("restartPolicy") == "Always":
            total = _add(total, wanted)
            wanted = {}
        peak = _highest(peak, _add(total, wanted))
    for container in spec.get("containers") or ():
        total = _add(total, _requests(container))
    return _add(_highest(peak, total), _devices(spec.get("overhead")))


def _requests(container: Mapping[str, Any]) -> dict[str, int]:
    resources = container.get("resources") or {}
    # The API server fills in a request from the limit; a file may not have been there.
    return {**_devices(resources.get("limits")), **_devices(resources.get("requests"))}


def _devices(amounts: Mapping[str, Any] | None) -> dict[str, int]:
    from gfd.advice.quantity import parse_count

    return {
        name: parse_count(str(amount)) for name, amount in (amounts or {}).items() if name.startswith(VENDOR)
    }


def _add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


def _read_list(path: Path, kind: str, command: str) -> list[Mapping[str, Any]]:
    """Return the objects of a List, or the one object, that kubectl printed."""
    source = "standard input" if str(path) == "-" else str(path)
    hint = f"expected what {command} prints"
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise GfdError(f"{source}: {getattr(error, 'strerror', None) or 'not text'}; {hint}") from error
    found = _parse(text, source, hint)
    items = found.get("items") if str(found.get("kind", "")).endswith("List") else [found]
    if not isinstance(items, list):
        raise GfdError(f"{source}: a {found['kind']} without items; {hint}")
    for number, item in enumerate(items):
        if not isinstance(item, dict) or item.get("kind", kind) != kind:
            what = item.get("kind") if isinstance(item, dict) else type(item).__name__
            raise GfdError(f"{source}: item {number} is a {what}, not a {kind}; {hint}")
    return items


def _parse(text: str, source: str, hint: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        import yaml

        try:
            found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{source}:{mark.line + 1}" if mark else source
            raise GfdError(f"{place}: neither JSON nor YAML; {hint}") from error
    if not isinstance(found, dict) or "kind" not in found:
        raise GfdError(f"{source}: no Kubernetes object; {hint}")
    return found
