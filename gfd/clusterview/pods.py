"""Sum up the requests of pods for their nodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.clusterview.resources import CPU, HUGE_PAGES, MEMORY, add, maximum, read_counts
from gfd.clusterview.timestamps import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from gfd.clusterview.nodes import Node

    ReadAmounts = Callable[[Mapping[str, Any]], dict[str, int]]

ENDED = ("Succeeded", "Failed")
"""The phases of a pod that no longer holds its resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRequest:
    """The requests of one pod to its node."""

    node: str = ""
    """The name of the node; empty for a pod that has no node yet, has ended, or requests no device."""
    namespace: str = ""
    name: str = ""
    since: datetime | None = None
    """When the pod started on the node, else when it was created; None if unknown."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The requested amounts, by resource."""


_NOTHING = PodRequest()


def read_pod_request(pod: Mapping[str, Any]) -> PodRequest:
    """Return the requests of a pod, a Kubernetes object. Raises ValueError if it is malformed."""
    node = read_field(pod, "spec.nodeName", str)
    if not node or read_field(pod, "status.phase", str) in ENDED:
        return _NOTHING
    counts = sum_requests(pod["spec"])
    if not counts:
        return _NOTHING  # as for most pods
    started = read_field(pod, "status.startTime", str) or read_field(pod, "metadata.creationTimestamp", str)
    return PodRequest(
        node=node,
        namespace=read_field(pod, "metadata.namespace", str),
        name=read_field(pod, "metadata.name", str),
        since=parse_time(started),
        counts=counts,
    )


def sum_requests(spec: Mapping[str, Any], read: ReadAmounts = read_counts) -> dict[str, int]:
    """Return the requests of a PodSpec, as the scheduler counts them. Raises ValueError if it is malformed.

    ``read`` reads a mapping of amounts and chooses the resources.
    """
    total = sum_containers(spec, read)
    if spec.get("resources"):
        total |= default_pod_level(total, *_read_both(spec, read))
    return add(total, read(read_field(spec, "overhead", dict)))


def sum_containers(spec: Mapping[str, Any], read: ReadAmounts) -> dict[str, int]:
    """Return the requests of the containers of a PodSpec together. Raises ValueError if it is malformed.

    The requests of all containers add up, and so do those of init containers that keep running
    (``restartPolicy: Always``). Any other init container runs alone, beside those that started before it and
    keep running.
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
    return maximum(peak, total)


def default_pod_level(
    total: Mapping[str, int], limits: Mapping[str, int], requests: Mapping[str, int]
) -> dict[str, int]:
    """Return the requests of a pod as a whole (``spec.resources``), with the API server's defaults.

    They take the place of ``total``, the requests of its containers. Without a request, the containers' own
    one counts, and without that the limit; for huge pages, the limit counts first.
    """
    found = {}
    for name in {**limits, **requests}:
        if is_pod_level(name):
            first, second = (limits, total) if name.startswith(HUGE_PAGES) else (total, limits)
            found[name] = next(each[name] for each in (requests, first, second) if name in each)
    return found


def is_pod_level(name: str) -> bool:
    """Return whether a pod as a whole can request this resource."""
    return name in (CPU, MEMORY) or name.startswith(HUGE_PAGES)


def add_requests(nodes: Iterable[Node], requests: Iterable[PodRequest] | None) -> list[Node]:
    """Return the nodes, sorted by name, with the requests of their pods; None means unknown pods."""
    if requests is None:
        return sorted((replace(node, is_counted=False) for node in nodes), key=lambda node: node.name)
    by_node: dict[str, list[PodRequest]] = {}
    for request in requests:
        if request.counts:
            by_node.setdefault(request.node, []).append(request)
    counted = []
    for node in nodes:
        holders = sorted(by_node.get(node.name, ()), key=lambda each: (each.namespace, each.name))
        requested: Mapping[str, int] = reduce(add, (each.counts for each in holders), {})
        counted.append(replace(node, requested=requested, holders=tuple(holders)))
    return sorted(counted, key=lambda node: node.name)


def _read_requests(container: Mapping[str, Any], read: ReadAmounts) -> dict[str, int]:
    # The API server copies limits to missing requests, but a file may have only limits, or neither.
    limits, requests = _read_both(container, read)
    return {**limits, **requests} if limits else requests


def _read_both(holder: Mapping[str, Any], read: ReadAmounts) -> tuple[dict[str, int], dict[str, int]]:
    """Return the limits and the requests of a container or a PodSpec."""
    limits, requests = "resources.limits", "resources.requests"
    return read(read_field(holder, limits, dict)), read(read_field(holder, requests, dict))
