"""Make the ResourceClaim for containers that request devices by the name of a resource.

A DeviceClass may name such a resource (``extendedResourceName``), and has an implicit one. A node that offers
none of it by a device plugin gives devices of the class instead (``DRAExtendedResource``; on by default since
Kubernetes 1.36). The rules are those of ``extendeddynamicresources.go`` in kube-scheduler's
``plugins/dynamicresources``, and of ``extendedresourcecache`` in ``k8s.io/dynamic-resource-allocation``.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from gfd.tools.match.dra.model import ClaimSpec, DeviceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.tools.match.dra.model import DeviceClass
    from gfd.tools.match.podspec.scheduling import ContainerRequests

IMPLICIT = "deviceclass.resource.kubernetes.io/"
"""Begins the resource that each DeviceClass has by its name."""
CLAIM_NAME = "<extended-resources>"
"""The name of the claim before the scheduler creates it. Pods cannot name a claim so."""

_NOT_YET = "~"
"""Sorts after all timestamps."""


def find_class(resource: str, classes: Mapping[str, DeviceClass]) -> DeviceClass | None:
    """Return the DeviceClass for a resource: of several, the newest, then the first by name.

    A class that is not in the cluster yet will be the newest.
    """
    if resource.startswith(IMPLICIT):
        return classes.get(resource.removeprefix(IMPLICIT))
    named = sorted(
        (each for each in classes.values() if each.extended_resource == resource), key=attrgetter("name")
    )
    return max(named, key=lambda each: each.created_at or _NOT_YET, default=None)


def find_delegated(
    requests: Mapping[str, int], allocatable: Mapping[str, int], classes: Mapping[str, DeviceClass]
) -> dict[str, DeviceClass]:
    """Return the requested resources that a node must give by DRA, each with its DeviceClass."""
    return {
        resource: found
        for resource, count in requests.items()
        if "/" in resource and count and not allocatable.get(resource)
        if (found := find_class(resource, classes)) is not None
    }


def build_claim(containers: Sequence[ContainerRequests], delegated: Mapping[str, DeviceClass]) -> ClaimSpec:
    """Return the claim with a request for each container that needs devices of its own.

    ``containers`` are the initContainers, then the others. A short-lived container uses the devices of those
    that start after it, and all short-lived ones share what they need beyond.
    """
    requests = [
        each for resource in sorted(delegated) for each in _build(containers, resource, delegated[resource])
    ]
    return ClaimSpec(name=CLAIM_NAME, requests=tuple(sorted(requests, key=attrgetter("name"))))


def _build(
    containers: Sequence[ContainerRequests], resource: str, device_class: DeviceClass
) -> Iterator[DeviceRequest]:
    counts = [_count(each, resource) for each in containers]
    long_lived = [0 if each.is_short_lived else count for each, count in zip(containers, counts, strict=True)]
    # What a short-lived container needs beyond the devices of the later ones.
    extra = [
        max(count - sum(long_lived[number:]), 0) if each.is_short_lived else 0
        for number, (each, count) in enumerate(zip(containers, counts, strict=True))
    ]
    largest = max(extra, default=0)
    for number, each in enumerate(containers):
        count = long_lived[number] or (largest if largest and extra.index(largest) == number else 0)
        if count:
            rank = sorted(each.thousandths).index(resource)
            name = f"container-{number}-request-{rank}"
            yield DeviceRequest(name=name, class_name=device_class.name, count=count)


def _count(container: ContainerRequests, resource: str) -> int:
    """Return how many devices a container requests; the scheduler skips an amount that is not whole."""
    count, rest = divmod(container.thousandths.get(resource, 0), 1000)
    return 0 if rest else count
