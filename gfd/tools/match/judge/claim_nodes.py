"""Judge the nodes of a cluster together for the claims of a pod.

What is missing, or an error of a selector on one node, ends the attempt of the scheduler for the pod on all
nodes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.text import join_words
from gfd.tools.match.judge.claims import FIELD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.judge.claims import ClaimJudge, ClaimVerdict
    from gfd.tools.match.judge.fit import Verdict

MAX_NODES = 100
"""Up to so many nodes, the scheduler looks at all of them for each pod."""


def add_claims(verdicts: Sequence[Verdict], judge: ClaimJudge, state: DeviceState | None) -> list[Verdict]:
    """Return the verdicts of nodes that suit a pod otherwise, with what its claims get there."""
    if missing := judge.find_missing(state):
        # The scheduler does not come to look at nodes.
        return [
            replace(each, mismatches=(*missing, *each.mismatches), unjudged=(), preempts=())
            for each in verdicts
        ]
    found = [_add(each, judge.judge(each.node, state)) if each.is_possible else each for each in verdicts]
    fatal = next((each for each in found if each.claims and _is_fatal(each.claims)), None)
    if fatal and len(found) <= MAX_NODES:
        reason = f"{fatal.node.name} has {fatal.mismatches[0].found}: then the pod waits"
        mismatch = replace(fatal.mismatches[0], found=reason)
        return [replace(each, mismatches=(mismatch,)) if each.is_possible else each for each in found]
    if fatal:
        text = (
            f"{FIELD}: the scheduler gives up if it comes to {fatal.node.name}: {fatal.mismatches[0].found}"
        )
        return [
            replace(each, unjudged=(*each.unjudged, text)) if each.is_possible else each for each in found
        ]
    releasable = judge.find_claims(state).releasable
    if releasable and not any(each.is_possible for each in found):
        names = join_words(releasable, "and")
        text = f"{FIELD}: no pod uses the devices of {names}, so the scheduler frees them"
        return [
            replace(each, mismatches=(), unjudged=(text,)) if _is_held(each.claims, releasable) else each
            for each in found
        ]
    return found


def _add(verdict: Verdict, claims: ClaimVerdict | None) -> Verdict:
    if claims is None:
        return verdict
    if claims.mismatches:
        return replace(verdict, mismatches=claims.mismatches, unjudged=(), preempts=(), claims=claims)
    return replace(verdict, unjudged=(*verdict.unjudged, *claims.unjudged), claims=claims)


def _is_fatal(claims: ClaimVerdict) -> bool:
    return claims.refusal is not None and claims.refusal.is_fatal


def _is_held(claims: ClaimVerdict | None, releasable: Sequence[str]) -> bool:
    """Return whether a node is only excluded by devices of a claim that the scheduler can free."""
    refusal = claims.refusal if claims else None
    return refusal is not None and refusal.kind == "held" and refusal.claim in releasable
