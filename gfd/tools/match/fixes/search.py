"""Find the smallest changes that make a pod fit a node: edits, and states or repairs of nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from gfd.tools.match.fixes.mismatch_steps import StepSearch
from gfd.tools.match.fixes.steps import LABEL, OTHER_HARDWARE, Edit, Repair, Wait
from gfd.tools.match.fixes.substitution import (
    describe_substitution,
    find_device_resource,
    is_worthless,
    read_product,
)
from gfd.tools.match.judge.fit import Answer, compare
from gfd.tools.match.judge.topology import HOSTNAME
from gfd.tools.match.podspec.scheduling import NAME_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.match.fixes.index import LabelIndex
    from gfd.tools.match.fixes.steps import Step
    from gfd.tools.match.judge.cluster_state import ClusterState
    from gfd.tools.match.judge.fit import Verdict
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

MAX_COST = 1.8
"""A fix must cost less than this; otherwise it would drop most of the pod's requirements."""
MAX_FIXES = 2
_NAMES = (HOSTNAME, NAME_FIELD)
"""The label and the field that name a node."""
_INSTEAD = " instead of "
_MAX_TRIALS = 50
"""How many edited pods are compared with all nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change after which a pod fits some nodes."""

    steps: tuple[Step, ...]
    nodes: tuple[str, ...]
    """The names of the nodes that the pod then fits."""
    is_certain: bool = True
    """Whether the edited pod fits all of them; otherwise something about it cannot be judged."""
    outcome: str = ""
    """If it is about the copies of a pod: how many then fit, such as "3 of 3 replicas fit"."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Return the edits of the pod."""
        return tuple(step for step in self.steps if isinstance(step, Edit))

    def apply(self, spec: SchedulingSpec) -> SchedulingSpec:
        """Return the pod after the edits."""
        for edit in self.edits:
            spec = edit.apply(spec)
        return spec

    @property
    def awaited(self) -> tuple[str, ...]:
        """Return the states of one of the nodes to wait for: "has 2 nvidia.com/gpu free"."""
        return tuple(step.state for step in self.steps if isinstance(step, Wait))

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """Return what has to be repaired on the nodes."""
        return tuple(step for step in self.steps if isinstance(step, Repair))

    @property
    def cost(self) -> float:
        """Return how much the fix changes the meaning of the pod."""
        return sum(step.cost for step in self.steps)

    @property
    def is_other_hardware(self) -> bool:
        """Return whether the pod gets another device than it asks for."""
        return any(edit.consequence or edit.cost >= OTHER_HARDWARE for edit in self.edits)

    @property
    def kind(self) -> tuple[object, ...]:
        """Return what the fix consists of; two fixes of the same kind are variants of one idea."""
        subjects = frozenset(edit.subject for edit in self.edits)
        return (subjects, bool(self.awaited), bool(self.repairs), self.is_other_hardware)


def find_fixes(
    spec: SchedulingSpec, verdicts: Sequence[Verdict], index: LabelIndex, state: ClusterState
) -> list[Fix]:
    """Return at most two fixes of different kinds, the cheapest first.

    Another device comes last, and only if no edit helps without it. Each edit is tried, so the edited pod
    really fits the nodes in the fix.
    """
    candidates = [fix for fix in _collect(spec, verdicts, index) if fix.cost < MAX_COST]
    queue = [(_rank(fix), number, fix, not fix.edits) for number, fix in enumerate(candidates)]
    heapify(queue)
    found: list[Fix] = []
    named = _find_named_product(spec, verdicts)
    trials = 0
    while queue and len(found) < MAX_FIXES and trials < _MAX_TRIALS:
        _, number, fix, is_tried = heappop(queue)
        if any(_replaces(each, fix) for each in found):
            continue
        if is_tried:
            found.append(fix)
            continue
        trials += 1
        # Only the trial shows what the pod gets instead, so the fix may be worse than it looked.
        tried = _try(spec, fix, verdicts, state, named)
        if tried.nodes:
            heappush(queue, (_rank(tried), number, tried, True))
    return found


def _replaces(found: Fix, other: Fix) -> bool:
    """Return whether the ``other`` fix adds nothing to one that is already found."""
    if found.kind == other.kind or set(found.steps) <= set(other.steps):
        return True
    if found.awaited or found.repairs:
        return False
    is_mixed = bool(other.edits) and bool(other.repairs)
    pairs = [(one, two) for one in found.edits for two in other.edits if one.old and one.old == two.old]
    is_worse = any(two.subject == LABEL or two.cost >= one.cost for one, two in pairs)
    return other.is_other_hardware or is_mixed or is_worse


def _rank(fix: Fix) -> tuple[bool, float, int, tuple[str, ...]]:
    return (fix.is_other_hardware, fix.cost, -len(fix.nodes), fix.nodes)


def _collect(spec: SchedulingSpec, verdicts: Iterable[Verdict], index: LabelIndex) -> Iterator[Fix]:
    """Yield all fixes, each with the nodes that need exactly this fix."""
    search = StepSearch(spec, index)
    groups: dict[tuple[Step, ...], list[str]] = {}
    for verdict in verdicts:
        for steps in _combine([search.resolve(mismatch, verdict.node) for mismatch in verdict.mismatches]):
            groups.setdefault(steps, []).append(verdict.node.name)
    for steps, names in groups.items():
        yield Fix(steps=steps, nodes=tuple(sorted(names)))


def _combine(alternatives: Sequence[Sequence[tuple[Step, ...]]]) -> Iterator[tuple[Step, ...]]:
    """Yield the cheapest steps against all mismatches, then with another alternative for one of them."""
    if not all(alternatives):
        return
    best = [each[0] for each in alternatives]
    yield _join(best)
    for position, others in enumerate(alternatives):
        for other in others[1:]:
            yield _join([*best[:position], other, *best[position + 1 :]])


def _join(parts: Iterable[tuple[Step, ...]]) -> tuple[Step, ...]:
    return tuple(dict.fromkeys(step for steps in parts for step in steps))


def _find_named_product(spec: SchedulingSpec, verdicts: Iterable[Verdict]) -> str:
    """Return the product of the node that a pod names; empty if it names none, or if that is unknown."""
    named = [each for each in spec.requirements() if each.key in _NAMES and each.operator == "In"]
    names = {spec.node_name, *(value for each in named for value in each.values)} - {""}
    resource = find_device_resource(spec)
    if not names or not resource:
        return ""
    products = (read_product(each.node, resource) for each in verdicts if each.node.name in names)
    return next(filter(None, products), "")


def _try(spec: SchedulingSpec, fix: Fix, verdicts: Sequence[Verdict], state: ClusterState, named: str) -> Fix:
    """Return the fix with the nodes that the edited pod fits, and with what it gets there instead."""
    if not fix.edits:
        return fix
    edited = fix.apply(spec)
    after = compare(edited, state)
    if fix.awaited or fix.repairs:
        names = _list_open(after, verdicts).intersection(fix.nodes)
        kept = [each for each in after if each.node.name in names]
    else:
        kept = [each for each in after if each.is_possible]
    kept = [each for each in kept if not is_worthless(spec, edited, each.node)]
    shown = " ".join(edit.new for edit in fix.edits)
    pairs = [(describe_substitution(spec, edited, each.node, shown, named), each.node.name) for each in kept]
    # Nodes with what the pod asks for come first; the others are no part of this fix.
    substitution = min(pairs, default=("", ""))[0]
    nodes = tuple(sorted(name for text, name in pairs if text == substitution))
    is_certain = all(each.answer is not Answer.MAY_FIT for each in kept if each.node.name in nodes)
    return Fix(steps=_name_substitution(fix.steps, substitution), nodes=nodes, is_certain=is_certain)


def _list_open(after: Iterable[Verdict], before: Iterable[Verdict]) -> set[str]:
    """Return the nodes of which the edited pod has no mismatch that it did not have before."""
    known = {verdict.node.name: set(map(_identify, verdict.mismatches)) for verdict in before}
    return {
        verdict.node.name
        for verdict in after
        if set(map(_identify, verdict.mismatches)) <= known.get(verdict.node.name, set())
    }


def _identify(mismatch: Mismatch) -> tuple[object, ...]:
    return (mismatch.kind, mismatch.requirement, mismatch.taint, mismatch.resource)


def _name_substitution(steps: tuple[Step, ...], substitution: str) -> tuple[Step, ...]:
    """Return the steps with the substitution in the edit that changes the most."""
    edits = [step for step in steps if isinstance(step, Edit)]
    if not substitution or not edits:
        return steps
    chosen = max(edits, key=lambda edit: edit.cost)
    named = replace(chosen, consequence=_join_texts(substitution, chosen.consequence))
    return tuple(named if step is chosen else step for step in steps)


def _join_texts(substitution: str, consequence: str) -> str:
    """Return one text: "20 GB slice instead of 40 GB" and "20 GB instead of 80 GB" speak of the same."""
    found, instead, _ = substitution.partition(_INSTEAD)
    wanted = consequence.partition(_INSTEAD)[2]
    if instead and wanted and "GB" in found and "GB" in wanted:
        return f"{found}{_INSTEAD}{wanted}"
    return ", ".join(filter(None, (consequence, substitution)))
