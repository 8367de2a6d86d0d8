"""Say what a request for devices asks for, what a node has, and what is wrong with its devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.clusterview.dra.model import Version
from gfd.kube.quantities import format_binary
from gfd.text import join_first
from gfd.tools.match.dra.extended_resources import CLAIM_NAME
from gfd.tools.match.judge.mismatches import CLAIM, Mismatch
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from gfd.clusterview.dra.model import AttributeValue, Device
    from gfd.tools.match.dra.explanation import RequestReport
    from gfd.tools.match.dra.model import DeviceSelector
    from gfd.tools.match.dra.refusals import Refusal
    from gfd.tools.match.dra.supply import DeviceSupply

MAX_VALUES = 4
"""The maximum number of values of an attribute in a text."""
_SHORT = {
    "evaluation": "a device on which a selector fails",
    "pool": "a pool that is not complete",
    "limit": "no claim with so many devices",
    "capacity": "an amount that the scheduler cannot compute",
    "constraint": "no devices that meet the constraints",
    "combination": "not enough devices for all requests together",
    "held": "no device of the claim, which holds devices of another node",
}
"""What a node has instead, by the kind of a refusal."""
_CONSEQUENCE = "one such device fails the whole allocation, on all nodes"
_FIELD = re.compile(r"device\.(attributes|capacity)\[['\"]([^'\"]+)['\"]\]\.\??([A-Za-z_]\w*)")


def describe_wish(report: RequestReport) -> str:
    """Return what a request asks for: ``claim gpu: 2 gpu.nvidia.com``."""
    request = report.request
    if report.claim == CLAIM_NAME:
        return f"{request.count} {request.class_name} by DRA"
    count = "all" if request.count is None else str(request.count)
    name = "" if request.name == report.claim else f", request {request.name}"
    return f"claim {report.claim}{name}: {count} {request.class_name}"


def describe_found(report: RequestReport) -> str:
    """Return what a node has for a request: ``2 of 8 devices free; 6 taken``."""
    if not report.devices:
        return "no devices"
    head = f"{len(report.free)} of {pluralize(report.devices, 'device')} free"
    return "; ".join([head, *_list_reasons(report)])


def _list_reasons(report: RequestReport) -> Iterator[str]:
    """Yield how many devices are not free, by reason."""
    own = [each for each in report.selectors if not each.is_of_class]
    tainted = sum(report.tainted.values())
    lacking = report.short_of_capacity + report.short_of_counters
    unmet = sum(len(each.unmet) for each in own)
    for count, reason in (
        (report.taken, "taken"),
        (tainted, "tainted"),
        (unmet, f"{'does' if unmet == 1 else 'do'} not meet the selectors"),
        (sum(len(each.failed) for each in report.selectors), "raise an error in a selector"),
        (sum(len(each.unmet) for each in report.selectors if each.is_of_class), "of another class"),
        (report.elsewhere, "for other nodes"),
        (lacking, "without enough capacity left"),
    ):
        if count:
            yield f"{count} {reason}"


def make_mismatch(refusal: Refusal, reports: Sequence[RequestReport]) -> Mismatch:
    """Return a refusal in a few words, for a table."""
    request = refusal.request.partition("/")[0]
    own = [
        each
        for each in reports
        if each.claim == refusal.claim and each.request.name.partition("/")[0] == request
    ]
    if refusal.kind == "devices" and own:
        return Mismatch(
            kind=CLAIM,
            wanted=" or ".join(map(describe_wish, own)),
            found=", or ".join(map(describe_found, own)),
        )
    name = f"devices for the claim {refusal.claim}" if refusal.claim else "devices for all claims"
    name = "devices by DRA" if refusal.claim == CLAIM_NAME else name
    wanted = " or ".join(map(describe_wish, own)) or name
    return Mismatch(kind=CLAIM, wanted=wanted, found=_SHORT.get(refusal.kind, refusal.text))


def find_hints(
    refusal: Refusal | None, reports: Sequence[RequestReport], supply: DeviceSupply
) -> Iterator[str]:
    """Yield what is wrong with the devices for each request that gets too few, and what they have instead."""
    if refusal is None:
        return
    if refusal.kind not in ("devices", "evaluation"):
        yield f"{refusal.place}: {refusal.text}" if refusal.place else refusal.text
        return
    yield from supply.problems
    for report in reports:
        if report.claim != refusal.claim or not report.is_short:
            continue
        for each in report.selectors:
            if each.unmet and not each.is_of_class:
                values = _describe_values(each.selector, _find_devices(supply, report, each.selector))
                count = pluralize(len(each.unmet), "device")
                verb = "does" if len(each.unmet) == 1 else "do"
                text = (
                    f"{each.selector.place}: {count} {verb} not meet {_join_lines(each.selector.expression)}"
                )
                owner = "it has" if len(each.unmet) == 1 else "they have"
                yield f"{text}; {owner} {values}" if values else text
            if each.error:
                guard = f"; write {each.error.guard} && …" if each.error.guard else ""
                what = f"{_join_lines(each.selector.expression)} fails on {each.failed[0].device}"
                yield f"{each.selector.place}: {what}: {each.error}{guard}; {_CONSEQUENCE}"
        for taint, number in report.tainted.items():
            verb = "device has" if number == 1 else "devices have"
            advice = "wait until the driver removes it, or tolerate it in the request"
            yield f"{report.request.place}: {number} {verb} the taint {taint}; {advice}"


def _describe_values(selector: DeviceSelector, devices: Sequence[Device]) -> str:
    """Return which values the devices have where a selector compares one; empty if that is not plain."""
    found = dict.fromkeys(match.groups() for match in _FIELD.finditer(selector.expression))
    texts = []
    for kind, domain, name in found:
        key = f"{domain}/{name}"
        values = dict.fromkeys(
            _format(each.attributes.get(key) if kind == "attributes" else each.capacity.get(key))
            for each in devices
        )
        texts.append(f"{name}: {join_first(list(values), MAX_VALUES)}")
    return "; ".join(texts)


def _format(value: AttributeValue | Fraction | None) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | Version):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return format_binary(int(value)) if value.denominator == 1 else str(value)


def _find_devices(supply: DeviceSupply, report: RequestReport, selector: DeviceSelector) -> list[Device]:
    """Return the devices of a node that do not meet a selector of a request."""
    unmet = {name for each in report.selectors if each.selector is selector for name in each.unmet}
    return [each for each in supply.devices if each.id in unmet]


def _join_lines(expression: str) -> str:
    """Return an expression on one line, without its comments."""
    lines = (line.strip() for line in expression.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("//"))
