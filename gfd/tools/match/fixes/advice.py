"""Print suggestions and fixes as text or as JSON."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import is_product
from gfd.clusterview.hardware import parse_product
from gfd.labels.syntax import VENDOR
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.tools.match.fixes.search import Fix
    from gfd.tools.match.fixes.steps import Edit
    from gfd.tools.match.fixes.suggestions import Suggestion
    from gfd.tools.match.manifests.pods import Pod

MAX_NAMED = 10
"""The maximum number of nodes in a sentence."""


def format_suggestion(suggestion: Suggestion) -> str:
    """Return a line that names the nearest labels or resources."""
    notes = suggestion.notes
    if is_product(suggestion.value_key):
        notes = tuple(_describe_product(text) for text, _ in suggestion.values)
    values = _list_counts(suggestion.values, notes)
    if not suggestion.key and not suggestion.asked.startswith(VENDOR):
        return f"nearest: no node offers {suggestion.asked}"
    if not suggestion.key:
        cause = suggestion.meaning or "does NVIDIA's device plugin run?"
        instead = f"there is {values}" if values else cause
        return f"nearest: no node offers {suggestion.asked}; {instead}"
    key = suggestion.key
    if suggestion.value_key != key:
        there = f"; there is {suggestion.value_key}={values}" if values else ""
        meaning = f"; {suggestion.meaning}" if suggestion.meaning else ""
        return f"nearest: no node has {suggestion.asked}{meaning}{there}"
    if values:
        return f"nearest: no node has {suggestion.asked}; there is {values}"
    meaning = f" ({suggestion.meaning})" if suggestion.meaning else ""
    keys = _list_counts(suggestion.keys, ())
    is_gfds = key.startswith(VENDOR) and not meaning
    advice = "; gfd nodes shows which nodes have gfd's labels" if is_gfds else ""
    return f"nearest: no node has a label {key}{meaning}" + (f"; there is {keys}" if keys else advice)


def _list_counts(counts: Iterable[tuple[str, int]], notes: Iterable[str]) -> str:
    return ", ".join(
        f"{text or '(empty)'} ({', '.join(filter(None, (pluralize(number, 'node'), note)))})"
        for (text, number), note in zip(counts, chain(notes, repeat("")), strict=False)
    )


def _describe_product(value: str) -> str:
    """Return what a product does not say plainly: memory, MIG and sharing."""
    product = parse_product(value)
    parts = []
    if product.profile and product.memory_gb:
        parts.append(f"{product.memory_gb} GB slices")
    elif product.card_gb and f"{product.card_gb}GB" not in value:
        parts.append(f"{product.card_gb} GB")
    if product.is_shared:
        parts.append("shared with other pods")
    return ", ".join(parts)


def format_fix(fix: Fix, pod: Pod) -> Iterator[str]:
    """Yield a line for each edit of a fix, and a line with the outcome."""
    for edit in fix.edits:
        yield _format_edit(edit, pod)
    yield _format_outcome(fix)


def _format_edit(edit: Edit, pod: Pod) -> str:
    if not edit.old:
        change = f"add to tolerations: {edit.new}"
    elif edit.new:
        name, blank, _ = edit.old.partition(" ")
        change = f"{edit.old} → {edit.new.removeprefix(name + blank)}"
    else:
        change = f"remove {edit.old}"
    consequence = f" ({edit.consequence})" if edit.consequence else ""
    why = f", because {edit.why}" if edit.why else ""
    return f"edit: {pod.file}:{edit.line or pod.line}: {change}{consequence}{why}"


def _format_outcome(fix: Fix) -> str:
    names = ", ".join(fix.nodes[:MAX_NAMED]) + (", …" if len(fix.nodes) > MAX_NAMED else "")
    nodes = pluralize(len(fix.nodes), "node")
    if fix.repairs:
        repairs = "; ".join(f"{each.problem} {names}: {each.remedy}" for each in fix.repairs)
        waits = f"; then wait until it {' and '.join(fix.awaited)}" if fix.awaited else ""
        return f"{'and repair' if fix.edits else 'repair'}: {repairs}{waits}"
    if fix.outcome and not fix.awaited:
        return f"then {fix.outcome}"
    if not fix.awaited:
        return f"then it {'fits' if fix.is_certain else 'may fit'} {nodes}: {names}"
    one = nodes if len(fix.nodes) == 1 else f"one of {nodes}"
    return f"{'then ' if fix.edits else ''}wait until {one} {' and '.join(fix.awaited)}: {names}"


def suggestion_to_plain(suggestion: Suggestion) -> dict[str, Any]:
    """Return a suggestion as JSON."""
    return {
        "asked": suggestion.asked,
        "label": suggestion.key,
        "values": dict(suggestion.values),
        "value_label": suggestion.value_key,
        "labels": dict(suggestion.keys),
        "meaning": suggestion.meaning,
    }


def fix_to_plain(fix: Fix, pod: Pod) -> dict[str, Any]:
    """Return a fix as JSON."""
    return {
        "edits": [
            {
                "line": edit.line or pod.line,
                "old": edit.old,
                "new": edit.new,
                "why": edit.why,
                "consequence": edit.consequence,
            }
            for edit in fix.edits
        ],
        "awaited": list(fix.awaited),
        "repairs": [{"problem": each.problem, "remedy": each.remedy} for each in fix.repairs],
        "nodes": list(fix.nodes),
        "certain": fix.is_certain,
    }
