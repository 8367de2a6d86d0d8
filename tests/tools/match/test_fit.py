"""Whether a pod fits; that a real scheduler agrees is shown by tests/cluster/test_match.py."""

from __future__ import annotations

from dataclasses import replace

from gfd.clusterview.nodes import Node, Taint
from gfd.kube.requirements import Requirement
from gfd.tools.match.fit import Mismatch, Verdict, compare
from gfd.tools.match.scheduling import NodeSelectorTerm, PreferredTerm, SchedulingSpec, Toleration

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"
PRODUCT = Requirement(key="nvidia.com/gpu.product", operator="In", values=("T4",), is_shorthand=True)
MEMORY = Requirement(key="nvidia.com/gpu.memory", operator="Gt", values=("20000",))
ZONE = Requirement(key="zone", operator="In", values=("a",))
NODE = Node(
    name="n1",
    labels={"nvidia.com/gpu.product": "T4", "nvidia.com/gpu.memory": "15360"},
    allocatable={GPU: 4, MIG: 0},
    requested={GPU: 3},
)


def judge(spec: SchedulingSpec, node: Node) -> Verdict:
    (verdict,) = compare(spec, [node])
    return verdict


def failed(spec: SchedulingSpec, node: Node = NODE) -> list[tuple[str, str, str | None]]:
    return [(each.kind, each.wanted, each.found) for each in judge(spec, node).mismatches]


def test_what_asks_for_nothing_fits() -> None:
    assert judge(SchedulingSpec(), NODE) == Verdict(node=NODE, mismatches=())
    assert judge(SchedulingSpec(), NODE).fits


def test_selectors() -> None:
    assert judge(SchedulingSpec(node_selector=(PRODUCT,)), NODE).fits
    spec = SchedulingSpec(
        node_selector=(PRODUCT, ZONE), terms=(NodeSelectorTerm(expressions=(MEMORY, PRODUCT)),)
    )
    assert failed(spec) == [
        ("nodeSelector", "zone=a", None),
        ("nodeAffinity", "nvidia.com/gpu.memory>20000", "15360"),
    ]
    assert judge(spec, NODE).mismatches[0] == Mismatch(
        kind="nodeSelector", wanted="zone=a", found=None, requirement=ZONE
    )


def test_one_term_is_enough_and_the_nearest_is_told() -> None:
    one, other = NodeSelectorTerm(expressions=(ZONE, MEMORY)), NodeSelectorTerm(expressions=(MEMORY, PRODUCT))
    assert failed(SchedulingSpec(terms=(one, other))) == [
        ("nodeAffinity", "nvidia.com/gpu.memory>20000", "15360")
    ]
    assert judge(SchedulingSpec(terms=(one, other, NodeSelectorTerm(expressions=(PRODUCT,)))), NODE).fits


def test_terms_without_requirements_match_nothing() -> None:
    nothing = [("nodeAffinity", "a term without requirements matches no node", None)]
    assert failed(SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm()))) == nothing
    assert failed(SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm(expressions=(ZONE,))))) == [
        ("nodeAffinity", "zone=a", None)
    ]
    assert judge(
        SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm(expressions=(PRODUCT,)))), NODE
    ).fits


def test_fields() -> None:
    term = NodeSelectorTerm(fields=(Requirement(key="metadata.name", operator="NotIn", values=("n1",)),))
    assert failed(SchedulingSpec(terms=(term,))) == [("nodeAffinity", "metadata.name!=n1", "n1")]


def test_taints() -> None:
    tainted = replace(
        NODE, taints=(Taint(key="a", effect="NoSchedule"), Taint(key="b", value="c", effect="NoExecute"))
    )
    assert failed(SchedulingSpec(), tainted) == [
        ("taint", "no toleration of the taint", "a:NoSchedule"),
        ("taint", "no toleration of the taint", "b=c:NoExecute"),
    ]
    assert judge(SchedulingSpec(tolerations=(Toleration(operator="Exists"),)), tainted).fits


def test_who_names_a_node_passes_the_scheduler_by() -> None:
    spec = SchedulingSpec(node_name="n1")
    assert judge(spec, replace(NODE, taints=(Taint(key="a", effect="NoSchedule"),))).fits
    tainted = replace(NODE, taints=(Taint(key="a", effect="NoExecute"),))
    assert failed(spec, tainted) == [("taint", "no toleration of the taint", "a:NoExecute")]
    assert failed(SchedulingSpec(node_name="n2")) == [("nodeName", "nodeName=n2", "n1")]
    assert failed(SchedulingSpec(node_name="n1", node_selector=(ZONE,))) == [("nodeSelector", "zone=a", None)]


def test_devices() -> None:
    assert judge(SchedulingSpec(requests={GPU: 1}), NODE).fits
    assert failed(SchedulingSpec(requests={GPU: 2, MIG: 1})) == [
        ("resource", "2 nvidia.com/gpu", "1 of 4 free"),
        ("resource", "1 nvidia.com/mig-1g.5gb", "none, but 4 nvidia.com/gpu"),
    ]
    assert failed(SchedulingSpec(requests={GPU: 1}), Node(name="n")) == [
        ("resource", "1 nvidia.com/gpu", "none")
    ]


def test_none_can_be_had_of_what_is_not_there() -> None:
    overcommitted = replace(NODE, requested={GPU: 9})
    assert judge(SchedulingSpec(requests={GPU: 0, "nvidia.com/other": 0}), overcommitted).fits
    assert failed(SchedulingSpec(requests={GPU: 1}), overcommitted) == [
        ("resource", "1 nvidia.com/gpu", "0 of 4 free")
    ]


def test_a_placed_pod_is_not_in_its_own_way() -> None:
    assert judge(SchedulingSpec(requests={GPU: 3}, current_node="n1"), NODE).fits
    assert not judge(SchedulingSpec(requests={GPU: 3}, current_node="n2"), NODE).fits
    assert failed(SchedulingSpec(requests={GPU: 5}, current_node="n1")) == [
        ("resource", "5 nvidia.com/gpu", "4 of 4 free")
    ]


def test_the_best_comes_first() -> None:
    soft = Taint(key="a", effect="PreferNoSchedule")
    preference = PreferredTerm(weight=7, term=NodeSelectorTerm(expressions=(ZONE,)))
    nodes = [
        Node(name="d", labels={"zone": "a"}),
        Node(name="c", labels={"zone": "a"}, taints=(soft,)),
        Node(name="b", taints=(Taint(key="b", effect="NoSchedule"),), labels={"zone": "a"}),
        Node(name="a"),
    ]
    verdicts = compare(SchedulingSpec(preferences=(preference,)), nodes)
    assert [(each.node.name, each.fits, each.score, each.avoided) for each in verdicts] == [
        ("d", True, 7, ()),
        ("c", True, 7, (soft,)),
        ("a", True, 0, ()),
        ("b", False, 0, ()),
    ]
    assert compare(SchedulingSpec(), []) == []
