"""Judge whether the ResourceClaims of a pod get their devices on a node, as kube-scheduler does.

The scheduler looks for devices last, only on nodes that suit the pod otherwise. It evicts no pods for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.amounts import format_request
from gfd.clusterview.dra.snapshot import CLAIM as CLAIM_KIND
from gfd.errors import Undecided
from gfd.tools.match.dra.allocation import AllocationOutcome, allocate
from gfd.tools.match.dra.explanation import explain
from gfd.tools.match.dra.extended_resources import CLAIM_NAME, find_delegated
from gfd.tools.match.dra.pod_claims import PodClaims, add_node_claim, explain_unknown, find_claims
from gfd.tools.match.judge.capacity import describe_free
from gfd.tools.match.judge.mismatches import CLAIM, RESOURCE, Mismatch
from gfd.tools.match.judge.request_texts import find_hints, make_mismatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.dra.explanation import RequestReport
    from gfd.tools.match.dra.model import DeviceClass
    from gfd.tools.match.dra.refusals import Refusal
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.dra.supply import DeviceSupply
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

FIELD = "resourceClaims"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """Whether the claims of a pod get devices on a node."""

    mismatches: tuple[Mismatch, ...] = ()
    unjudged: tuple[str, ...] = ()
    outcome: AllocationOutcome | None = None
    """The devices, or why there are none; None if the scheduler does not come to look for any."""
    reports: tuple[RequestReport, ...] = ()
    """How the devices of the node suit each request; empty without an outcome."""
    hints: tuple[str, ...] = ()
    """What is wrong with the devices, and where: a line for each."""

    @property
    def refusal(self) -> Refusal | None:
        """Return why the claims get no devices, if the scheduler looked for them."""
        return self.outcome.refusal if self.outcome else None


class ClaimJudge:
    """Judges nodes for the claims of one pod; a node again only if what it offers has changed."""

    def __init__(self, spec: SchedulingSpec) -> None:
        self._spec = spec
        self._state: DeviceState | None = None
        self._claims = PodClaims()
        self._found: dict[int, tuple[DeviceSupply, ClaimVerdict]] = {}

    def find_claims(self, state: DeviceState | None) -> PodClaims:
        """Return the claims of the pod in this state."""
        return find_claims(self._spec, state) if state else PodClaims()

    def find_missing(self, state: DeviceState | None) -> tuple[Mismatch, ...]:
        """Return what is missing for the pod on all nodes, such as a DeviceClass."""
        missing = self.find_claims(state).missing
        return tuple(Mismatch(kind=CLAIM, wanted=wanted, found=advice) for wanted, advice in missing)

    def judge(self, node: Node, state: DeviceState | None) -> ClaimVerdict | None:
        """Return whether the claims get devices on a node that suits the pod otherwise.

        None means that the pod needs no devices of ResourceSlices on this node.
        """
        spec = self._spec
        if state is None:
            return ClaimVerdict(unjudged=(explain_unknown(spec),))
        delegated = find_delegated(spec.requests, node.allocatable, state.objects.classes)
        if not spec.claims and not delegated:
            return None
        if state is not self._state:
            self._state, claims = state, self.find_claims(state)
            if claims != self._claims:
                self._claims = claims
                self._found.clear()
        supply = state.find_supply(node)
        if id(supply) not in self._found:
            claims = add_node_claim(self._claims, spec, delegated, state)
            verdict = self._judge(claims, supply, state)
            if absent := [name for name, each in delegated.items() if _is_absent(each, verdict)]:
                verdict = self._refuse_resources(absent, node)
            self._found[id(supply)] = supply, verdict
        return self._found[id(supply)][1]

    def _refuse_resources(self, resources: Iterable[str], node: Node) -> ClaimVerdict:
        """Return the verdict for a node that has nothing of these resources, in no way."""
        return ClaimVerdict(
            mismatches=tuple(
                Mismatch(
                    kind=RESOURCE,
                    wanted=format_request(each, self._spec.requests[each]),
                    found=describe_free(node, each),
                    resource=each,
                )
                for each in resources
            )
        )

    def _judge(self, claims: PodClaims, supply: DeviceSupply, state: DeviceState) -> ClaimVerdict:
        if self._spec.node_name and any(each.allocations is None for each in claims.claims):
            reason = "nodeName passes by the scheduler, which allocates devices; use a nodeSelector instead"
            return _refuse("claims that hold devices", reason)
        if not claims.is_known:
            return ClaimVerdict(unjudged=claims.unjudged)
        classes = state.objects.classes
        try:
            outcome = allocate(claims.claims, classes, supply, state.matches)
            reports = tuple(explain(claims.claims, classes, supply, state.matches))
        except Undecided as error:
            return ClaimVerdict(unjudged=(*claims.unjudged, f"{FIELD}: {error}"))
        refusal = outcome.refusal
        why = "" if supply.are_claims_known else f"; {state.unknown[CLAIM_KIND]}"
        if refusal is None and claims.claims and not outcome.allocations:
            reports = ()  # what could not be evaluated says nothing about devices
        return ClaimVerdict(
            mismatches=(make_mismatch(refusal, reports),) if refusal else (),
            unjudged=(*claims.unjudged, *(f"{FIELD}: {text}{why}" for text in outcome.unjudged)),
            outcome=outcome,
            reports=reports,
            hints=(*find_hints(refusal, reports, supply), *([] if supply.pools else state.advice)),
        )


def _is_absent(device_class: DeviceClass, verdict: ClaimVerdict) -> bool:
    """Return whether the scheduler looked for devices of a class for a resource, and the node has none."""
    own = [
        each
        for each in verdict.reports
        if each.claim == CLAIM_NAME and each.request.class_name == device_class.name
    ]
    return bool(verdict.refusal) and bool(own) and not any(each.of_class for each in own)


def _refuse(wanted: str, found: str) -> ClaimVerdict:
    return ClaimVerdict(mismatches=(Mismatch(kind=CLAIM, wanted=wanted, found=found),))
