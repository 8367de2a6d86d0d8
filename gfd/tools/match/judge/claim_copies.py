"""Give devices to copies of a pod on one node, one after the other, and count how many get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.dra.allocation import allocate
from gfd.tools.match.dra.extended_resources import find_delegated
from gfd.tools.match.dra.pod_claims import add_node_claim, find_claims

if TYPE_CHECKING:
    from gfd.clusterview.nodes import Node
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


def hold_devices(
    spec: SchedulingSpec, node: Node, state: DeviceState, copies: int
) -> tuple[DeviceState, int]:
    """Return the state after copies of a pod on a node have got devices, and how many of them have.

    If the claims cannot be judged, all copies count, and hold nothing.
    """
    for number in range(copies):
        delegated = find_delegated(spec.requests, node.allocatable, state.objects.classes)
        if not spec.claims and not delegated:
            return state, copies
        claims = add_node_claim(find_claims(spec, state), spec, delegated, state)
        if claims.missing or not claims.is_known:
            return state, 0 if claims.missing else copies
        supply = state.find_supply(node)
        outcome = allocate(claims.claims, state.objects.classes, supply, state.matches)
        if outcome.refusal:
            return state, number
        if not outcome.allocations:
            return state, copies
        is_taking = any(not each.has_admin_access for found in outcome.allocations for each in found)
        is_open = any(each.allocations is None for each in claims.claims)
        if not is_taking or not is_open:
            return state, copies
        state = state.hold(node, claims.claims, outcome.allocations)
    return state, copies
