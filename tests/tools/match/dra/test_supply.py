"""The pools that the scheduler sees for a node."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.tools.match.dra.claims import (
    Object,
    claim,
    make_device,
    make_holder,
    make_slice,
    make_supply,
    names,
    request,
    run,
)

ONE, TWO = make_device("d1", type="gpu"), make_device("d2", type="gpu")


def select(value: str, key: str = "zone", where: str = "matchExpressions", operator: str = "In") -> Object:
    return {"nodeSelectorTerms": [{where: [{"key": key, "operator": operator, "values": [value]}]}]}


@pytest.mark.parametrize(
    ("place", "is_there"),
    [
        ({"nodeName": "n1"}, True),
        ({"nodeName": "n2"}, False),
        ({"allNodes": True}, True),
        ({"nodeSelector": select("a")}, True),
        ({"nodeSelector": select("b")}, False),
        ({"nodeSelector": select("n1", "metadata.name", "matchFields")}, True),
        ({"nodeSelector": {"nodeSelectorTerms": [{}]}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("is_per_device", [False, True])
def test_where_devices_are(place: Object, is_there: bool, is_per_device: bool) -> None:
    spec = {"perDeviceNodeSelection": True} if is_per_device else place
    device = ONE | place if is_per_device else ONE
    supply = make_supply(make_slice("a", device, node="", **spec), labels={"zone": "a"})
    assert [each.id.device for each in supply.devices] == (["d1"] if is_there else [])


def test_selectors_run_on_devices_of_other_nodes_in_the_same_slice() -> None:
    elsewhere = {"name": "bare", "nodeName": "n2"}
    own = ONE | {"nodeName": "n1"}
    supply = make_supply(make_slice("a", elsewhere, own, node="", perDeviceNodeSelection=True))
    assert names(run(supply, claim(request()))) == [["d1"]]
    found = run(supply, claim(request("r", "type == gpu")))
    assert found.refusal is not None
    assert found.refusal.kind == "evaluation"


def test_only_the_newest_slices_count() -> None:
    supply = make_supply(make_slice("a", ONE), make_slice("b", TWO, generation=2))
    assert [each.id.device for each in supply.devices] == ["d2"]


def test_slices_of_other_nodes_do_not_matter_if_those_for_the_node_are_complete() -> None:
    newer = make_slice("b", TWO, node="n2", generation=2)
    supply = make_supply(make_slice("a", ONE), newer)
    assert [each.id.device for each in supply.devices] == ["d1"]


@pytest.mark.parametrize(
    ("others", "devices", "problems"),
    [
        ([make_slice("b", TWO, node="n2", count=2)], ["d1"], []),
        # The driver replaces the pool, and has nothing new for the node yet.
        ([make_slice("b", TWO, node="n2", count=2, generation=2)], [], []),
        ([make_slice("b", TWO, node="n2", count=2, generation=0)], [], ["1 of 2 ResourceSlices are there"]),
        ([make_slice("b", ONE, count=2)], [], ["two of its devices are named d1"]),
        # A device of another node may have the same name.
        ([make_slice("b", ONE, node="n2", count=2)], ["d1"], []),
    ],
)
def test_slices_for_the_node_that_are_not_all(others: Any, devices: Any, problems: Any) -> None:
    supply = make_supply(make_slice("a", ONE, count=2), *others)
    assert [each.id.device for each in supply.devices] == devices
    assert [each.partition(": ")[2] for each in supply.problems] == problems


def make_counters(name: str, *sets: str, count: int = 2, **spec: Any) -> Object:
    shared = [{"name": each, "counters": {"slices": {"value": "4"}}} for each in sets]
    return make_slice(name, count=count, sharedCounters=shared, **spec)


def consume(counter_set: str, counter: str = "slices", value: int = 2) -> Object:
    counters = {counter: {"value": str(value)}}
    return {"consumesCounters": [{"counterSet": counter_set, "counters": counters}]}


@pytest.mark.parametrize(
    ("slices", "problem"),
    [
        ([make_counters("z", "s"), make_slice("a", ONE | consume("t"), count=2)],
         "the device d1 takes counters of t, which is nowhere"),
        ([make_counters("z", "s"), make_slice("a", ONE | consume("s", "x"), count=2)],
         "the device d1 takes the counter x of s, which is nowhere"),
        ([make_counters("y", "s"), make_counters("z", "s")],
         "two of its counter sets are named s"),
    ],
)  # fmt: skip
def test_counters_that_are_nowhere(slices: Any, problem: str) -> None:
    supply = make_supply(*slices)
    assert supply.problems == (f"the pool p of gpu.example.com: {problem}",)


def test_held_devices_of_other_nodes_take_counters() -> None:
    slices = (
        make_counters("z", "s", count=3),
        make_slice("a", ONE | consume("s"), TWO | consume("s"), count=3),
        make_slice("b", make_device("d3") | consume("s"), node="n2", count=3),
    )
    assert run(make_supply(*slices), claim(request(count=2))).refusal is None
    held = make_supply(*slices, claims=[make_holder("d3")])
    assert run(held, claim(request(count=1))).refusal is None
    assert run(held, claim(request(count=2))).refusal is not None
    # More than there is: no device with counters can be had.
    crowded = make_device("d4") | consume("s", value=3)
    slices = (*slices[:2], make_slice("b", make_device("d3") | consume("s"), crowded, node="n2", count=3))
    overdrawn = make_supply(*slices, claims=[make_holder("d3", "d4")])
    assert run(overdrawn, claim(request(count=1))).refusal is not None


def test_devices_that_are_held_later() -> None:
    slices = (make_counters("z", "s"), make_slice("a", ONE | consume("s"), TWO | consume("s"), count=2))
    supply = make_supply(*slices)
    first = run(supply, claim(request())).allocations[0]
    later = supply.hold(first)
    assert names(run(later, claim(request()))) == [["d2"]]
    assert later == make_supply(*slices, claims=[make_holder("d1")])
    assert later.hold(first) == later  # it takes its counters once
    watch = run(supply, claim(request(has_admin_access=True))).allocations[0]
    assert supply.hold(watch) == supply


def test_shares_that_are_held_later() -> None:
    device = make_device(
        "d", fields={"allowMultipleAllocations": True, "capacity": {"memory": {"value": "8"}}}
    )
    supply = make_supply(make_slice("a", device))
    half = claim(request(capacity={"memory": Fraction(4)}))
    for _ in range(2):
        outcome = run(supply, half)
        assert names(outcome) == [["d"]]
        supply = supply.hold(outcome.allocations[0])
    assert run(supply, half).refusal is not None


def test_a_malformed_node_selector() -> None:
    with pytest.raises(ValueError, match="has a nodeSelector with the unknown operator 'Is'"):
        make_supply(make_slice("a", node="", nodeSelector=select("a", operator="Is")))
    two = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "z", "operator": "Gt", "values": []}]}]}
    with pytest.raises(ValueError, match="has a nodeSelector with Gt and not one value"):
        make_supply(make_slice("a", node="", nodeSelector=two))
