"""Print a table of nodes: their GPUs, whether a pod fits them, and what it asks for and the node has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.amounts import format_request
from gfd.labels.syntax import VENDOR
from gfd.tools.match.claim_output import list_offers, list_wishes
from gfd.tools.match.hardware_columns import (
    describe_memory,
    describe_product,
    describe_sharing,
    find_device,
)
from gfd.tools.match.judge.capacity import describe_free
from gfd.tools.match.judge.fit import Answer
from gfd.tools.match.placement.bounds import UNLIMITED
from gfd.tools.table import format_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.judge.fit import Verdict
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.results import MatchResult

_COLUMNS = ("node", "product", "memory", "fits", "score", "room", "pod asks for", "node has")
_OPTIONAL = ("product", "memory", "score", "room")
"""Columns that are left out if all their cells are empty."""
_WORDS = {Answer.FITS: "yes", Answer.MAY_FIT: "maybe", Answer.NO: "no"}


def format_verdicts(
    verdicts: Sequence[Verdict], result: MatchResult, *, width: int | None, is_coloured: bool
) -> str:
    """Return the table; empty without verdicts."""
    if not verdicts:
        return ""
    counts = result.pod.spec.requests
    names = sorted((name for name, count in counts.items() if count), key=_rank_resource)
    wishes = [format_request(name, counts[name]) for name in names]
    if result.pod.spec.claims:
        wishes += list_wishes(verdicts)
    asked = ", ".join(wishes)
    # What is not judged on each of these nodes stands once, below the table.
    is_same = len({_list_unjudged_fields(each) for each in result.possible}) == 1
    rows = [_make_row(each, result, names, asked, is_same_unjudged=is_same) for each in verdicts]
    used = [
        index
        for index, name in enumerate(_COLUMNS)
        if name not in _OPTIONAL or any(row[index] for row in rows)
    ]
    return format_table(
        [[row[index] for index in used] for row in rows],
        heading=[_COLUMNS[index] for index in used],
        width=width,
        is_coloured=is_coloured,
    )


def _make_row(
    verdict: Verdict, result: MatchResult, names: Sequence[str], asked: str, *, is_same_unjudged: bool
) -> Sequence[str]:
    """Return a row; ``names`` are the requested resources, and ``asked`` is their text."""
    spec, labels = result.pod.spec, verdict.node.labels
    device = find_device(spec.requests, labels)
    if verdict.is_possible:
        fields = () if is_same_unjudged else _list_unjudged_fields(verdict)
        unjudged = [f"not judged: {', '.join(fields)}"] if fields else []
        wanted, found = asked, ", ".join([*_describe_devices(verdict, result, names), *unjudged])
    else:
        first, *others = verdict.mismatches
        wanted = first.wanted + (f" (and {len(others)} more)" if others else "")
        found = describe_found(first)
    return (
        verdict.node.name,
        describe_product(labels, device),
        describe_memory(labels, device),
        _WORDS[verdict.answer],
        str(verdict.score) if spec.preferences and verdict.is_possible else "",
        _describe_room(verdict, result),
        wanted,
        found,
    )


def _describe_room(verdict: Verdict, result: MatchResult) -> str:
    """Return how many copies the node has room for; empty for a single pod, or if nothing limits them."""
    room = result.placement.rooms.get(verdict.node.name)
    if (
        result.placement.wanted < 2
        or result.pod.copies < 2
        or room is None
        or room >= UNLIMITED
        or not verdict.is_possible
    ):
        return ""
    return str(room)


def _list_unjudged_fields(verdict: Verdict) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.partition(": ")[0] for text in verdict.unjudged))


def _describe_devices(verdict: Verdict, result: MatchResult, names: Sequence[str]) -> list[str]:
    node = verdict.node
    counts = result.pod.spec.requests
    found = []
    for name in names:
        if verdict.claims and not node.allocatable.get(name) and "/" in name:
            continue  # devices of ResourceSlices, which follow
        sharing = describe_sharing(node.labels, name, counts[name]) if name.startswith(VENDOR) else ""
        which = f"{name} " if len(names) > 1 else ""
        # The pod may fit, so a resource that the node does not name is unknown.
        free = describe_free(node, name) if name in node.allocatable else "unknown"
        found.append(f"{which}{free}" + (f" ({sharing})" if sharing else ""))
    if verdict.claims:
        found += list_offers(verdict.claims)
    return [*found, *(f"taint {taint}" for taint in verdict.avoided)]


def _rank_resource(name: str) -> tuple[bool, str]:
    return (not name.startswith(VENDOR), name)


def describe_found(mismatch: Mismatch) -> str:
    """Return what the node has instead of what the pod asks for."""
    if mismatch.found is None:
        return "no such label" if mismatch.requirement else ""
    return mismatch.found or "(empty)"
