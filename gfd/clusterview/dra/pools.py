"""Join ResourceSlices to pools, as kube-scheduler does.

A pool counts by its highest generation only, and only if all of its slices are there: while a driver
publishes a new generation, the scheduler takes no device of the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.dra.model import Pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.dra.model import CounterSets, PoolId, ResourceSlice


def build_pools(slices: Iterable[ResourceSlice]) -> list[Pool]:
    """Return the pools of these slices, sorted by driver and name."""
    groups: dict[PoolId, list[ResourceSlice]] = {}
    for each in slices:
        groups.setdefault(each.pool, []).append(each)
    return [build_pool(groups[key]) for key in sorted(groups)]


def build_pool(slices: Sequence[ResourceSlice]) -> Pool:
    """Return the pool of slices that all have the same driver and pool; there is at least one."""
    generation = max(each.generation for each in slices)
    newest = sorted((each for each in slices if each.generation == generation), key=lambda each: each.name)
    first = newest[0]
    nodes = {each.node_name for each in newest}
    node = first.node_name if len(nodes) == 1 else ""
    devices = tuple(device for each in newest for device in each.devices)
    counter_sets: CounterSets = {}
    for each in newest:
        counter_sets |= each.counter_sets
    problem = _find_problem(newest) or _find_repetition([device.id.device for device in devices])
    if problem:
        devices, counter_sets = (), {}
    return Pool(
        id=first.pool,
        generation=generation,
        node_name=node,
        devices=devices,
        counter_sets=counter_sets,
        problem=problem,
    )


def _find_problem(slices: Sequence[ResourceSlice]) -> str:
    """Return what is wrong with the slices of one generation; empty if they are complete."""
    counts = {each.slice_count for each in slices}
    generation = slices[0].generation
    if len(counts) > 1:
        numbers = " and ".join(map(str, sorted(counts)))
        return f"its ResourceSlices of generation {generation} disagree on how many there are: {numbers}"
    (count,) = counts
    if len(slices) != count:
        return f"{len(slices)} of {count} ResourceSlices of generation {generation} are there"
    return ""


def _find_repetition(names: list[str]) -> str:
    seen = set(names)
    if len(seen) == len(names):
        return ""
    repeated = next(name for name in names if names.count(name) > 1)
    return f"two of its devices are named {repeated}"
