"""Prepare the requests of claims for the search: which devices suit each, if no other request takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.dra.limits import MAX_DEVICES
from gfd.tools.match.cel import EvaluationError
from gfd.tools.match.dra.capacity import CapacityError, compute_consumption
from gfd.tools.match.dra.model import ChoiceRequest
from gfd.tools.match.dra.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from gfd.clusterview.dra.model import Device, DeviceId
    from gfd.tools.match.dra.model import ClaimSpec, DeviceClass, DeviceRequest, DeviceSelector
    from gfd.tools.match.dra.pools import NodePool
    from gfd.tools.match.dra.supply import DeviceSupply

    Matches = Callable[[DeviceSelector, Device], bool]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device of a pool that a request may get."""

    device: Device
    pool: NodePool


class RequestPlan:
    """A request, or an alternative of firstAvailable, with the devices that suit it."""

    def __init__(
        self,
        request: DeviceRequest,
        device_class: DeviceClass,
        claim: ClaimSpec,
        matches: Matches,
        *,
        is_alternative: bool,
    ) -> None:
        self.request = request
        self.claim = claim
        self.is_alternative = is_alternative
        """Whether it is an entry of firstAvailable."""
        self.selectors = (*device_class.selectors, *request.selectors)
        self.count = 0
        self.all_devices: list[Candidate] = []
        """The devices, if the request wants all."""
        self._matches = matches
        self._suits: dict[DeviceId, bool] = {}
        self._consumption: dict[DeviceId, Mapping[str, Fraction] | None] = {}

    def suits(self, candidate: Candidate) -> bool:
        """Return whether a device meets all selectors and is on the node. Raises RefusalError."""
        device = candidate.device
        found = self._suits.get(device.id)
        if found is None:
            found = self._meets_selectors(device) and device.id not in candidate.pool.elsewhere
            self._suits[device.id] = found
        return found

    def _meets_selectors(self, device: Device) -> bool:
        for selector in self.selectors:
            try:
                if not self._matches(selector, device):
                    return False
            except EvaluationError as error:
                raise RefusalError.from_evaluation(
                    self.claim, self.request, selector, device, error
                ) from None
        return True

    def compute_consumption(self, device: Device) -> Mapping[str, Fraction] | None:
        """Return what the request takes of each capacity; None if it cannot. Raises RefusalError."""
        if device.id not in self._consumption:
            try:
                self._consumption[device.id] = compute_consumption(self.request.capacity, device)
            except CapacityError as error:
                raise RefusalError.from_capacity(self.claim, self.request, device, error) from None
        return self._consumption[device.id]

    def list_all(self, supply: DeviceSupply) -> list[Candidate]:
        """Return all devices that suit a request with allocationMode All. Raises RefusalError."""
        found = []
        for pool in supply.pools:
            if pool.problem:
                raise RefusalError.from_pool(self.claim, self.request, pool)
            for device in pool.devices:
                candidate = Candidate(device, pool)
                if self.suits(candidate) and self.compute_consumption(device) is not None:
                    found.append(candidate)
        return found


Slot = tuple[RequestPlan, ...]
"""One plan for a request of a claim; for firstAvailable, one for each alternative."""


def make_plans(
    claims: Sequence[ClaimSpec],
    classes: Mapping[str, DeviceClass],
    supply: DeviceSupply,
    matches: Matches,
) -> list[list[Slot]]:
    """Return the plans of all requests of each claim, checked in the order of the scheduler.

    Raises RefusalError.
    """
    for claim in claims:
        for request in list_requests(claim):
            if request.class_name not in classes:
                raise RefusalError.from_class(claim, request)
    return [_make_slots(claim, classes, supply, matches) for claim in claims]


def list_requests(claim: ClaimSpec) -> list[DeviceRequest]:
    """Return the requests of a claim, each alternative of firstAvailable by itself."""
    return [each for request in claim.requests for each in list_alternatives(request)]


def list_alternatives(request: DeviceRequest | ChoiceRequest) -> tuple[DeviceRequest, ...]:
    """Return the alternatives of firstAvailable; of another request, only itself."""
    return request.alternatives if isinstance(request, ChoiceRequest) else (request,)


def _make_slots(
    claim: ClaimSpec, classes: Mapping[str, DeviceClass], supply: DeviceSupply, matches: Matches
) -> list[Slot]:
    slots = []
    total = 0
    for request in claim.requests:
        is_choice = isinstance(request, ChoiceRequest)
        plans = [
            RequestPlan(each, classes[each.class_name], claim, matches, is_alternative=is_choice)
            for each in list_alternatives(request)
        ]
        for plan in plans:
            if plan.request.count is None:
                plan.all_devices = plan.list_all(supply)
            plan.count = len(plan.all_devices) if plan.request.count is None else plan.request.count
        total += min(plan.count for plan in plans)
        if total > MAX_DEVICES:
            raise RefusalError.from_number(claim)
        slots.append(tuple(plans))
    return slots
