"""Read ResourceClaims of resource.k8s.io/v1: which devices they hold, and for which pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.capacities import read_consumed
from gfd.clusterview.dra.model import Allocation, DeviceId, ResourceClaim
from gfd.clusterview.dra.node_selectors import read_node_selector
from gfd.clusterview.dra.slices import check_version
from gfd.clusterview.fields import read_field
from gfd.clusterview.timestamps import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_claim(item: Mapping[str, Any]) -> ResourceClaim:
    """Return the ResourceClaim that a Kubernetes object describes.

    Raises ValueError if it is malformed; the text completes "the ResourceClaim …".
    """
    check_version(item, "resourceclaims")
    results = read_field(item, "status.allocation.devices.results", list)
    allocated_at = read_field(item, "status.allocation.allocationTimestamp", str)
    reserved = read_field(item, "status.reservedFor", list)
    return ResourceClaim(
        namespace=read_field(item, "metadata.namespace", str),
        name=read_field(item, "metadata.name", str),
        allocations=tuple(map(_read_allocation, results)),
        pods=tuple(read_field(each, "name", str) for each in reserved if _is_pod(each)),
        node_selector=read_node_selector(item, "status.allocation.nodeSelector"),
        since=parse_time(allocated_at or read_field(item, "metadata.creationTimestamp", str)),
    )


def _read_allocation(result: Any) -> Allocation:
    driver, pool, device = (read_field(result, name, str) for name in ("driver", "pool", "device"))
    if not (driver and pool and device):
        raise ValueError("has an entry of status.allocation.devices.results without driver, pool or device")
    return Allocation(
        device=DeviceId(driver, pool, device),
        request=read_field(result, "request", str),
        has_admin_access=read_field(result, "adminAccess", bool),
        is_share=bool(read_field(result, "shareID", str)),
        consumed=read_consumed(result, driver),
    )


def _is_pod(reference: Any) -> bool:
    return read_field(reference, "resource", str) == "pods" and not read_field(reference, "apiGroup", str)
