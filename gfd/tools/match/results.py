"""Match pods with nodes: which nodes each pod fits, and if none, why and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.errors import GfdError
from gfd.text import escape
from gfd.tools.match.fit import compare
from gfd.tools.match.fixes import find_fixes
from gfd.tools.match.suggestions import find_suggestions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.fixes import Fix
    from gfd.tools.match.index import LabelIndex
    from gfd.tools.match.pods import Pod
    from gfd.tools.match.suggestions import Suggestion

MAX_NAMED = 5
"""Pods that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """Which nodes a pod fits."""

    pod: Pod
    verdicts: Sequence[Verdict]
    """One for each node: first those that the pod fits, the best first."""
    suggestions: Sequence[Suggestion] = ()
    """Empty if the pod fits a node."""
    fixes: Sequence[Fix] = ()
    """Empty if the pod fits a node, and if no fix is known."""

    @property
    def fitting(self) -> Sequence[Verdict]:
        """Return the verdicts of the nodes that the pod fits."""
        return [each for each in self.verdicts if each.fits]


def match_pod(pod: Pod, index: LabelIndex) -> MatchResult:
    """Return which nodes a pod fits."""
    verdicts = compare(pod.spec, index.nodes)
    if not verdicts or verdicts[0].fits:
        return MatchResult(pod=pod, verdicts=verdicts)
    return MatchResult(
        pod=pod,
        verdicts=verdicts,
        suggestions=find_suggestions(pod.spec, index),
        fixes=find_fixes(pod.spec, verdicts, index),
    )


def find_error(results: Sequence[MatchResult]) -> GfdError | None:
    """Return the error that some pods fit no node; None if each fits one."""
    unmatched = [f"{escape(each.pod.title)} ({each.pod.place})" for each in results if not each.fitting]
    if not unmatched:
        return None
    if not results[0].verdicts:
        return GfdError("there are no nodes, so no pod fits")
    more = f" and {len(unmatched) - MAX_NAMED} more" if len(unmatched) > MAX_NAMED else ""
    verb = "fits" if len(unmatched) == 1 else "fit"
    return GfdError(f"{', '.join(unmatched[:MAX_NAMED])}{more} {verb} no node")
