"""Explain for each request of a pod's claims which devices of a node suit, and why the others do not.

Unlike the scheduler, which stops at the first error, this looks at all devices. Each device counts once, for
the first reason in the order: another node, selectors, held by claims, taints, capacity, counters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.errors import Undecided
from gfd.tools.match.cel import EvaluationError
from gfd.tools.match.dra.capacity import CapacityError, compute_consumption
from gfd.tools.match.dra.pools import list_counters
from gfd.tools.match.dra.requests import list_requests
from gfd.tools.match.dra.taints import find_barrier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.dra.model import Device, DeviceId, DeviceTaint
    from gfd.tools.match.dra.model import ClaimSpec, DeviceClass, DeviceRequest, DeviceSelector
    from gfd.tools.match.dra.pools import NodePool
    from gfd.tools.match.dra.requests import Matches
    from gfd.tools.match.dra.supply import DeviceSupply


@dataclass(slots=True, kw_only=True)
class SelectorFailures:
    """The devices that do not meet a selector, and those on which it fails."""

    selector: DeviceSelector
    is_of_class: bool
    """Whether the selector is one of the DeviceClass."""
    unmet: list[DeviceId] = field(default_factory=list)
    failed: list[DeviceId] = field(default_factory=list)
    """The devices on which it has a run-time error: the scheduler gives up on the pod if it comes to one."""
    error: EvaluationError | None = None
    """The first of the errors."""
    undecided: list[DeviceId] = field(default_factory=list)
    """The devices on which gfd cannot evaluate it."""


@dataclass(slots=True, kw_only=True)
class RequestReport:
    """How the devices of a node suit a request, or an alternative of firstAvailable."""

    claim: str
    request: DeviceRequest
    selectors: list[SelectorFailures]
    """By selector, those of the DeviceClass first."""
    devices: int = 0
    """How many devices the slices for the node have."""
    elsewhere: int = 0
    """How many of them are for other nodes."""
    of_class: int = 0
    """How many meet the selectors of the DeviceClass."""
    suitable: int = 0
    """How many meet all selectors."""
    taken: int = 0
    """How many of those are held by claims."""
    tainted: dict[DeviceTaint, int] = field(default_factory=dict)
    """How many of those have a taint that the request does not tolerate."""
    short_of_capacity: int = 0
    """How many of those have too little capacity left."""
    short_of_counters: int = 0
    """How many of those need counters that allocated devices take."""
    free: list[DeviceId] = field(default_factory=list)
    """The devices that the request can get."""

    @property
    def needed(self) -> int:
        """How many devices the request needs: with allocationMode All, all that are suitable."""
        return max(self.suitable, 1) if self.request.count is None else self.request.count

    @property
    def is_short(self) -> bool:
        """Whether too few devices are free."""
        return len(self.free) < self.needed


def explain(
    claims: Sequence[ClaimSpec],
    classes: Mapping[str, DeviceClass],
    supply: DeviceSupply,
    matches: Matches,
) -> list[RequestReport]:
    """Return a report for each request of claims that hold no devices yet; see :func:`allocate`.

    A request whose DeviceClass is nowhere has none.
    """
    return [
        _explain_request(claim, request, classes[request.class_name], supply, matches)
        for claim in claims
        if claim.allocations is None
        for request in list_requests(claim)
        if request.class_name in classes
    ]


def _explain_request(
    claim: ClaimSpec,
    request: DeviceRequest,
    device_class: DeviceClass,
    supply: DeviceSupply,
    matches: Matches,
) -> RequestReport:
    selectors = [SelectorFailures(selector=each, is_of_class=True) for each in device_class.selectors]
    selectors += [SelectorFailures(selector=each, is_of_class=False) for each in request.selectors]
    report = RequestReport(claim=claim.name, request=request, selectors=selectors)
    for pool in supply.pools:
        for device in pool.devices:
            report.devices += 1
            if device.id in pool.elsewhere:
                report.elsewhere += 1
            elif _meets_selectors(device, report, matches):
                report.suitable += 1
                _count_device(device, pool, report, supply)
    return report


def _meets_selectors(device: Device, report: RequestReport, matches: Matches) -> bool:
    is_counted = False
    for each in report.selectors:
        if not each.is_of_class and not is_counted:
            report.of_class += 1
            is_counted = True
        try:
            if not matches(each.selector, device):
                each.unmet.append(device.id)
                return False
        except EvaluationError as error:
            each.failed.append(device.id)
            each.error = each.error or error
            return False
        except Undecided:
            each.undecided.append(device.id)
            return False
    report.of_class += not is_counted
    return True


def _count_device(device: Device, pool: NodePool, report: RequestReport, supply: DeviceSupply) -> None:
    """Count a suitable device as free, or for the reason why the request cannot get it."""
    request = report.request
    barrier = find_barrier(device, request)
    if device.id in supply.taken and not request.has_admin_access:
        report.taken += 1
    elif barrier is not None:
        report.tainted[barrier] = report.tainted.get(barrier, 0) + 1
    elif not _has_capacity(device, request, supply):
        report.short_of_capacity += 1
    elif device.id not in supply.shares and not _has_counters(device, pool):
        report.short_of_counters += 1
    else:
        report.free.append(device.id)


def _has_capacity(device: Device, request: DeviceRequest, supply: DeviceSupply) -> bool:
    try:
        consumption = compute_consumption(request.capacity, device)
    except CapacityError:
        return False
    used = supply.shares.get(device.id, {})
    return consumption is not None and all(
        value + used.get(name, 0) <= device.capacity[name] for name, value in consumption.items()
    )


def _has_counters(device: Device, pool: NodePool) -> bool:
    return not device.consumes or (
        not pool.is_overdrawn and all(pool.free[key] >= value for key, value in list_counters(device))
    )
