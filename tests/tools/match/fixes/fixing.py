"""Find fixes for a pod on nodes, as several tests do; each edit is tried here again."""

from __future__ import annotations

from typing import Any

from gfd.clusterview.hardware import parse_product
from gfd.clusterview.nodes import Node
from gfd.kube.requirements import Requirement
from gfd.tools.match.fixes.index import build_index
from gfd.tools.match.fixes.search import Fix, find_fixes
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Verdict, compare
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, SchedulingSpec

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"
PRODUCT, MEMORY, COUNT = "nvidia.com/gpu.product", "nvidia.com/gpu.memory", "nvidia.com/gpu.count"


def select(value: str, key: str = PRODUCT, **members: Any) -> SchedulingSpec:
    requirement = Requirement(key=key, operator="In", values=(value,), line=7, is_shorthand=True)
    return SchedulingSpec(node_selector=(requirement,), **members)


def require(key: str, operator: str, *values: str, **members: Any) -> SchedulingSpec:
    requirement = Requirement(key=key, operator=operator, values=values, line=7)
    return SchedulingSpec(terms=(NodeSelectorTerm(expressions=(requirement,)),), **members)


def node(name: str, product: str = "", **members: Any) -> Node:
    labels = {PRODUCT: product} if product else {}
    return Node(name=name, labels=labels | members.pop("labels", {}), **members)


def judge(spec: SchedulingSpec, node: Node) -> Verdict:
    (verdict,) = compare(spec, ClusterState(nodes=[node]))
    return verdict


def find(spec: SchedulingSpec, *nodes: Node) -> list[Fix]:
    """Return the fixes; check that no more than two are found, and that edits alone make the pod fit."""
    state = ClusterState(nodes=nodes)
    found = find_fixes(spec, compare(spec, state), build_index(nodes), state)
    assert len(found) <= 2
    for fix in found:
        edited = spec
        for each in fix.edits:
            edited = each.apply(edited)
        fitting = {each.name for each in nodes if judge(edited, each).is_possible}
        assert set(fix.nodes)
        for name in fix.nodes if fix.edits else ():
            check_that_the_model_is_named(
                spec, edited, next(each for each in nodes if each.name == name), fix
            )
        assert fix.awaited or fix.repairs or set(fix.nodes) <= fitting
    return found


def check_that_the_model_is_named(spec: SchedulingSpec, edited: SchedulingSpec, node: Node, fix: Fix) -> None:
    """Check that a fix which leads from one chip to another, or to a slice, says so."""
    wanted = [
        parse_product(value)
        for each in spec.requirements()
        if each.key == PRODUCT and each.operator == "In"
        for value in each.values
    ]
    found = parse_product(node.labels.get(PRODUCT, ""))
    if wanted and found.product and edited.requests.get(GPU):
        same = [each for each in wanted if each.chip == found.chip and each.profile == found.profile]
        assert same or any(edit.consequence for edit in fix.edits)


def list_fixes(
    spec: SchedulingSpec, *nodes: Node
) -> list[tuple[list[tuple[str, str, str, int]], list[str], list[str]]]:
    """Return the edits (old, new, why, line), what is awaited, and the nodes of each fix."""
    return [
        (
            [(edit.old, edit.new, edit.why, edit.line) for edit in fix.edits],
            list(fix.awaited),
            list(fix.nodes),
        )
        for fix in find(spec, *nodes)
    ]


def edit(spec: SchedulingSpec, *nodes: Node) -> tuple[str, str, str]:
    """Return the only edit of the only fix: old, new, why."""
    ((edits, awaited, _),) = list_fixes(spec, *nodes)
    ((old, new, why, _),) = edits
    assert awaited == []
    return old, new, why


def change(spec: SchedulingSpec, *nodes: Node) -> tuple[str, str, tuple[str, ...]]:
    """Return the only edit of the first fix: the new text, what the pod gets instead, and the nodes."""
    fix = find(spec, *nodes)[0]
    (only,) = fix.edits
    assert not fix.awaited
    assert not fix.repairs
    return only.new, only.consequence, fix.nodes
