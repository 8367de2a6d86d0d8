"""The devices that one attempt to allocate a pod's claims has chosen so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.clusterview.dra.model import Allocation
from gfd.tools.match.dra.constraints import ConstraintState
from gfd.tools.match.dra.pools import list_counters
from gfd.tools.match.dra.refusals import RefusalError
from gfd.tools.match.dra.taints import find_barrier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from gfd.clusterview.dra.model import Device, DeviceId, PoolId
    from gfd.tools.match.dra.model import ClaimSpec
    from gfd.tools.match.dra.pools import CounterKey
    from gfd.tools.match.dra.requests import Candidate, RequestPlan
    from gfd.tools.match.dra.supply import DeviceSupply


@dataclass(slots=True)
class _Choice:
    """A chosen device, with what has to be undone."""

    claim: int
    candidate: Candidate
    constraints: list[ConstraintState] = field(default_factory=list)
    counters: list[tuple[CounterKey, Fraction]] = field(default_factory=list)


class Holdings:
    """The chosen devices: :meth:`take` chooses one, :meth:`undo` gives the last one back."""

    def __init__(self, claims: Sequence[ClaimSpec], supply: DeviceSupply) -> None:
        self.results: list[list[Allocation]] = [[] for _ in claims]
        """The chosen devices of each claim."""
        self._constraints = [[ConstraintState(each) for each in claim.constraints] for claim in claims]
        self._supply = supply
        self._overdrawn = {pool.id for pool in supply.pools if pool.is_overdrawn}
        self._holders: dict[DeviceId, list[int]] = {}
        """The claims, by number, that hold a device which cannot be shared."""
        self._shares: dict[DeviceId, list[Mapping[str, Fraction]]] = {}
        """What the chosen shares of a device take."""
        self._counters: dict[tuple[PoolId, CounterKey], Fraction] = {}
        self._choices: list[_Choice] = []

    def is_in_use(self, claim: int, plan: RequestPlan, device: DeviceId) -> bool:
        """Return whether a claim, by number, cannot get a device because of another one that holds it.

        With admin access, only the claim itself must not hold the device already.
        """
        holders = self._holders.get(device, ())
        if plan.request.has_admin_access:
            return claim in holders
        return device in self._supply.taken or bool(holders)

    def has_capacity(self, plan: RequestPlan, device: Device) -> bool:
        """Return whether the device has what the request takes of its capacity. Raises RefusalError."""
        consumption = plan.compute_consumption(device)
        if consumption is None:
            return False
        shares = [*self._shares.get(device.id, ()), self._supply.shares.get(device.id, {})]
        return all(
            value + sum(each.get(name, 0) for each in shares) <= device.capacity[name]
            for name, value in consumption.items()
        )

    def take(self, claim: int, plan: RequestPlan, candidate: Candidate) -> bool:
        """Choose a device that suits the request; return False if the claim cannot get it.

        Raises RefusalError if a constraint forbids it and the request wants all devices.
        """
        device = candidate.device
        choice = _Choice(claim, candidate)
        if self.is_in_use(claim, plan, device.id) or not self._take_counters(choice):
            return False
        if find_barrier(device, plan.request) or not self._add_to_constraints(choice, plan):
            self._revert(choice)
            return False
        if not self.has_capacity(plan, device):
            self._revert(choice)
            return False
        if device.is_shareable:
            self._shares.setdefault(device.id, []).append(plan.compute_consumption(device) or {})
        else:
            self._holders.setdefault(device.id, []).append(claim)
        self.results[claim].append(
            Allocation(
                device=device.id,
                request=plan.request.name,
                has_admin_access=plan.request.has_admin_access,
                is_share=device.is_shareable,
                consumed=plan.compute_consumption(device) or {} if device.is_shareable else {},
            )
        )
        self._choices.append(choice)
        return True

    def undo(self) -> None:
        """Give back the device that was chosen last."""
        choice = self._choices.pop()
        device = choice.candidate.device
        (self._shares if device.is_shareable else self._holders)[device.id].pop()
        self.results[choice.claim].pop()
        self._revert(choice)

    def _take_counters(self, choice: _Choice) -> bool:
        """Take the shared counters of a device; return False if too few are left.

        A device that is shared already takes no counters again.
        """
        device, pool = choice.candidate.device, choice.candidate.pool
        is_shared = bool(self._shares.get(device.id)) or device.id in self._supply.shares
        if not device.consumes or (device.is_shareable and is_shared):
            return True
        for key, value in list_counters(device):
            self._counters[pool.id, key] = self._counters.get((pool.id, key), 0 * value) + value
            choice.counters.append((key, value))
        if pool.id in self._overdrawn or any(
            self._counters[pool.id, key] > pool.free[key] for key, _ in choice.counters
        ):
            self._revert(choice)
            return False
        return True

    def _add_to_constraints(self, choice: _Choice, plan: RequestPlan) -> bool:
        device = choice.candidate.device
        for state in self._constraints[choice.claim]:
            if not state.concerns(plan.request.name):
                continue
            if not state.add(device):
                if plan.request.count is None:
                    raise RefusalError.from_constraint(
                        plan.claim, plan.request, device, state.constraint.attribute
                    )
                return False
            choice.constraints.append(state)
        return True

    def _revert(self, choice: _Choice) -> None:
        """Undo what :meth:`take` does to constraints and counters."""
        for state in choice.constraints:
            state.remove_last()
        for key, value in choice.counters:
            self._counters[choice.candidate.pool.id, key] -= value
