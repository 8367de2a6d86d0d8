"""Allocate the devices of a node to the claims of a pod, as kube-scheduler does.

The rules are those of Kubernetes 1.37 with its default feature gates: ``plugins/dynamicresources`` of
kube-scheduler, and ``k8s.io/dynamic-resource-allocation/structured``. DeviceTaintRules are not read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.clusterview.dra.node_selectors import selects_node
from gfd.errors import Undecided
from gfd.tools.match.dra.explanation import explain
from gfd.tools.match.dra.refusals import Refusal, RefusalError
from gfd.tools.match.dra.requests import make_plans
from gfd.tools.match.dra.search import MAX_STEPS, Search, TooLongError
from gfd.tools.match.dra.shortage import find_shortage, list_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.clusterview.dra.model import Allocation
    from gfd.tools.match.dra.model import ClaimSpec, DeviceClass
    from gfd.tools.match.dra.requests import Matches
    from gfd.tools.match.dra.supply import DeviceSupply


_TOO_LONG = (
    f"gfd tried {MAX_STEPS} devices and found no combination that suits all claims; the scheduler may find"
    " one in its 10 seconds"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationOutcome:
    """Whether the claims of a pod get their devices on a node."""

    allocations: tuple[tuple[Allocation, ...], ...] = ()
    """The devices of each claim, in the order of the claims; empty with a refusal or if it is not known."""
    refusal: Refusal | None = None
    """The first reason why not."""
    unjudged: tuple[str, ...] = ()
    """What decides, too, and cannot be judged. Without a refusal, the pod may fit."""


def allocate(
    claims: Sequence[ClaimSpec],
    classes: Mapping[str, DeviceClass],
    supply: DeviceSupply,
    matches: Matches,
) -> AllocationOutcome:
    """Return which devices of a node the claims of a pod get. What is undecided is in the outcome.

    ``classes`` are all DeviceClasses of the cluster by name. ``matches`` tells whether a device meets a
    selector, and raises EvaluationError or Undecided.
    """
    open_claims = [each for each in claims if each.allocations is None]
    outcome = _allocate(open_claims, classes, supply, matches) if open_claims else AllocationOutcome()
    if outcome.refusal is not None and outcome.refusal.is_fatal:
        return outcome
    for claim in claims:
        selector = claim.node_selector
        if selector is not None and not selects_node(selector, supply.node, supply.labels):
            return AllocationOutcome(refusal=_refuse_holder(claim))
    if outcome.refusal is not None or (open_claims and not outcome.allocations):
        return outcome
    found = iter(outcome.allocations)
    allocations = tuple(next(found) if each.allocations is None else each.allocations for each in claims)
    return replace(outcome, allocations=allocations)


def _allocate(
    claims: Sequence[ClaimSpec], classes: Mapping[str, DeviceClass], supply: DeviceSupply, matches: Matches
) -> AllocationOutcome:
    """Allocate devices to claims that hold none."""
    unjudged = tuple(_list_unjudged(supply))
    try:
        plans = make_plans(claims, classes, supply, matches)
        results = Search(claims, plans, supply).run()
        refusal = None if results else _explain_failure(claims, classes, supply, matches)
    except RefusalError as error:
        results, refusal = None, error.refusal
    except TooLongError:
        # A request that has too few devices by itself gets none, however long the scheduler searches.
        results, refusal = None, find_shortage(claims, explain(claims, classes, supply, matches))
        if refusal is None:
            return AllocationOutcome(unjudged=(*unjudged, _TOO_LONG))
    except Undecided as error:
        return AllocationOutcome(unjudged=(*unjudged, str(error)))
    if refusal is not None and any(pool.has_contradiction for pool in supply.pools):
        return AllocationOutcome(unjudged=unjudged)
    allocations = tuple(map(tuple, results or ()))
    conditions = tuple(_list_conditions(allocations, supply))
    return AllocationOutcome(allocations=allocations, refusal=refusal, unjudged=(*unjudged, *conditions))


def _explain_failure(
    claims: Sequence[ClaimSpec], classes: Mapping[str, DeviceClass], supply: DeviceSupply, matches: Matches
) -> Refusal:
    refusal = find_shortage(claims, explain(claims, classes, supply, matches))
    if refusal is not None:
        return refusal
    attributes = list_attributes(claims)
    if attributes and _suits_without_constraints(claims, classes, supply, matches):
        text = f"enough devices are free, but not with the constraints on {', '.join(attributes)}"
        return Refusal(kind="constraint", text=text)
    text = "enough devices are free for each request, but not for all requests together"
    return Refusal(kind="combination", text=text)


def _suits_without_constraints(
    claims: Sequence[ClaimSpec], classes: Mapping[str, DeviceClass], supply: DeviceSupply, matches: Matches
) -> bool:
    loose = [replace(each, constraints=()) for each in claims]
    try:
        return Search(loose, make_plans(loose, classes, supply, matches), supply).run() is not None
    except (RefusalError, TooLongError, Undecided):
        return False


def _refuse_holder(claim: ClaimSpec) -> Refusal:
    devices = ", ".join(f"{each.device.pool}/{each.device.device}" for each in claim.allocations or ())
    text = f"the claim holds devices that other nodes have: {devices}"
    return Refusal(kind="held", text=text, claim=claim.name, place=claim.place)


def _list_unjudged(supply: DeviceSupply) -> Iterator[str]:
    if not supply.are_claims_known:
        yield "which devices ResourceClaims hold is unknown"
    for pool in supply.pools:
        if pool.has_contradiction:
            yield f"the pool {pool.id.pool} of {pool.id.driver}: {pool.problem}"


def _list_conditions(allocations: Sequence[Sequence[Allocation]], supply: DeviceSupply) -> Iterator[str]:
    """Yield what the scheduler waits for before it binds the pod."""
    conditions = {device.id: device.binding_conditions for device in supply.devices}
    for each in (each for found in allocations for each in found):
        if names := conditions[each.device]:
            yield f"the device {each.device.device} waits until {', '.join(names)} is true in the claim"
