"""Say why the claims of a pod get too few devices on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.dra.refusals import Refusal
from gfd.tools.match.dra.requests import list_alternatives
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.tools.match.dra.explanation import RequestReport
    from gfd.tools.match.dra.model import ClaimSpec


def find_shortage(claims: Sequence[ClaimSpec], reports: Sequence[RequestReport]) -> Refusal | None:
    """Return why the first request gets too few devices; None if each of them by itself has enough."""
    by_request = {(each.claim, each.request.name): each for each in reports}
    for claim in claims:
        for request in claim.requests:
            own = [by_request[claim.name, each.name] for each in list_alternatives(request)]
            if all(each.is_short for each in own):
                text = "; ".join(map(describe, own))
                return Refusal(
                    kind="devices", text=text, claim=claim.name, request=request.name, place=request.place
                )
    return None


def list_attributes(claims: Sequence[ClaimSpec]) -> list[str]:
    """Return the attributes that the constraints of claims name."""
    constraints = [each for claim in claims for each in claim.constraints]
    return list(dict.fromkeys(each.attribute for each in constraints))


def describe(report: RequestReport) -> str:
    """Return for people what a request needs, what is free, and what is wrong with the other devices."""
    request = report.request
    wish = "all devices" if request.count is None else pluralize(request.count, "device")
    found = len(report.free)
    text = (
        f"{request.name} needs {wish} of the class {request.class_name}, {found or 'none'} {_be(found)} free"
    )
    reasons = list(_list_reasons(report))
    return f"{text}: of {pluralize(report.devices, 'device')}, {', '.join(reasons)}" if reasons else text


def _list_reasons(report: RequestReport) -> Iterator[str]:
    if report.elsewhere:
        yield f"{report.elsewhere} {_be(report.elsewhere)} for other nodes"
    yield from _list_selector_reasons(report)
    if report.taken:
        yield f"{report.taken} {_be(report.taken)} held by claims"
    for taint, count in report.tainted.items():
        verb = "has" if count == 1 else "have"
        yield f"{count} {verb} the taint {taint}, which the request does not tolerate"
    if report.short_of_capacity:
        yield f"{report.short_of_capacity} {_do(report.short_of_capacity)} not have the capacity"
    if report.short_of_counters:
        count = report.short_of_counters
        yield f"{count} {'needs' if count == 1 else 'need'} counters that devices held by claims take"


def _list_selector_reasons(report: RequestReport) -> Iterator[str]:
    foreign = sum(len(each.unmet) for each in report.selectors if each.is_of_class)
    if foreign:
        yield f"{foreign} {_be(foreign)} not of the class"
    for each in report.selectors:
        if each.unmet and not each.is_of_class:
            yield f"{len(each.unmet)} {_do(len(each.unmet))} not meet {each.selector.expression}"
        if each.failed:
            yield f"{each.selector.expression} fails on {len(each.failed)}: {each.error}"
        if each.undecided:
            yield f"gfd cannot evaluate {each.selector.expression} on {len(each.undecided)}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _do(number: int) -> str:
    return "does" if number == 1 else "do"
