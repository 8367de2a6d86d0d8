"""How much of the capacity of a device a request takes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gfd.clusterview.dra.slices import read_slice
from gfd.tools.match.dra.capacity import CapacityError, compute_consumption
from tests.tools.match.dra.claims import (
    claim,
    make_device,
    make_holder,
    make_slice,
    make_supply,
    names,
    request,
    run,
)

RANGE = {"default": "2", "validRange": {"min": "2", "max": "8", "step": "2"}}
VALUES = {"default": "1", "validValues": ["1", "4", "16"]}
SHARED = "gpu.example.com/memory"


def share(policy: Any = None, name: str = "memory", **fields: Any) -> dict[str, Any]:
    capacity = {name: {"value": "10", **({"requestPolicy": policy} if policy else {})}}
    return make_device("d", fields={"allowMultipleAllocations": True, "capacity": capacity, **fields})


@pytest.mark.parametrize(
    ("policy", "requested", "consumed"),
    [
        (None, None, 10),
        (None, 3, 3),
        (None, 11, None),
        (RANGE, None, 2),
        (RANGE, 1, 2),
        (RANGE, 3, 4),
        (RANGE, 8, 8),
        (RANGE, 9, None),
        ({"validRange": {"min": "2"}}, 3, 3),
        ({"validRange": {"min": "2", "max": "8"}}, None, None),
        (VALUES, None, 1),
        (VALUES, 2, 4),
        (VALUES, 5, None),
        (VALUES, 17, None),
        ({"default": "3"}, None, 3),
        ({"default": "3"}, 5, 5),
    ],
)
def test_amounts(policy: Any, requested: int | None, consumed: int | None) -> None:
    (device,) = read_slice(make_slice("a", share(policy))).devices
    wish = {} if requested is None else {"memory": Fraction(requested)}
    found = compute_consumption(wish, device)
    assert found == (None if consumed is None else {SHARED: consumed})


@pytest.mark.parametrize(
    ("asked", "offered", "is_there"),
    [
        ("memory", "memory", True),
        (SHARED, SHARED, True),
        (SHARED, "memory", False),
        ("memory", SHARED, False),
        ("lanes", "memory", False),
    ],
)
def test_requests_name_a_capacity_as_the_slice_does(asked: str, offered: str, is_there: bool) -> None:
    (device,) = read_slice(make_slice("a", share(name=offered))).devices
    assert (compute_consumption({asked: Fraction(1)}, device) is not None) == is_there


@pytest.mark.parametrize("amount", [Fraction("2.0001"), Fraction(2**60)])
def test_an_amount_that_the_scheduler_cannot_compute(amount: Fraction) -> None:
    supply = make_supply(make_slice("a", share(RANGE)))
    (device,) = supply.devices
    with pytest.raises(CapacityError):
        compute_consumption({"memory": amount}, device)
    refusal = run(supply, claim(request(capacity={"memory": amount}))).refusal
    assert refusal is not None
    assert (refusal.kind, refusal.is_fatal) == ("capacity", True)


def test_claims_share_a_device() -> None:
    supply = make_supply(
        make_slice("a", share()),
        claims=[make_holder("d", shareID="x", consumedCapacity={"memory": "3"})],
    )
    half = claim(request(capacity={"memory": Fraction(3)}))
    assert names(run(supply, half, half)) == [["d"], ["d"]]
    refusal = run(supply, half, half, half).refusal
    assert refusal is not None
    assert refusal.kind == "combination"
    refusal = run(supply, claim(request(capacity={"memory": Fraction(8)}))).refusal
    assert refusal is not None
    assert refusal.text == (
        "r needs 1 device of the class any, none are free: of 1 device, 1 does not have the capacity"
    )


def test_shares_take_counters_once() -> None:
    consumes = [{"counterSet": "s", "counters": {"parts": {"value": "1"}}}]
    sets = make_slice("z", count=2, sharedCounters=[{"name": "s", "counters": {"parts": {"value": "1"}}}])
    supply = make_supply(sets, make_slice("a", share(consumesCounters=consumes), count=2))
    half = claim(request(capacity={"memory": Fraction(5)}))
    assert names(run(supply, half, half)) == [["d"], ["d"]]
