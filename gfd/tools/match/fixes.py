"""Find the smallest change that makes a pod fit a node: edits, or something to wait for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.tools.match.edit_search import EditSearch
from gfd.tools.match.edits import Edit
from gfd.tools.match.fit import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.index import LabelIndex
    from gfd.tools.match.scheduling import SchedulingSpec

_WAIT_COST = 0.4
MAX_COST = 2.0
"""A fix must cost less than this; otherwise it would drop most of the pod's requirements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change that makes a pod fit some nodes."""

    edits: tuple[Edit, ...]
    awaited: tuple[str, ...]
    """The state of one of the nodes to wait for: "has 2 nvidia.com/gpu free"."""
    nodes: tuple[str, ...]
    """The names of the nodes that the pod then fits."""

    @property
    def cost(self) -> float:
        """Return how much the fix changes the meaning of the pod."""
        return sum(edit.cost for edit in self.edits) + _WAIT_COST * len(self.awaited)


def find_fixes(
    spec: SchedulingSpec, verdicts: Sequence[Verdict], index: LabelIndex, state: ClusterState
) -> list[Fix]:
    """Return the smallest edit that makes a pod fit and the least to wait for, or only one or none of them.

    Each edit is tried, so the edited pod really fits the nodes in the fix.
    """
    fixes = sorted(_collect(spec, verdicts, index), key=lambda fix: (fix.cost, -len(fix.nodes), fix.nodes))
    affordable = [fix for fix in fixes if fix.cost < MAX_COST]
    edits = (_try(spec, fix, state) for fix in affordable if not fix.awaited)
    found = [next((fix for fix in edits if fix.nodes), None)]
    found.append(next((fix for fix in affordable if not fix.edits), None))
    return [fix for fix in found if fix] or [fix for fix in affordable if fix.awaited][:1]


def _collect(spec: SchedulingSpec, verdicts: Iterable[Verdict], index: LabelIndex) -> Iterator[Fix]:
    """Yield all fixes, each with the nodes that need exactly this fix."""
    search = EditSearch(spec, index)
    groups: dict[tuple[Edit | str, ...], list[str]] = {}
    for verdict in verdicts:
        found = [search.resolve(mismatch, verdict.node) for mismatch in verdict.mismatches]
        steps = tuple(dict.fromkeys(step for step in found if step is not None))
        if None not in found:
            groups.setdefault(steps, []).append(verdict.node.name)
    for steps, names in groups.items():
        edits = tuple(step for step in steps if isinstance(step, Edit))
        awaited = tuple(step for step in steps if isinstance(step, str))
        yield Fix(edits=edits, awaited=awaited, nodes=tuple(sorted(names)))


def _try(spec: SchedulingSpec, fix: Fix, state: ClusterState) -> Fix:
    """Return the fix with the nodes that the edited pod fits."""
    for edit in fix.edits:
        spec = edit.apply(spec)
    names = sorted(verdict.node.name for verdict in compare(spec, state) if verdict.is_possible)
    return replace(fix, nodes=tuple(names))
