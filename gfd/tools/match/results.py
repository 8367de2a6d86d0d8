"""Match pods with nodes: find the nodes that each pod fits, or explain why it fits none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.errors import GfdError, Undecided
from gfd.text import escape
from gfd.tools.match.fit import Answer, compare, find_answer
from gfd.tools.match.fixes import find_fixes
from gfd.tools.match.suggestions import find_suggestions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.fixes import Fix
    from gfd.tools.match.index import LabelIndex
    from gfd.tools.match.pods import Pod
    from gfd.tools.match.suggestions import Suggestion

MAX_NAMED = 5
"""The maximum number of pods in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """The nodes that a pod fits, and the help if it fits none."""

    pod: Pod
    verdicts: Sequence[Verdict]
    """One verdict for each node: first the nodes that the pod fits, with the best at the start."""
    suggestions: Sequence[Suggestion] = ()
    """Suggestions for the pod; empty if it fits a node."""
    fixes: Sequence[Fix] = ()
    """Fixes for the pod; empty if it fits a node or no fix is known."""

    @property
    def answer(self) -> Answer:
        """Return whether the pod fits a node."""
        return find_answer(self.verdicts)

    @property
    def possible(self) -> Sequence[Verdict]:
        """Return the verdicts of the nodes that the pod fits or may fit."""
        return [each for each in self.verdicts if each.is_possible]


def match_pod(pod: Pod, index: LabelIndex, state: ClusterState) -> MatchResult:
    """Return the nodes that a pod fits."""
    verdicts = compare(pod.spec, state)
    if not verdicts or verdicts[0].is_possible:
        return MatchResult(pod=pod, verdicts=verdicts)
    return MatchResult(
        pod=pod,
        verdicts=verdicts,
        suggestions=find_suggestions(pod.spec, index),
        fixes=find_fixes(pod.spec, verdicts, index, state),
    )


def find_error(results: Sequence[MatchResult]) -> GfdError | None:
    """Return an error that names the pods which fit no node; None if every pod fits a node.

    If each pod fits or may fit, return Undecided with the pods that only may fit.
    """
    if results and not results[0].verdicts:
        return GfdError("there are no nodes, so no pod fits")
    if unmatched := [each for each in results if each.answer is Answer.NO]:
        verb = "fits" if len(unmatched) == 1 else "fit"
        return GfdError(f"{_name_pods(unmatched)} {verb} no node")
    if undecided := [each for each in results if each.answer is Answer.MAY_FIT]:
        return Undecided(f"{_name_pods(undecided)} may fit; what could not be judged is in the output")
    return None


def _name_pods(results: Sequence[MatchResult]) -> str:
    names = [f"{escape(each.pod.title)} ({each.pod.place})" for each in results[:MAX_NAMED]]
    more = f" and {len(results) - MAX_NAMED} more" if len(results) > MAX_NAMED else ""
    return f"{', '.join(names)}{more}"
