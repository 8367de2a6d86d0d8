"""What is said about the devices of a node that a request does not get."""

from __future__ import annotations

from gfd.clusterview.dra.model import Device
from gfd.errors import Undecided
from gfd.tools.match.dra.allocation import allocate
from gfd.tools.match.dra.explanation import explain
from gfd.tools.match.dra.model import DeviceSelector
from gfd.tools.match.dra.shortage import describe
from tests.tools.match.dra.claims import (
    CLASSES,
    choose,
    claim,
    make_device,
    make_holder,
    make_slice,
    make_supply,
    matches,
    request,
    run,
)

SICK = {"taints": [{"key": "sick", "effect": "NoSchedule"}]}
COUNTED = {"consumesCounters": [{"counterSet": "s", "counters": {"parts": {"value": "2"}}}]}


def test_each_device_counts_for_one_reason() -> None:
    devices = [
        make_device("nic", type="nic"),
        make_device("small", type="gpu", size="s"),
        make_device("bare", type="gpu"),
        make_device("held", type="gpu", size="l"),
        make_device("sick", type="gpu", size="l", fields=SICK),
        make_device("part", type="gpu", size="l", fields=COUNTED),
        make_device("other", type="gpu", size="l", fields=COUNTED),
        make_device("free", type="gpu", size="l"),
    ]
    counters = [{"name": "s", "counters": {"parts": {"value": "3"}}}]
    supply = make_supply(
        make_slice("z", count=2, sharedCounters=counters),
        make_slice("a", *devices, count=2),
        claims=[make_holder("held", "part")],
    )
    wish = claim(request("r", "size == l", class_name="gpu", count=2))
    (report,) = explain([wish], CLASSES, supply, matches)
    assert [each.device for each in report.free] == ["free"]
    assert (report.devices, report.of_class, report.suitable, report.taken) == (8, 7, 5, 2)
    assert describe(report) == (
        "r needs 2 devices of the class gpu, 1 is free: of 8 devices, 1 is not of the class, 1 does not meet"
        " size == l, size == l fails on 1: no such key: size, 2 are held by claims, 1 has the taint"
        " sick:NoSchedule, which the request does not tolerate, 1 needs counters that devices held by claims"
        " take"
    )


def test_all_alternatives_are_named() -> None:
    supply = make_supply(make_slice("a", make_device("d", type="nic")))
    refusal = run(
        supply, claim(choose("r", request("r/a", count=2), request("r/b", "type == gpu", count=None)))
    ).refusal
    assert refusal is not None
    assert refusal.text == (
        "r/a needs 2 devices of the class any, 1 is free; r/b needs all devices of the class any, none are"
        " free: of 1 device, 1 does not meet type == gpu"
    )


def test_what_gfd_cannot_evaluate_is_not_judged() -> None:
    def refuse(selector: DeviceSelector, device: Device) -> bool:
        raise Undecided("gfd cannot judge it")

    supply = make_supply(make_slice("a", make_device("d")))
    wish = claim(request("r", "odd"))
    outcome = allocate([wish], CLASSES, supply, refuse)
    assert (outcome.refusal, outcome.allocations, outcome.unjudged) == (None, (), ("gfd cannot judge it",))
    (report,) = explain([wish], CLASSES, supply, refuse)
    assert describe(report) == (
        "r needs 1 device of the class any, none are free: of 1 device, gfd cannot evaluate odd on 1"
    )
