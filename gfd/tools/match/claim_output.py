"""Print what the claims of a pod ask for and get: cells of a table, lines below it, and fields of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.dra.explanation import RequestReport
    from gfd.tools.match.judge.claims import ClaimVerdict
    from gfd.tools.match.judge.fit import Verdict

MAX_HINTS = 6
"""The maximum number of lines about devices that do not suit."""
MAX_NODES = 3
"""The maximum number of nodes in such a line."""


def list_wishes(verdicts: Iterable[Verdict]) -> list[str]:
    """Return what each request of a pod asks for: ``claim gpu: 2 gpu.nvidia.com``."""
    from gfd.tools.match.dra.extended_resources import CLAIM_NAME
    from gfd.tools.match.judge.request_texts import describe_wish

    found = next((each.claims.reports for each in verdicts if each.claims and each.claims.reports), ())
    return [describe_wish(each) for each in found if each.claim != CLAIM_NAME]


def list_offers(claims: ClaimVerdict) -> list[str]:
    """Return what a node has for each request: ``2 of 8 devices free; 6 taken``."""
    from gfd.tools.match.judge.request_texts import describe_found

    return list(map(describe_found, claims.reports))


def list_hints(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield what is wrong with the devices of nodes that a pod does not fit, the nearest first."""
    nodes: dict[str, list[str]] = {}
    for each in verdicts:
        for hint in each.claims.hints if each.claims and each.mismatches else ():
            nodes.setdefault(hint, []).append(each.node.name)
    for hint, names in list(nodes.items())[:MAX_HINTS]:
        more = f" and {pluralize(len(names) - MAX_NODES, 'more node')}" if len(names) > MAX_NODES else ""
        yield f"devices of {', '.join(names[:MAX_NODES])}{more}: {hint}"


def claims_to_plain(claims: ClaimVerdict) -> dict[str, Any]:
    """Return the verdict for JSON."""
    outcome = claims.outcome
    allocations = outcome.allocations if outcome else ()
    return {
        "requests": list(map(_report_to_plain, claims.reports)),
        "devices": [
            {
                "request": each.request,
                "driver": each.device.driver,
                "pool": each.device.pool,
                "device": each.device.device,
            }
            for found in allocations
            for each in found
        ],
        "refusal": claims.refusal.text if claims.refusal else None,
        "hints": list(claims.hints),
    }


def _report_to_plain(report: RequestReport) -> dict[str, Any]:
    return {
        "claim": report.claim,
        "request": report.request.name,
        "class": report.request.class_name,
        "count": report.request.count,
        "devices": report.devices,
        "of_class": report.of_class,
        "suitable": report.suitable,
        "taken": report.taken,
        "tainted": {str(taint): count for taint, count in report.tainted.items()},
        "free": [each.device for each in report.free],
        "selectors": [
            {
                "place": each.selector.place,
                "expression": each.selector.expression,
                "unmet": [device.device for device in each.unmet],
                "failed": [device.device for device in each.failed],
                "error": str(each.error) if each.error else None,
                "guard": each.error.guard if each.error else None,
            }
            for each in report.selectors
        ],
    }
