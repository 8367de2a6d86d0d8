"""Place the copies of a pod one after the other, where each copy changes what the next one finds.

Dividing free resources is not enough for a pod with host ports, affinity or spread constraints, nor for one
that evicts others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.tools.match.fit import compare

if TYPE_CHECKING:
    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.scheduling import SchedulingSpec

MAX_COPIES = 100
"""How many copies are placed one by one; beyond it, the number is not certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """How many copies of a pod fit if each goes to the best node."""

    at_least: int
    """How many copies surely get a node."""
    at_most: int
    """How many copies can get a node."""
    after: ClusterState
    """The state after these copies, without the pods that they evict."""


def place_copies(spec: SchedulingSpec, state: ClusterState, wanted: int, *, is_alone: bool) -> Copies:
    """Return how many of the wanted copies fit.

    ``is_alone`` says that no other pod of the run keeps this pod from a node, except by its resources.
    """
    placed = certain = 0
    while placed < min(wanted, MAX_COPIES):
        best = compare(spec, state)[0]
        if not best.is_possible:
            break
        if best.preempts:
            state = state.evict(best.preempts, best.node.name)
        certain += best.fits and certain == placed
        state = state.bind(spec, best.node.name)
        placed += 1
    is_exact = is_alone and (wanted == 1 or _is_independent_of_order(spec))
    is_bound = placed < MAX_COPIES and (is_exact or (is_alone and not placed))
    return Copies(
        at_least=certain if is_exact else 0,
        at_most=placed if is_bound else wanted,
        after=state,
    )


def _is_independent_of_order(spec: SchedulingSpec) -> bool:
    """Return whether the number of copies is the same whatever nodes the scheduler chooses.

    With podAffinity, the first copy may choose the domain of all. If the copies share out the domains of one
    label, the order does not matter; of two labels it does.
    """
    keys = {term.topology_key for term in spec.pod_anti_affinity}
    keys |= {constraint.topology_key for constraint in spec.spread_constraints}
    return not spec.pod_affinity and len(keys) <= 1


def has_neighbours(spec: SchedulingSpec) -> bool:
    """Return whether other pods keep a pod from nodes, or draw it there."""
    return bool(spec.host_ports or spec.pod_affinity or spec.pod_anti_affinity or spec.spread_constraints)


def interact(one: SchedulingSpec, other: SchedulingSpec) -> bool:
    """Return whether one of two pods keeps the other from nodes, or draws it there, except by resources."""
    return (
        any(port.conflicts_with(each) for port in one.host_ports for each in other.host_ports)
        or _means(one, other)
        or _means(other, one)
    )


def _means(one: SchedulingSpec, other: SchedulingSpec) -> bool:
    """Return whether the affinity or the spread of a pod means another one, as far as is known."""
    terms = (each.resolve(one.namespace, one.labels) for each in (*one.pod_affinity, *one.pod_anti_affinity))
    if any(term.matches(other.namespace, other.labels, None) is not False for term in terms):
        return True
    return one.namespace == other.namespace and any(
        each.selector is not None and each.selector.matches(other.labels) for each in one.spread_constraints
    )
