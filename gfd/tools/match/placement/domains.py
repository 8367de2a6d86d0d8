"""Count how many equal pods fit if one term of their affinity or spread divides the nodes into domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.judge.fit import compare
from gfd.tools.match.judge.topology import find_domain
from gfd.tools.match.judge.topology_spread import SpreadJudge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.topology import Domain
    from gfd.tools.match.podspec.scheduling import SchedulingSpec, SpreadConstraint

    Rooms = Mapping[str, int]
    Counts = Mapping[Domain | None, int]


def bound_by_domains(
    spec: SchedulingSpec, state: ClusterState, rooms: Rooms, possible: Rooms
) -> tuple[int, int] | None:
    """Return how many pods find a node at least and at most; None if several terms decide.

    ``rooms`` and ``possible`` are the certain and the possible room of each node, by its name, as far as what
    the pods take decides. No other pods of the run come before.
    """
    judge = SpreadJudge(spec)
    for node in state.nodes:
        judge.add_node(node)
    spreads = list(judge.list_own_counts())
    near, apart = (
        [each.topology_key for each in terms if _means_itself(each, spec, state)]
        for terms in (spec.pod_affinity, spec.pod_anti_affinity)
    )
    if len(near) + len(apart) + len(spreads) != 1:
        return None
    (key,) = (*near, *apart, *(constraint.topology_key for constraint, _ in spreads))
    low, high = (_sum_by_domain(key, state, each) for each in (rooms, possible))
    if near:
        return _count_near(key, spec, state, low, high)
    if apart:
        return _count_apart(low), _count_apart(high)
    return _count_spread(*spreads[0], low), _count_spread(*spreads[0], high)


def _means_itself(term: PodAffinityTerm, spec: SchedulingSpec, state: ClusterState) -> bool:
    resolved = term.resolve(spec.namespace, spec.labels)
    return resolved.matches(spec.namespace, spec.labels, state.namespaces) is not False


def _sum_by_domain(key: str, state: ClusterState, rooms: Rooms) -> dict[Domain | None, int]:
    """Return the room of each domain that has some; None stands for the nodes without the label."""
    found: dict[Domain | None, int] = {}
    for node in state.nodes:
        if room := rooms.get(node.name):
            domain = find_domain(key, node)
            found[domain] = found.get(domain, 0) + room
    return found


def _count_near(
    key: str, spec: SchedulingSpec, state: ClusterState, low: Counts, high: Counts
) -> tuple[int, int]:
    """Count pods that want to be together: the first one chooses the domain, unless such pods run."""
    places = {node.name: find_domain(key, node) for node in state.nodes}
    first = next((name for name, domain in places.items() if domain in high), None)
    if first is not None:
        after = compare(spec, state.bind(spec, first))
        if {places[each.node.name] for each in after if each.is_possible} <= {places[first]}:
            return min(low.values(), default=0) if low.keys() == high.keys() else 0, max(high.values())
    return sum(low.values()), sum(high.values())


def _count_apart(rooms: Counts) -> int:
    """Count pods of which each domain takes one."""
    return sum(room if domain is None else 1 for domain, room in rooms.items())


def _count_spread(constraint: SpreadConstraint, counts: Counts, rooms: Counts) -> int:
    """Count pods that are spread: at the end, the domain with the fewest pods limits the others."""
    fewest = min((count + rooms.get(domain, 0) for domain, count in counts.items()), default=0)
    if len(counts) < constraint.min_domains:
        fewest = 0
    limit = fewest + constraint.max_skew
    return sum(max(0, min(rooms.get(domain, 0), limit - count)) for domain, count in counts.items())
