"""Bound how many copies of a pod find a node, whatever nodes the scheduler chooses for the pods before them.

kube-scheduler places pods one after the other and never moves one. Scores that change with every pod decide
which of the fitting nodes a pod gets, so several outcomes are possible. The bounds here hold for all of them.
They are equal, and so exact, if nothing comes before, and for equal pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Amounts = Mapping[str, int]

UNLIMITED = 10**9
"""The room of a node for a pod that takes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Equal pods of the run: what one takes, and where there is room in the cluster as it is."""

    amounts: Amounts
    """What one pod takes, by resource; without zeros."""
    rooms: Mapping[str, int]
    """How many of the pods each node surely has room for, by the node's name, without the rest of the run."""
    possible: Mapping[str, int]
    """How many of the pods each node may have room for, at most."""
    at_least: int = 0
    """How many of the pods surely get a node."""
    at_most: int = 0

    def competes_with(self, other: Demand) -> bool:
        """Return whether pods of the two demands can take something from each other on a node."""
        return not (
            self.amounts.keys().isdisjoint(other.amounts) or self.possible.keys().isdisjoint(other.possible)
        )


def divide(free: Amounts, amounts: Amounts) -> int:
    """Return how many pods that take ``amounts`` each find room in ``free``.

    A resource that ``free`` lacks is unknown and limits nothing.
    """
    known = [max(0, free[name]) // amount for name, amount in amounts.items() if name in free]
    return min(known, default=UNLIMITED)


def bound_copies(
    demand: Demand,
    earlier: Sequence[Demand],
    free: Mapping[str, Amounts],
    most: Mapping[str, Amounts],
    wanted: int = UNLIMITED,
) -> tuple[int, int]:
    """Return how many pods find room at least and at most after the ``earlier`` ones, without limit.

    The lower bound is only as close as it must be to say whether there is room for ``wanted`` pods.
    ``free`` is what each node surely has left now, by the node's name and the resource; ``most`` is what it
    may have left at most.
    """
    rivals = [
        each for each in earlier if each.at_most and not demand.possible.keys().isdisjoint(each.possible)
    ]
    certain, possible = sum(demand.rooms.values()), sum(demand.possible.values())
    if not rivals:
        return certain, possible
    by_pods = sum(each.at_most * _lose_at_most(each.amounts, demand.amounts) for each in rivals)
    lost = by_pods
    if certain - by_pods < wanted:
        losses = (_lose_on_node(demand, rivals, free[name], name) for name in demand.rooms)
        by_nodes = sorted(losses, reverse=True)
        lost = min(by_pods, sum(by_nodes[: sum(each.at_most for each in rivals)]))
    forced = [(each, _count_forced(each, demand)) for each in rivals]
    kept = possible - sum(count * _lose_at_least(each.amounts, demand.amounts) for each, count in forced)
    return max(0, certain - lost), max(0, min([kept, *_limit_by_sums(demand, forced, most)]))


def _lose_at_most(taken: Amounts, wanted: Amounts) -> int:
    """Return by how many pods the room of a node shrinks at most when ``taken`` is taken."""
    return max((-(-taken.get(name, 0) // amount) for name, amount in wanted.items()), default=0)


def _lose_at_least(taken: Amounts, wanted: Amounts) -> int:
    return min((taken.get(name, 0) // amount for name, amount in wanted.items()), default=0)


def _lose_on_node(demand: Demand, rivals: Iterable[Demand], free: Amounts, name: str) -> int:
    """Return by how much the room of a node shrinks if as many rivals as possible are placed there."""
    left = dict(free)
    for each in rivals:
        count = min(each.at_most, each.possible.get(name, 0))
        for resource, amount in each.amounts.items():
            if resource in left:
                left[resource] -= amount * count
    return demand.rooms[name] - min(demand.rooms[name], divide(left, demand.amounts))


def _count_forced(rival: Demand, demand: Demand) -> int:
    """Return how many pods of a rival cannot avoid the nodes that the demand could use."""
    elsewhere = sum(room for name, room in rival.possible.items() if name not in demand.possible)
    return max(0, rival.at_least - elsewhere)


def _limit_by_sums(
    demand: Demand, forced: Sequence[tuple[Demand, int]], most: Mapping[str, Amounts]
) -> Iterable[int]:
    """Yield for each resource how many pods find room if what is left of it could be used on any node."""
    for name, amount in demand.amounts.items():
        if all(name in most[node] for node in demand.possible):
            total = sum(max(0, most[node][name]) for node in demand.possible)
            yield (total - sum(count * each.amounts.get(name, 0) for each, count in forced)) // amount
