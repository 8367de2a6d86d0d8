"""Sum up the requests of pods for their nodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.clusterview.resources import add, maximum, read_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gfd.clusterview.nodes import Node

    ReadAmounts = Callable[[Mapping[str, Any]], dict[str, int]]

ENDED = ("Succeeded", "Failed")
"""The phases of a pod that no longer holds its resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRequest:
    """The requests of one pod to its node."""

    node: str = ""
    """The name of the node; empty for a pod that has no node yet, or that has ended."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The requested amounts, by resource."""


def read_pod_request(pod: Mapping[str, Any]) -> PodRequest:
    """Return the requests of a pod, a Kubernetes object. Raises ValueError if it is malformed."""
    node = read_field(pod, "spec.nodeName", str)
    if not node or read_field(pod, "status.phase", str) in ENDED:
        return PodRequest()
    return PodRequest(node=node, counts=sum_requests(pod["spec"]))


def sum_requests(spec: Mapping[str, Any], read: ReadAmounts = read_counts) -> dict[str, int]:
    """Return the requests of a PodSpec, as the scheduler counts them. Raises ValueError if it is malformed.

    ``read`` reads a mapping of amounts and chooses the resources. The requests of all containers add up, and
    so do those of init containers that keep running (``restartPolicy: Always``). Any other init container
    runs alone, beside those that started before it and keep running.
    """
    total: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in read_field(spec, "initContainers", list):
        requested = _read_requests(container, read)
        if read_field(container, "restartPolicy", str) == "Always":
            total = add(total, requested)
            requested = {}
        peak = maximum(peak, add(total, requested))
    for container in read_field(spec, "containers", list):
        total = add(total, _read_requests(container, read))
    return add(maximum(peak, total), read(read_field(spec, "overhead", dict)))


def add_requests(nodes: Iterable[Node], requests: Iterable[PodRequest] | None) -> list[Node]:
    """Return the nodes, sorted by name, with the requests of their pods; None means unknown pods."""
    by_node: dict[str, dict[str, int]] = {}
    for request in requests or ():
        if request.counts:
            by_node[request.node] = add(by_node.get(request.node, {}), request.counts)
    is_counted = requests is not None
    counted = (replace(each, requested=by_node.get(each.name, {}), is_counted=is_counted) for each in nodes)
    return sorted(counted, key=lambda node: node.name)


def _read_requests(container: Mapping[str, Any], read: ReadAmounts) -> dict[str, int]:
    # The API server copies limits to missing requests, but a file may have only limits, or neither.
    limits, requests = (read_field(container, f"resources.{kind}", dict) for kind in ("limits", "requests"))
    return {**read(limits), **read(requests)}
