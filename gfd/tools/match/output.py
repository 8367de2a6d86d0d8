"""Print the results of ``gfd match`` as text or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.resources import CPU
from gfd.text import escape
from gfd.tools.match.claim_output import claims_to_plain, list_hints
from gfd.tools.match.fixes.advice import fix_to_plain, format_fix, format_suggestion, suggestion_to_plain
from gfd.tools.match.judge.fit import Answer
from gfd.tools.match.placement.bounds import UNLIMITED
from gfd.tools.match.placement.counts import describe_copies, describe_gang, describe_left, name_copies
from gfd.tools.match.verdict_table import describe_found, format_verdicts
from gfd.tools.terminal import GREEN, RED, YELLOW, paint, pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.judge.fit import Verdict
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.placement.outcome import GangPlacement
    from gfd.tools.match.results import MatchResult

_COLOURS = {Answer.FITS: GREEN, Answer.MAY_FIT: YELLOW, Answer.NO: RED}
MAX_NAMED = 10
"""The maximum number of nodes or pods in a sentence."""
MAX_MISSES = 20
"""The maximum number of nodes in a table that the pod does not fit."""


def format_results(
    results: Iterable[MatchResult], *, width: int | None, is_coloured: bool, is_whole: bool = False
) -> Iterator[str]:
    """Yield the text of each result.

    Unless ``is_whole``, only the first of several equal gangs has a table, since there can be hundreds.
    """
    templates: list[Pod] = []
    was_repeated = False
    for number, result in enumerate(results):
        template = replace(result.pod, gang="", part="")
        is_repeated = bool(result.pod.gang) and template in templates and not is_whole
        yield "\n" if number and not (is_repeated and was_repeated) else ""
        was_repeated = is_repeated
        if is_repeated:
            yield f"{_format_heading(result, is_coloured=is_coloured)}\n"
            continue
        templates.append(template)
        yield _format_text(result, width=width, is_coloured=is_coloured, is_whole=is_whole)


def _format_heading(result: MatchResult, *, is_coloured: bool) -> str:
    summary = paint(escape(_summarise(result)), _COLOURS[result.answer], is_coloured=is_coloured)
    return f"{escape(result.pod.title)} ({result.pod.place}): {summary}"


def _format_text(result: MatchResult, *, width: int | None, is_coloured: bool, is_whole: bool) -> str:
    """Return a heading, a table of the nodes, suggestions, fixes and notes.

    The table has at most :data:`MAX_MISSES` nodes that the pod does not fit, unless ``is_whole``.
    """
    heading = _format_heading(result, is_coloured=is_coloured)
    possible = len(result.possible)
    shown = result.verdicts[: None if is_whole else possible + MAX_MISSES]
    table = format_verdicts(shown, result, width=width, is_coloured=is_coloured)
    hidden = len(result.verdicts) - len(shown)
    verb = "does" if hidden == 1 else "do"
    lines = [f"and {pluralize(hidden, 'more node')} that {verb} not fit; --all shows them"] if hidden else []
    return f"{heading}\n{table}" + "".join(f"{escape(line)}\n" for line in [*lines, *_explain(result)])


def _summarise(result: MatchResult) -> str:
    """Return how many copies fit; for a single pod, how many nodes: ``fits 2 of 5 nodes, may fit 1 more``."""
    placement, nodes = result.placement, pluralize(len(result.verdicts), "node")
    counts = Counter(verdict.answer for verdict in result.verdicts)
    fitting, maybe = counts[Answer.FITS], counts[Answer.MAY_FIT]
    if not placement.wanted:
        return f"asks for no {name_copies(result.pod)}; one would fit {fitting + maybe or 'none'} of {nodes}"
    is_single = placement.wanted == 1 and not placement.gang
    if not is_single and placement.at_most:
        return f"{describe_copies(result.pod, placement)}, on {fitting + maybe} of {nodes}"
    if maybe and not fitting:
        return f"may fit {maybe} of {nodes}"
    return f"fits {fitting or 'none'} of {nodes}" + (f", may fit {maybe} more" if maybe else "")


def _explain(result: MatchResult) -> Iterator[str]:
    """Yield the lines below the table."""
    yield from _explain_placement(result)
    if result.pod.spec.claims and not result.possible:
        yield from list_hints(result.verdicts)
    yield from map(format_suggestion, result.suggestions)
    for fix in result.fixes:
        yield from format_fix(fix, result.pod)
    yield from _explain_nearest(result)
    yield from (f"not judged: {text}" for text in _list_unjudged(result))
    yield from (f"note: {note}" for note in result.pod.notes)


def _explain_nearest(result: MatchResult) -> Iterator[str]:
    """Yield all reasons against the nearest node, unless a fix or suggestions tell what to change."""
    if result.possible or result.fixes or not result.verdicts:
        return
    nearest = result.verdicts[0]
    found = [(each.wanted, describe_found(each)) for each in nearest.mismatches]
    reasons = [f"{wanted} (the node has {text})" if text else wanted for wanted, text in found]
    if len(reasons) > max(1, len(result.suggestions)):
        yield f"nearest: {nearest.node.name} does not fit for {len(reasons)} reasons: {'; '.join(reasons)}"


def _explain_placement(result: MatchResult) -> Iterator[str]:
    """Yield why not all copies fit."""
    placement = result.placement
    if placement.is_displaced:
        names = [f"{each.title} ({each.place})" for each in placement.rivals[:MAX_NAMED]]
        more = ", …" if len(placement.rivals) > MAX_NAMED else ""
        yield f"taken by earlier pods: {', '.join(names)}{more}; --each judges each pod alone"
    if placement.left:
        yield describe_left(result.pod, placement)
    if placement.gang and placement.gang.at_least < placement.gang.wanted:
        yield describe_gang(placement.gang)


def _list_unjudged(result: MatchResult) -> Sequence[str]:
    """Return what could not be judged on the nodes that the pod may fit."""
    texts = (text for verdict in result.possible for text in verdict.unjudged)
    return tuple(dict.fromkeys((*texts, *result.placement.uncertain)))


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
        "unjudged": list(_list_unjudged(result)),
        "copies": result.placement.wanted,
        "placed": result.placement.at_least,
        "placed_at_most": result.placement.at_most,
        "gang": _gang_to_plain(result.placement.gang) if result.placement.gang else None,
        "nodes": [
            {**_verdict_to_plain(each), "room": _limit(result.placement.rooms.get(each.node.name, 0))}
            for each in result.verdicts
        ],
        "nearest": [suggestion_to_plain(each) for each in result.suggestions],
        "remedies": [fix_to_plain(each, pod) for each in result.fixes],
        "notes": list(pod.notes),
    }


def _gang_to_plain(gang: GangPlacement) -> dict[str, Any]:
    return {
        "name": gang.name,
        "copies": gang.wanted,
        "minimum": gang.minimum,
        "placed": gang.at_least,
        "placed_at_most": gang.at_most,
        "verdict": gang.answer,
    }


def _limit(room: int) -> int | None:
    return None if room >= UNLIMITED else room


def _verdict_to_plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.node.name,
        "fits": verdict.answer is Answer.FITS,
        "verdict": verdict.answer,
        "unjudged": list(verdict.unjudged),
        "preempts": [
            {"namespace": each.namespace, "name": each.name, "priority": each.priority}
            for each in verdict.preempts
        ],
        "score": verdict.score,
        "avoided": [str(taint) for taint in verdict.avoided],
        "failed": [
            {"kind": each.kind, "term": each.wanted, "there": each.found} for each in verdict.mismatches
        ],
        **({"claims": claims_to_plain(verdict.claims)} if verdict.claims else {}),
    }
