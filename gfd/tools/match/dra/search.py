"""Search devices for the claims of a pod in the order of kube-scheduler, and take the first solution.

The order is that of ``allocateOne`` in Kubernetes' ``k8s.io/dynamic-resource-allocation/structured``
(incubating, which the default feature gates of 1.37 choose). It matters: a selector that fails at run time
ends the search only if the search comes to that device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.dra.limits import MAX_DEVICES
from gfd.tools.match.dra.holdings import Holdings
from gfd.tools.match.dra.requests import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.dra.model import Allocation
    from gfd.tools.match.dra.model import ClaimSpec
    from gfd.tools.match.dra.requests import RequestPlan, Slot
    from gfd.tools.match.dra.supply import DeviceSupply

MAX_STEPS = 20_000
"""How many devices are tried. The scheduler has 10 seconds, which is far more for most claims."""
MAX_DEPTH = 200
"""How many devices and requests the claims of a pod have together, so that Python's stack suffices."""

Spot = tuple[int, int]
"""A claim, and one of its requests, by number."""


class TooLongError(Exception):
    """The search was not finished."""


class TooManyDevicesError(Exception):
    """The claim would hold more devices than it can; an alternative before may take fewer.

    It never leaves the search, since the smallest alternatives together are not too many.
    """


class Search:
    """One search; :meth:`run` it once."""

    def __init__(
        self, claims: Sequence[ClaimSpec], plans: Sequence[Sequence[Slot]], supply: DeviceSupply
    ) -> None:
        self._plans = plans
        self._holdings = Holdings(claims, supply)
        self._candidates = [Candidate(device, pool) for pool in supply.pools for device in pool.devices]
        self._steps = 0

    def run(self) -> list[list[Allocation]] | None:
        """Return the devices of each claim; None if there is no solution.

        Raises RefusalError and TooLongError.
        """
        depth = sum(
            max(min(plan.count, MAX_DEVICES) for plan in slot) + 1 for slots in self._plans for slot in slots
        )
        if depth > MAX_DEPTH:
            raise TooLongError
        return self._holdings.results if self._fill_request((0, 0)) else None

    def _fill_request(self, spot: Spot) -> bool:
        """Find devices for a request and for all that come after it."""
        claim, number = spot
        if claim == len(self._plans):
            return True
        if number == len(self._plans[claim]):
            return self._fill_request((claim + 1, 0))
        slot = self._plans[claim][number]
        if not slot[0].is_alternative:
            return self._fill(spot, slot[0], 0, 0)
        is_too_many = True
        for plan in slot:
            try:
                if self._fill(spot, plan, 0, 0):
                    return True
            except TooManyDevicesError:
                continue
            is_too_many = False
        if is_too_many:
            raise TooManyDevicesError
        return False

    def _fill(self, spot: Spot, plan: RequestPlan, chosen: int, start: int) -> bool:
        """Find the devices that a request lacks, and those of all further requests.

        ``chosen`` is the number of devices that it has, ``start`` the position of the first candidate.
        """
        claim, number = spot
        wants_all = plan.request.count is None
        if wants_all and not plan.all_devices:
            return False
        if chosen == plan.count:
            return self._fill_request((claim, number + 1))
        if plan.count - chosen > MAX_DEVICES - len(self._holdings.results[claim]):
            raise TooManyDevicesError
        if wants_all:
            return self._try(spot, plan, chosen, plan.all_devices[chosen], 0)
        for position in range(start, len(self._candidates)):
            candidate = self._candidates[position]
            self._count_step()
            if (
                not self._holdings.is_in_use(claim, plan, candidate.device.id)
                and plan.suits(candidate)
                and self._holdings.has_capacity(plan, candidate.device)
                and self._try(spot, plan, chosen, candidate, position + 1)
            ):
                return True
        return False

    def _try(self, spot: Spot, plan: RequestPlan, chosen: int, candidate: Candidate, start: int) -> bool:
        """Choose a device and go on; give it back if that leads nowhere."""
        if not self._holdings.take(spot[0], plan, candidate):
            return False
        try:
            is_done = self._fill(spot, plan, chosen + 1, start)
        except TooManyDevicesError:
            self._holdings.undo()
            raise
        if not is_done:
            self._holdings.undo()
        return is_done

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLongError
