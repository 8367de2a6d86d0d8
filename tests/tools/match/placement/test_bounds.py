"""The bounds hold for every choice of the scheduler: compared with all outcomes of small random clusters."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from gfd.tools.match.placement.bounds import UNLIMITED, Demand, bound_copies, divide

GPU, CPU = "nvidia.com/gpu", "cpu"
Free = dict[str, dict[str, int]]
Batch = tuple[int, dict[str, int], frozenset[str]]
"""The number of copies, what one takes, and the nodes whose labels suit it."""


def take(free: Free, node: str, amounts: dict[str, int]) -> Free:
    return {**free, node: {name: count - amounts.get(name, 0) for name, count in free[node].items()}}


def find_outcomes(free: Free, batches: list[Batch]) -> list[set[int]]:
    """Return for each batch how many of its copies get a node, in all runs of a scheduler that can choose."""
    states = [free]
    found: list[set[int]] = []
    for copies, amounts, suited in batches:
        current = {str(state): (state, {0}) for state in states}
        for _ in range(copies):
            following: dict[str, tuple[Free, set[int]]] = {}
            for state, counts in current.values():
                fitting = [node for node in suited if divide(state[node], amounts)]
                moves = [(take(state, node, amounts), {each + 1 for each in counts}) for node in fitting]
                for after, numbers in moves or [(state, counts)]:
                    following.setdefault(str(after), (after, set()))[1].update(numbers)
            current = following
        states = [state for state, _ in current.values()]
        found.append({count for _, counts in current.values() for count in counts})
    return found


def bound_all(free: Free, batches: list[Batch]) -> list[tuple[int, int]]:
    earlier: list[Demand] = []
    found = []
    for copies, amounts, suited in batches:
        rooms = {node: room for node in sorted(suited) if (room := divide(free[node], amounts))}
        demand = Demand(amounts=amounts, rooms=rooms, possible=rooms)
        low, high = (min(each, copies) for each in bound_copies(demand, earlier, free, free))
        earlier.append(replace(demand, at_least=low, at_most=high))
        found.append((low, high))
    return found


@pytest.mark.parametrize("seed", range(300))
def test_no_outcome_is_outside_the_bounds(seed: int) -> None:
    random = Random(seed)
    free = {
        f"n{number}": {GPU: random.choice((0, 1, 2, 4, 8)), CPU: random.choice((2, 8))} for number in range(3)
    }
    batches = []
    for _ in range(random.choice((1, 2, 3))):
        amounts = {GPU: random.choice((1, 1, 2, 4, 5, 8)), CPU: random.choice((1, 2, 5))}
        suited = frozenset(random.sample(sorted(free), random.choice((1, 2, 3, 3))))
        batches.append((random.choice((1, 2, 3, 4)), amounts, suited))
    for (low, high), outcomes in zip(bound_all(free, batches), find_outcomes(free, batches), strict=True):
        assert low <= min(outcomes)
        assert high >= max(outcomes)


@pytest.mark.parametrize("seed", range(50))
def test_the_bounds_of_equal_pods_are_exact(seed: int) -> None:
    random = Random(seed)
    free = {f"n{number}": {GPU: random.choice((0, 3, 4, 8))} for number in range(3)}
    amounts, suited = {GPU: random.choice((1, 2, 3))}, frozenset(free)
    batches = [(random.choice((1, 2, 3)), amounts, suited) for _ in range(2)]
    assert [set(each) for each in bound_all(free, batches)] == find_outcomes(free, batches)


def test_a_pod_that_may_take_the_only_large_node() -> None:
    free = {"large": {GPU: 8}, "small": {GPU: 1}}
    everywhere = frozenset(free)
    assert bound_all(free, [(1, {GPU: 1}, everywhere), (1, {GPU: 8}, everywhere)]) == [(1, 1), (0, 1)]
    assert bound_all(free, [(1, {GPU: 1}, frozenset({"small"})), (1, {GPU: 8}, everywhere)]) == [(1, 1)] * 2


def test_nodes_that_may_fit_count_only_for_the_upper_bound() -> None:
    demand = Demand(amounts={GPU: 4}, rooms={"a": 2}, possible={"a": 2, "b": 3})
    free: Free = {"a": {GPU: 8}, "b": {}}
    assert bound_copies(demand, [], free, free) == (2, 5)
    taken = Demand(amounts={GPU: 4}, rooms={"a": 2}, possible={"a": 2}, at_least=1, at_most=1)
    assert bound_copies(demand, [taken], free, free) == (1, 4)


def test_what_may_become_free_counts_only_for_the_upper_bound() -> None:
    demand = Demand(amounts={GPU: 4}, rooms={"a": 1}, possible={"a": 2})
    assert bound_copies(demand, [demand], {"a": {GPU: 4}}, {"a": {GPU: 8}}) == (1, 2)
    taken = replace(demand, at_least=1, at_most=2)
    assert bound_copies(demand, [taken], {"a": {GPU: 4}}, {"a": {GPU: 8}}) == (0, 1)


def test_pods_that_take_nothing_have_unlimited_room() -> None:
    assert divide({GPU: 8}, {}) == UNLIMITED
    assert divide({}, {CPU: 1}) == UNLIMITED
    assert divide({CPU: -1}, {CPU: 1}) == 0
