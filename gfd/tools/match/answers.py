"""The answers of ``gfd match`` for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.table import format_table
from gfd.tools.terminal import GREEN, RED, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.edits import Edit
    from gfd.tools.match.fit import Failure, Verdict
    from gfd.tools.match.matching import Answer
    from gfd.tools.match.suggestions import Nearest, Remedy

_NAMED = 10
"""Nodes that a sentence names."""


def to_text(answer: Answer, *, width: int | None, is_coloured: bool) -> str:
    """Return a heading, a table of all Nodes, and what else is to be said of a pod."""
    pod, fitting = answer.pod, len(answer.fitting)
    verdict = f"fits {fitting or 'none'} of {_count(len(answer.verdicts), 'node')}"
    head = f"{escape(pod.title)} ({pod.file}:{pod.line}): " + paint(
        verdict, GREEN if fitting else RED, is_coloured=is_coloured
    )
    is_scored = bool(pod.spec.preferences)
    heading = ("node", "fits", *(("score",) if is_scored else ()), "term", "there")
    rows = [_row(each, answer, is_scored=is_scored) for each in answer.verdicts]
    body = format_table(rows, heading=heading, width=width, is_coloured=is_coloured) if rows else ""
    return f"{head}\n{body}" + "".join(f"{escape(line)}\n" for line in _say(answer))


def _row(verdict: Verdict, answer: Answer, *, is_scored: bool) -> Sequence[str]:
    score = (str(verdict.score) if verdict.fits else "",) if is_scored else ()
    if verdict.fits:
        term, there = _say_avoided(verdict), _say_free(verdict, answer)
    else:
        first, *others = verdict.failures
        term = first.term + (f" (and {len(others)} more)" if others else "")
        there = _say_there(first)
    return (verdict.node.name, "yes" if verdict.fits else "no", *score, term, there)


def _say_there(failure: Failure) -> str:
    if failure.there is None:
        return "no such label" if failure.requirement else ""
    return failure.there or "(empty)"


def _say_avoided(verdict: Verdict) -> str:
    return f"only if need be: taint {', '.join(map(str, verdict.avoided))}" if verdict.avoided else ""


def _say_free(verdict: Verdict, answer: Answer) -> str:
    from gfd.tools.match.fit import describe

    wanted = [resource for resource, count in sorted(answer.pod.spec.requests.items()) if count]
    return ", ".join(
        f"{resource}: {describe(answer.pod.spec, verdict.node, resource)}" for resource in wanted
    )


def _say(answer: Answer) -> Iterator[str]:
    """Yield what stands below the table."""
    yield from (_say_nearest(each) for each in answer.nearest)
    for remedy in answer.remedies:
        yield from (_say_edit(edit, answer) for edit in remedy.edits)
        yield _say_outcome(remedy)
    yield from (f"note: {note}" for note in answer.pod.notes)


def _say_nearest(nearest: Nearest) -> str:
    found = ", ".join(f"{value or '(empty)'} ({_count(number, 'node')})" for value, number in nearest.found)
    if not nearest.key:
        instead = f"there is {found}" if found else "NVIDIA's device plugin does where it runs"
        return f"nearest: no node offers {nearest.asked}; {instead}"
    if nearest.found:
        return f"nearest: no node has {nearest.asked}; there is {found}"
    keys = ", ".join(f"{key} ({_count(number, 'node')})" for key, number in nearest.keys)
    # Whose the label is, its key tells.
    unlabelled = "; gfd nodes tells which nodes gfd has labelled" if nearest.key.startswith(VENDOR) else ""
    return f"nearest: no node has a label {nearest.key}" + (f"; there is {keys}" if keys else unlabelled)


def _say_edit(edit: Edit, answer: Answer) -> str:
    change, pod = edit.change, answer.pod
    where = f"{pod.file}:{edit.line or pod.line}"
    if not change.old:
        what = f"add to tolerations: {change.new}"
    elif change.new:
        name, blank, _ = change.old.partition(" ")
        what = f"{change.old} → {change.new.removeprefix(name + blank)}"
    else:
        what = f"leave out {change.old}"
    return f"edit: {where}: {what}" + (f", since {edit.why}" if edit.why else "")


def _say_outcome(remedy: Remedy) -> str:
    named = ", ".join(remedy.nodes[:_NAMED]) + (", …" if len(remedy.nodes) > _NAMED else "")
    nodes = f"{_count(len(remedy.nodes), 'node')}: {named}"
    awaited = " and ".join(remedy.awaited)
    if not remedy.edits:
        return f"wait: it fits as soon as one is {awaited}: {nodes}"
    return f"then it fits {nodes}" + (f", as soon as one is {awaited}" if awaited else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def to_json(answers: Iterable[Answer]) -> Iterator[str]:
    """Yield the pieces of one JSON object: an answer each under ``pods``, and whether all of them fit."""
    yield '{"pods": ['
    comma, is_fine = "", True
    for each in answers:
        yield f"{comma}\n{json.dumps(_plain(each))}"
        comma, is_fine = ",", is_fine and bool(each.fitting)
    yield f'\n], "fits": {json.dumps(is_fine)}}}\n'


def _plain(answer: Answer) -> dict[str, Any]:
    pod = answer.pod
    return {
        "kind": pod.kind,
        "namespace": pod.namespace,
        "name": pod.name,
        "part": pod.part,
        "file": pod.file,
        "line": pod.line,
        "requests": dict(pod.spec.requests),
        "fits": len(answer.fitting),
        "nodes": [_plain_verdict(each) for each in answer.verdicts],
        "nearest": [
            {"asked": each.asked, "label": each.key, "values": dict(each.found), "labels": dict(each.keys)}
            for each in answer.nearest
        ],
        "remedies": [_plain_remedy(each, answer) for each in answer.remedies],
        "notes": list(pod.notes),
    }


def _plain_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.node.name,
        "fits": verdict.fits,
        "score": verdict.score,
        "avoided": [str(taint) for taint in verdict.avoided],
        "failed": [{"kind": each.kind, "term": each.term, "there": each.there} for each in verdict.failures],
    }


def _plain_remedy(remedy: Remedy, answer: Answer) -> dict[str, Any]:
    return {
        "edits": [
            {
                "line": edit.line or answer.pod.line,
                "old": edit.change.old,
                "new": edit.change.new,
                "why": edit.why,
            }
            for edit in remedy.edits
        ],
        "awaited": list(remedy.awaited),
        "nodes": list(remedy.nodes),
    }
