"""Match pods with nodes: find the nodes that each pod fits, or explain why it fits none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.clusterview.progress import track
from gfd.errors import GfdError, Undecided
from gfd.text import escape, join_first
from gfd.tools.match.dra.extended_resources import find_class
from gfd.tools.match.fixes.search import find_fixes
from gfd.tools.match.fixes.suggestions import find_suggestions
from gfd.tools.match.judge.fit import Answer
from gfd.tools.match.placement.counts import describe_copies, describe_gang
from gfd.tools.match.placement.run import place, place_alone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.fixes.index import LabelIndex
    from gfd.tools.match.fixes.search import Fix
    from gfd.tools.match.fixes.suggestions import Suggestion
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.fit import Verdict
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.placement.outcome import PodPlacement

MAX_NAMED = 5
"""The maximum number of pods in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """The nodes that a pod fits, how many of its copies fit, and the help if it fits none."""

    pod: Pod
    placement: PodPlacement
    suggestions: Sequence[Suggestion] = ()
    """Suggestions for the pod; empty if it fits a node."""
    fixes: Sequence[Fix] = ()
    """Fixes for the pod; empty if all its copies fit, if it may fit, or if no fix is known."""

    @property
    def answer(self) -> Answer:
        """Return whether all copies of the pod fit."""
        return self.placement.answer

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Return a verdict for each node: fitting nodes, nodes that may fit, then the nearest misses."""
        return self.placement.verdicts

    @property
    def possible(self) -> Sequence[Verdict]:
        """Return the verdicts of the nodes that the pod fits or may fit."""
        return [each for each in self.verdicts if each.is_possible]


def match_pods(
    pods: Sequence[Pod], index: LabelIndex, state: ClusterState, *, is_each: bool = False
) -> list[MatchResult]:
    """Return the nodes that each pod fits after the pods before it; with ``is_each``, each pod alone."""
    placements = (
        [place_alone(pod, state) for pod in track(pods, "Matching")] if is_each else place(pods, state)
    )
    return [
        _add_help(MatchResult(pod=pod, placement=placement), index, state)
        for pod, placement in zip(pods, placements, strict=True)
    ]


def _add_help(result: MatchResult, index: LabelIndex, state: ClusterState) -> MatchResult:
    """Return the result with suggestions and fixes if the pod fits no node, not even alone.

    If only some of its copies fit, add fixes for the others.
    """
    spec, placement = result.pod.spec, result.placement
    if placement.states and not placement.rivals:
        return replace(result, fixes=_find_fixes_of_copies(result.pod, placement, index))
    if not result.verdicts or result.possible or placement.is_displaced:
        return result
    classes = state.devices.objects.classes if state.devices else {}
    return replace(
        result,
        # Where a DeviceClass gives the resource, the devices that nodes have are in the table.
        suggestions=[
            each for each in find_suggestions(spec, index) if find_class(each.asked, classes) is None
        ],
        fixes=find_fixes(spec, result.verdicts, index, state),
    )


def _find_fixes_of_copies(pod: Pod, placement: PodPlacement, index: LabelIndex) -> list[Fix]:
    """Return edits after which all copies of a pod fit, and what one more copy has to wait for."""
    if placement.states is None:
        return []
    before, after = placement.states
    held = {one.name for one, other in zip(before.nodes, after.nodes, strict=True) if one is not other}
    found = []
    for fix in find_fixes(pod.spec, placement.left, index, after):
        if not fix.edits:
            # A node with one of the copies may never have room for another one.
            if nodes := tuple(name for name in fix.nodes if name not in held):
                found.append(replace(fix, nodes=nodes))
            continue
        # An edit changes all copies, so those that have a node now need one again.
        edited = replace(pod, spec=fix.apply(pod.spec), gang="")
        (tried,) = place([edited], before)
        if tried.at_most >= tried.wanted:
            is_certain = tried.at_least >= tried.wanted
            found.append(replace(fix, is_certain=is_certain, outcome=describe_copies(edited, tried)))
    return found


def find_error(results: Sequence[MatchResult]) -> GfdError | None:
    """Return an error that names the pods which fit no node; None if every pod fits a node.

    If each pod fits or may fit, return Undecided with the pods that only may fit.
    """
    if results and not results[0].verdicts:
        return GfdError("there are no nodes, so no pod fits")
    if unmatched := [each for each in results if each.answer is Answer.NO]:
        return GfdError(_explain_misses(unmatched))
    if undecided := [each for each in results if each.answer is Answer.MAY_FIT]:
        return Undecided(f"{_name_pods(undecided)} may fit; what could not be judged is in the output")
    return None


def _explain_misses(results: Sequence[MatchResult]) -> str:
    """Return which pods fit no node, and of which pods and gangs only some fit."""
    nowhere = [each for each in results if not each.placement.at_most and not each.placement.gang]
    verb = "fits" if len(nowhere) == 1 else "fit"
    parts = [f"{_name_pods(nowhere)} {verb} no node"] if nowhere else []
    counts = [
        describe_gang(each.placement.gang)
        if each.placement.gang
        else f"{_name_pods([each])}: {describe_copies(each.pod, each.placement)}"
        for each in results
        if each not in nowhere
    ]
    counts = list(dict.fromkeys(counts))
    more = [f"and {len(counts) - MAX_NAMED} more"] if len(counts) > MAX_NAMED else []
    return "; ".join([*parts, *counts[:MAX_NAMED], *more])


def _name_pods(results: Sequence[MatchResult]) -> str:
    return join_first([f"{escape(each.pod.title)} ({each.pod.place})" for each in results], MAX_NAMED)
