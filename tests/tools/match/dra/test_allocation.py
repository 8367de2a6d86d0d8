"""Which devices the claims of a pod get."""

from __future__ import annotations

from typing import Any

import pytest

from gfd.clusterview.dra.model import Allocation, DeviceId
from gfd.tools.match.dra import search
from tests.tools.match.dra.claims import (
    choose,
    claim,
    distinct,
    equal,
    make_device,
    make_holder,
    make_slice,
    make_supply,
    names,
    request,
    run,
    tolerate,
)

FOUR = [make_device(f"d{each}", type="gpu", half=f"h{each // 2}") for each in range(4)]


def refusal_of(outcome: Any) -> tuple[str, bool]:
    assert outcome.allocations == ()
    assert outcome.refusal is not None
    return outcome.refusal.kind, outcome.refusal.is_fatal


def test_devices_are_taken_in_order() -> None:
    supply = make_supply(make_slice("b", FOUR[0], count=2), make_slice("a", FOUR[1], count=2))
    assert names(run(supply, claim(request(count=2)))) == [["d1", "d0"]]


def test_held_devices_are_left_out() -> None:
    supply = make_supply(make_slice("a", *FOUR), claims=[make_holder("d0", "d2")])
    assert names(run(supply, claim(request(count=2)))) == [["d1", "d3"]]
    assert refusal_of(run(supply, claim(request(count=3)))) == ("devices", False)


def test_a_device_is_given_once_to_several_claims() -> None:
    supply = make_supply(make_slice("a", *FOUR))
    two = (claim(request(count=2), name="one"), claim(request(count=2), name="two"))
    assert names(run(supply, *two)) == [["d0", "d1"], ["d2", "d3"]]
    assert refusal_of(run(supply, *two, claim(request(), name="three"))) == ("combination", False)


def test_a_choice_is_undone_if_a_later_request_needs_the_device() -> None:
    supply = make_supply(make_slice("a", make_device("d0", type="gpu"), make_device("d1", type="nic")))
    found = run(supply, claim(request("any"), request("gpu", "type == gpu")))
    assert names(found) == [["d1", "d0"]]
    assert [each.request for each in found.allocations[0]] == ["any", "gpu"]


def test_all_devices_that_match_are_taken() -> None:
    slices = make_slice("a", *FOUR, make_device("nic", type="nic"))
    wish = claim(request("r", "type == gpu", count=None))
    assert names(run(make_supply(slices), wish)) == [["d0", "d1", "d2", "d3"]]
    held = make_supply(slices, claims=[make_holder("d3")])
    assert refusal_of(run(held, wish)) == ("devices", False)
    assert refusal_of(run(make_supply(slices), claim(request("r", "type == x", count=None)))) == (
        "devices", False,
    )  # fmt: skip


def test_all_devices_need_complete_pools_also_of_other_drivers() -> None:
    half = make_slice("x", driver="nic.example.com", count=2)
    supply = make_supply(make_slice("a", *FOUR), half)
    assert refusal_of(run(supply, claim(request(count=None)))) == ("pool", True)
    assert names(run(supply, claim(request(count=4)))) == [["d0", "d1", "d2", "d3"]]


def test_the_first_alternative_that_the_node_has_counts() -> None:
    supply = make_supply(make_slice("a", *FOUR))
    wish = choose("r", request("r/eight", count=8), request("r/three", count=3), request("r/one"))
    assert names(run(supply, claim(wish))) == [["d0", "d1", "d2"]]
    # If a later claim needs the rest, the next alternative counts.
    found = run(supply, claim(wish), claim(request(count=2), name="more"))
    assert names(found) == [["d0"], ["d1", "d2"]]
    assert found.allocations[0][0].request == "r/one"


def test_admin_access_sees_devices_that_others_hold() -> None:
    supply = make_supply(make_slice("a", *FOUR[:2]), claims=[make_holder("d0")])
    watch = request("watch", count=None, has_admin_access=True)
    found = run(supply, claim(watch))
    assert names(found) == [["d0", "d1"]]
    assert all(each.has_admin_access for each in found.allocations[0])
    # Within the pod, a device is for one request only.
    assert refusal_of(run(supply, claim(watch), claim(request(), name="use")))[0] == "combination"
    # Devices that are held for monitoring are free.
    supply = make_supply(make_slice("a", *FOUR[:2]), claims=[make_holder("d0", "d1", adminAccess=True)])
    assert names(run(supply, claim(request(count=2)))) == [["d0", "d1"]]


@pytest.mark.parametrize(
    ("effect", "toleration", "is_given"),
    [
        ("NoSchedule", None, False),
        ("NoExecute", None, False),
        ("None", None, True),
        ("NoSchedule", tolerate("sick"), True),
        ("NoSchedule", tolerate(), True),
        ("NoSchedule", tolerate("sick", effect="NoExecute"), False),
        ("NoSchedule", tolerate("other"), False),
        ("NoSchedule", tolerate("sick", operator="Equal", value="x"), False),
        ("NoSchedule", tolerate("sick", operator="Equal", value=""), True),
    ],
)
def test_tainted_devices(effect: str, toleration: Any, is_given: bool) -> None:
    taints = {"taints": [{"key": "sick", "effect": effect}]}
    supply = make_supply(make_slice("a", make_device("d0", fields=taints)))
    wish = request(tolerations=(toleration,) if toleration else ())
    assert (run(supply, claim(wish)).refusal is None) == is_given


def test_equal_attributes() -> None:
    supply = make_supply(make_slice("a", make_device("d"), *FOUR), claims=[make_holder("d1")])
    # d0 alone has no partner, and d has no such attribute.
    assert names(run(supply, claim(request(count=2), constraints=(equal("half"),)))) == [["d2", "d3"]]
    one, two = request("one"), request("two")
    assert names(run(supply, claim(one, two, constraints=(equal("half", "one", "two"),)))) == [["d2", "d3"]]
    assert names(run(supply, claim(one, two, constraints=(equal("half", "two"),)))) == [["d", "d0"]]
    found = run(supply, claim(request(count=3), constraints=(equal("half"),)))
    assert refusal_of(found) == ("constraint", False)


def test_distinct_attributes() -> None:
    supply = make_supply(make_slice("a", *FOUR))
    assert names(run(supply, claim(request(count=2), constraints=(distinct("half"),)))) == [["d0", "d2"]]
    found = run(supply, claim(request(count=3), constraints=(distinct("half"),)))
    assert refusal_of(found) == ("constraint", False)


def test_values_of_different_kinds_are_different() -> None:
    kinds: list[dict[str, Any]] = [{"int": 1}, {"bool": True}, {"string": "1.0.0"}, {"version": "1.0.0"}]
    devices = [{"name": f"d{number}", "attributes": {"a": kind}} for number, kind in enumerate(kinds)]
    supply = make_supply(make_slice("a", *devices))
    assert run(supply, claim(request(count=4), constraints=(distinct("a"),))).refusal is None
    assert run(supply, claim(request(count=2), constraints=(equal("a"),))).refusal is not None


def test_all_devices_that_break_a_constraint_stop_the_scheduler() -> None:
    supply = make_supply(make_slice("a", *FOUR))
    found = run(supply, claim(request(count=None), constraints=(equal("half"),)))
    assert refusal_of(found) == ("constraint", True)


def test_a_selector_that_fails_stops_the_scheduler() -> None:
    supply = make_supply(make_slice("a", FOUR[0], make_device("bare"), FOUR[1]))
    wish = "type == gpu"
    # The search has its device before it comes to the one that lacks the attribute.
    assert names(run(supply, claim(request("r", wish)))) == [["d0"]]
    found = run(supply, claim(request("r", wish, count=2)))
    assert refusal_of(found) == ("evaluation", True)
    assert found.refusal is not None
    assert found.refusal.text == (
        "type == gpu fails on the device bare of the pool p: no such key: type; write has(type) && …"
    )
    assert (found.refusal.claim, found.refusal.request, found.refusal.place) == ("c", "r", "pod.yaml: r")
    # The selectors do not run on a device that a claim holds, unless all are wanted.
    held = make_supply(make_slice("a", FOUR[0], make_device("bare"), FOUR[1]), claims=[make_holder("bare")])
    assert names(run(held, claim(request("r", wish, count=2)))) == [["d0", "d1"]]
    assert refusal_of(run(held, claim(request("r", wish, count=None)))) == ("evaluation", True)
    # The class is asked first.
    sound = make_supply(make_slice("a", make_device("nic", type="nic")))
    outcome = run(sound, claim(request("r", "absent == x", class_name="gpu")))
    assert refusal_of(outcome) == ("devices", False)


def test_shared_counters() -> None:
    def part(name: str, count: int) -> dict[str, Any]:
        counters = {"slices": {"value": str(count)}}
        return make_device(name, fields={"consumesCounters": [{"counterSet": "s", "counters": counters}]})

    sets = make_slice(
        "z", count=2, sharedCounters=[{"name": "s", "counters": {"slices": {"value": "4"}}}], devices=[]
    )
    devices = make_slice("a", part("whole", 4), part("half-0", 2), part("half-1", 2), count=2)
    supply = make_supply(sets, devices)
    assert names(run(supply, claim(request()))) == [["whole"]]
    assert names(run(supply, claim(request(count=2)))) == [["half-0", "half-1"]]
    assert refusal_of(run(supply, claim(request(count=3))))[0] == "combination"
    held = make_supply(sets, devices, claims=[make_holder("half-0")])
    assert names(run(held, claim(request()))) == [["half-1"]]
    assert refusal_of(run(held, claim(request(count=2)))) == ("devices", False)


def test_the_limit_of_a_claim() -> None:
    many = [make_device(f"d{each}") for each in range(40)]
    supply = make_supply(make_slice("a", *many))
    assert run(supply, claim(request(count=32))).refusal is None
    assert refusal_of(run(supply, claim(request(count=33)))) == ("limit", True)
    assert refusal_of(run(supply, claim(request(count=20), request("s", count=13)))) == ("limit", True)
    assert run(supply, claim(request(count=20)), claim(request(count=20), name="d")).refusal is None
    # Alternatives that are too many are left out, and if all are, the scheduler stops.
    few = choose("r", request("r/a", count=20), request("r/b", count=5))
    more = choose("s", request("s/a", count=27), request("s/b", count=20))
    found = run(supply, claim(few, more))
    assert [len(each) for each in names(found)] == [32]
    assert found.allocations[0][0].request == "r/b"
    odd = choose("s", request("s/a", count=30), request("s/b", count=12))
    assert refusal_of(run(supply, claim(request("x", count=20), odd, request("t")))) == ("limit", True)


def test_a_missing_class() -> None:
    supply = make_supply(make_slice("a", *FOUR))
    found = run(supply, claim(request(class_name="nowhere")))
    assert refusal_of(found) == ("class", True)


def test_allocated_claims_are_bound_to_their_nodes() -> None:
    held = Allocation(device=DeviceId("gpu.example.com", "p", "d0"), request="r")
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
    bound = claim(request(), allocations=(held,), node_selector={"nodeSelectorTerms": terms})
    assert names(run(make_supply(), bound)) == [["d0"]]
    assert refusal_of(run(make_supply(node="n2"), bound)) == ("held", False)
    # On the node, the other claims of the pod still need devices.
    supply = make_supply(make_slice("a", *FOUR), claims=[make_holder("d0")])
    assert names(run(supply, bound, claim(request(), name="more"))) == [["d0"], ["d1"]]
    assert refusal_of(run(make_supply(), bound, claim(request(), name="more"))) == ("devices", False)
    free = claim(request(), allocations=(held,))
    assert names(run(make_supply(node="n2"), free)) == [["d0"]]


def test_a_long_search_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_STEPS", 20)
    supply = make_supply(make_slice("a", *FOUR, *(make_device(f"e{each}") for each in range(20))))
    found = run(supply, claim(request(count=20), constraints=(equal("half"),)))
    assert (found.allocations, found.refusal) == ((), None)
    assert len(found.unjudged) == 1
    many = [claim(request(count=24), name=f"c{each}") for each in range(10)]
    assert run(supply, *many).unjudged == found.unjudged


def test_a_long_search_for_more_devices_than_there_are() -> None:
    devices = [make_device(f"d{each}", type=f"t{each % 4}") for each in range(30)]
    supply = make_supply(make_slice("a", *devices))
    found = run(supply, claim(request(count=8), request("s", "type == t0", count=9)))
    assert refusal_of(found) == ("devices", False)
    assert run(supply, claim(request(count=24), request("s", count=8))).unjudged != ()


def test_what_is_not_judged() -> None:
    waiting = make_device("d0", fields={"bindingConditions": ["attached"]})
    later = make_slice("a", waiting)
    supply = make_supply(later, make_slice("b", FOUR[1], pool="z"), claims=None)
    # A pool with binding conditions comes last.
    found = run(supply, claim(request()))
    assert names(found) == [["d1"]]
    assert found.unjudged == ("which devices ResourceClaims hold is unknown",)
    found = run(make_supply(later), claim(request()))
    assert found.unjudged == ("the device d0 waits until attached is true in the claim",)


def test_slices_that_disagree_are_not_judged() -> None:
    supply = make_supply(make_slice("a", FOUR[0]), make_slice("b", FOUR[1], count=2))
    found = run(supply, claim(request()))
    assert (found.allocations, found.refusal) == ((), None)
    assert found.unjudged == (
        "the pool p of gpu.example.com: its ResourceSlices disagree on how many there are: 1 and 2",
    )
