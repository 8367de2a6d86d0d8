"""Plan the requests of a claim: one for each container and resource.

Init containers run before the others, so they use the devices of the others, as with the device plugin. The
claim has as many devices as the scheduler counts for the pod.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import shorten
from gfd.tools.claim_templates.template import make_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REQUEST = "gpu"
"""The name of the only request of a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDevices:
    """The devices that a container requests."""

    name: str
    line: int = 0
    """The line in the file."""
    is_init: bool = False
    """Whether it ends before the containers of the pod start."""
    is_sidecar: bool = False
    """Whether it is an init container that keeps running."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The number of devices by resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """A request of the claim."""

    name: str
    resource: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlan:
    """The requests of a claim, and who uses them."""

    requests: tuple[PlannedRequest, ...]
    uses: tuple[tuple[str, ...], ...]
    """The names of the requests that each container uses, in the order of the containers."""


def plan_requests(containers: Sequence[ContainerDevices]) -> ClaimPlan:
    """Return the requests for the containers of a pod: its init containers, then the others."""
    requests: list[PlannedRequest] = []
    uses: list[list[PlannedRequest]] = [[] for _ in containers]
    for number, container in enumerate(containers):
        if not container.is_init:
            uses[number] = [
                _make_request(container, resource, count) for resource, count in container.counts.items()
            ]
            requests += uses[number]
    for number, container in enumerate(containers):
        if not container.is_init:
            continue
        held = [each for earlier in range(number) if containers[earlier].is_sidecar for each in uses[earlier]]
        for resource, count in container.counts.items():
            usable = [each for each in requests if each.resource == resource and each not in held]
            chosen = _choose(usable, count)
            missing = count - sum(each.count for each in chosen)
            if missing > 0:
                chosen.append(_make_request(container, resource, missing))
                requests.append(chosen[-1])
            uses[number] += chosen
    if len(requests) == 1:
        uses = [[replace(each, name=REQUEST) for each in used] for used in uses]
        requests = [replace(requests[0], name=REQUEST)]
    return ClaimPlan(requests=tuple(requests), uses=tuple(tuple(each.name for each in used) for used in uses))


def _make_request(container: ContainerDevices, resource: str, count: int) -> PlannedRequest:
    own = f"{container.name} {shorten(resource)}" if len(container.counts) > 1 else container.name
    return PlannedRequest(name=make_name(own), resource=resource, count=count)


def _choose(usable: Sequence[PlannedRequest], count: int) -> list[PlannedRequest]:
    """Return requests with ``count`` devices together, or with all that there are.

    They may have more devices if no requests have as many: the container then sees more than it asks for.
    """
    if equal := [each for each in usable if each.count == count]:
        return equal[:1]
    chosen: list[PlannedRequest] = []
    missing = count
    for each in sorted(usable, key=lambda each: -each.count):
        if each.count <= missing:
            chosen.append(each)
            missing -= each.count
    rest = [each for each in usable if each not in chosen]
    if missing and rest:
        chosen.append(min(rest, key=lambda each: each.count))
    return chosen
