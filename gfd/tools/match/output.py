"""Print the results of ``gfd match`` as text or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from gfd.clusterview.resources import CPU
from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.match.amounts import format_request
from gfd.tools.match.fit import Answer, describe_free
from gfd.tools.table import format_table
from gfd.tools.terminal import GREEN, RED, YELLOW, paint, pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.edits import Edit
    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.fixes import Fix
    from gfd.tools.match.mismatches import Mismatch
    from gfd.tools.match.results import MatchResult
    from gfd.tools.match.suggestions import Suggestion

_WORDS = {Answer.FITS: "yes", Answer.MAY_FIT: "maybe", Answer.NO: "no"}
_COLOURS = {Answer.FITS: GREEN, Answer.MAY_FIT: YELLOW, Answer.NO: RED}
MAX_NAMED = 10
"""The maximum number of nodes in a sentence."""


def format_text(result: MatchResult, *, width: int | None, is_coloured: bool) -> str:
    """Return a heading, a table of all nodes, suggestions, fixes and notes."""
    pod, answer = result.pod, result.answer
    heading = f"{escape(pod.title)} ({pod.place}): " + paint(
        _summarise(result), _COLOURS[answer], is_coloured=is_coloured
    )
    is_scored = bool(pod.spec.preferences)
    columns = ("node", "fits", *(("score",) if is_scored else ()), "pod asks for", "node has")
    rows = [_format_row(each, result, is_scored=is_scored) for each in result.verdicts]
    table = format_table(rows, heading=columns, width=width, is_coloured=is_coloured) if rows else ""
    return f"{heading}\n{table}" + "".join(f"{escape(line)}\n" for line in _explain(result))


def _summarise(result: MatchResult) -> str:
    """Return how many nodes the pod fits: ``fits 2 of 5 nodes, may fit 1 more``."""
    counts = Counter(verdict.answer for verdict in result.verdicts)
    nodes = pluralize(len(result.verdicts), "node")
    fitting, possible = counts[Answer.FITS], counts[Answer.MAY_FIT]
    if possible and not fitting:
        return f"may fit {possible} of {nodes}"
    return f"fits {fitting or 'none'} of {nodes}" + (f", may fit {possible} more" if possible else "")


def _format_row(verdict: Verdict, result: MatchResult, *, is_scored: bool) -> Sequence[str]:
    score = (str(verdict.score) if verdict.is_possible else "",) if is_scored else ()
    if verdict.is_possible:
        wanted, found = _describe_requests(verdict, result)
    else:
        first, *others = verdict.mismatches
        wanted = first.wanted + (f" (and {len(others)} more)" if others else "")
        found = _describe_found(first)
    return (verdict.node.name, _WORDS[verdict.answer], *score, wanted, found)


def _describe_requests(verdict: Verdict, result: MatchResult) -> tuple[str, str]:
    spec = result.pod.spec
    requests = [(name, count) for name, count in sorted(spec.requests.items()) if count]
    found = [describe_free(verdict.node, name) for name, _ in requests]
    found += [f"taint {taint}" for taint in verdict.avoided]
    return ", ".join(format_request(name, count) for name, count in requests), ", ".join(found)


def _describe_found(mismatch: Mismatch) -> str:
    if mismatch.found is None:
        return "no such label" if mismatch.requirement else ""
    return mismatch.found or "(empty)"


def _explain(result: MatchResult) -> Iterator[str]:
    """Yield the lines below the table."""
    yield from map(_format_suggestion, result.suggestions)
    for fix in result.fixes:
        yield from (_format_edit(edit, result) for edit in fix.edits)
        yield _format_outcome(fix)
    yield from (f"not judged: {text}" for text in _list_unjudged(result))
    yield from (f"note: {note}" for note in result.pod.notes)


def _list_unjudged(result: MatchResult) -> Sequence[str]:
    """Return what could not be judged on the nodes that the pod may fit."""
    if result.answer is not Answer.MAY_FIT:
        return ()
    return tuple(dict.fromkeys(text for verdict in result.possible for text in verdict.unjudged))


def _format_suggestion(suggestion: Suggestion) -> str:
    values = _list_counts((value or "(empty)", number) for value, number in suggestion.values)
    if not suggestion.key:
        instead = f"there is {values}" if values else "does NVIDIA's device plugin run?"
        return f"nearest: no node offers {suggestion.asked}; {instead}"
    if values:
        return f"nearest: no node has {suggestion.asked}; there is {values}"
    keys = _list_counts(suggestion.keys)
    advice = "; gfd nodes shows which nodes have gfd's labels" if suggestion.key.startswith(VENDOR) else ""
    return f"nearest: no node has a label {suggestion.key}" + (f"; there is {keys}" if keys else advice)


def _list_counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{text} ({pluralize(number, 'node')})" for text, number in counts)


def _format_edit(edit: Edit, result: MatchResult) -> str:
    if not edit.old:
        change = f"add to tolerations: {edit.new}"
    elif edit.new:
        name, blank, _ = edit.old.partition(" ")
        change = f"{edit.old} → {edit.new.removeprefix(name + blank)}"
    else:
        change = f"remove {edit.old}"
    why = f", because {edit.why}" if edit.why else ""
    return f"edit: {result.pod.file}:{edit.line or result.pod.line}: {change}{why}"


def _format_outcome(fix: Fix) -> str:
    names = ", ".join(fix.nodes[:MAX_NAMED]) + (", …" if len(fix.nodes) > MAX_NAMED else "")
    nodes = pluralize(len(fix.nodes), "node")
    if not fix.awaited:
        return f"then it fits {nodes}: {names}"
    one = nodes if len(fix.nodes) == 1 else f"one of {nodes}"
    return f"{'then ' if fix.edits else ''}wait until {one} {' and '.join(fix.awaited)}: {names}"


def format_json(results: Iterable[MatchResult]) -> Iterator[str]:
    """Yield the pieces of a JSON object: ``pods``, whether all of them fit a node, and the worst answer."""
    yield '{"pods": ['
    comma, answers = "", {Answer.FITS}
    for result in results:
        yield f"{comma}\n{json.dumps(_to_plain(result))}"
        comma = ","
        answers.add(result.answer)
    worst = next(answer for answer in reversed(Answer) if answer in answers)
    yield f'\n], "fits": {json.dumps(worst is Answer.FITS)}, "verdict": {json.dumps(worst)}}}\n'


def _to_plain(result: MatchResult) -> dict[str, Any]:
    pod = result.pod
    return {
        "kind": pod.kind,
        "namespace": pod.namespace,
        "name": pod.name,
        "part": pod.part,
        "file": pod.file,
        "line": pod.line,
        "requests": {
            name: count / 1000 if name == CPU else count for name, count in pod.spec.requests.items()
        },
        "fits": sum(each.answer is Answer.FITS for each in result.verdicts),
        "verdict": result.answer,
        "nodes": [_verdict_to_plain(each) for each in result.verdicts],
        "nearest": [
            {"asked": each.asked, "label": each.key, "values": dict(each.values), "labels": dict(each.keys)}
            for each in result.suggestions
        ],
        "remedies": [
            {
                "edits": [
                    {"line": edit.line or pod.line, "old": edit.old, "new": edit.new, "why": edit.why}
                    for edit in fix.edits
                ],
                "awaited": list(fix.awaited),
                "nodes": list(fix.nodes),
            }
            for fix in result.fixes
        ],
        "notes": list(pod.notes),
    }


def _verdict_to_plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.node.name,
        "fits": verdict.answer is Answer.FITS,
        "verdict": verdict.answer,
        "unjudged": list(verdict.unjudged),
        "score": verdict.score,
        "avoided": [str(taint) for taint in verdict.avoided],
        "failed": [
            {"kind": each.kind, "term": each.wanted, "there": each.found} for each in verdict.mismatches
        ],
    }
