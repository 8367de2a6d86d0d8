"""Whether a pod fits a node; tests/cluster/test_match.py compares with a real scheduler."""

from __future__ import annotations

from dataclasses import replace

from gfd.clusterview.bound_pods import BoundPod, add_pods
from gfd.clusterview.nodes import Node, Taint
from gfd.kube.requirements import Requirement
from gfd.tools.match.judge.capacity import UNKNOWN_PODS
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Answer, Verdict, compare
from gfd.tools.match.judge.mismatches import Mismatch
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, PreferredTerm, SchedulingSpec, Toleration

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
    (verdict,) = compare(spec, ClusterState(nodes=[node]))
    return verdict


def mismatches(spec: SchedulingSpec, node: Node = NODE) -> list[tuple[str, str, str | None]]:
    return [(each.kind, each.wanted, each.found) for each in judge(spec, node).mismatches]


def test_a_pod_without_demands_fits() -> None:
    assert judge(SchedulingSpec(), NODE) == Verdict(node=NODE, mismatches=())
    assert judge(SchedulingSpec(), NODE).fits


def test_selectors() -> None:
    assert judge(SchedulingSpec(node_selector=(PRODUCT,)), NODE).fits
    spec = SchedulingSpec(
        node_selector=(PRODUCT, ZONE), terms=(NodeSelectorTerm(expressions=(MEMORY, PRODUCT)),)
    )
    assert mismatches(spec) == [
        ("nodeSelector", "zone=a", None),
        ("nodeAffinity", "nvidia.com/gpu.memory>20000", "15360"),
    ]
    assert judge(spec, NODE).mismatches[0] == Mismatch(
        kind="nodeSelector", wanted="zone=a", found=None, requirement=ZONE
    )


def test_one_term_is_enough_else_the_nearest_is_named() -> None:
    one, other = NodeSelectorTerm(expressions=(ZONE, MEMORY)), NodeSelectorTerm(expressions=(MEMORY, PRODUCT))
    assert mismatches(SchedulingSpec(terms=(one, other))) == [
        ("nodeAffinity", "nvidia.com/gpu.memory>20000", "15360")
    ]
    assert judge(SchedulingSpec(terms=(one, other, NodeSelectorTerm(expressions=(PRODUCT,)))), NODE).fits


def test_terms_without_requirements_match_no_node() -> None:
    nothing = [("nodeAffinity", "a term without requirements matches no node", None)]
    assert mismatches(SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm()))) == nothing
    assert mismatches(SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm(expressions=(ZONE,))))) == [
        ("nodeAffinity", "zone=a", None)
    ]
    assert judge(
        SchedulingSpec(terms=(NodeSelectorTerm(), NodeSelectorTerm(expressions=(PRODUCT,)))), NODE
    ).fits


def test_fields() -> None:
    term = NodeSelectorTerm(fields=(Requirement(key="metadata.name", operator="NotIn", values=("n1",)),))
    assert mismatches(SchedulingSpec(terms=(term,))) == [("nodeAffinity", "metadata.name!=n1", "n1")]


def test_taints() -> None:
    tainted = replace(
        NODE, taints=(Taint(key="a", effect="NoSchedule"), Taint(key="b", value="c", effect="NoExecute"))
    )
    assert mismatches(SchedulingSpec(), tainted) == [
        ("taint", "no toleration of the taint", "a:NoSchedule"),
        ("taint", "no toleration of the taint", "b=c:NoExecute"),
    ]
    assert judge(SchedulingSpec(tolerations=(Toleration(operator="Exists"),)), tainted).fits


def test_a_pod_that_names_its_node_skips_the_scheduler() -> None:
    spec = SchedulingSpec(node_name="n1")
    assert judge(spec, replace(NODE, taints=(Taint(key="a", effect="NoSchedule"),))).fits
    tainted = replace(NODE, taints=(Taint(key="a", effect="NoExecute"),))
    assert mismatches(spec, tainted) == [("taint", "no toleration of the taint", "a:NoExecute")]
    assert mismatches(SchedulingSpec(node_name="n2")) == [("nodeName", "nodeName=n2", "n1")]
    assert mismatches(SchedulingSpec(node_name="n1", node_selector=(ZONE,))) == [
        ("nodeSelector", "zone=a", None)
    ]


def test_devices() -> None:
    assert judge(SchedulingSpec(requests={GPU: 1}), NODE).fits
    assert mismatches(SchedulingSpec(requests={GPU: 2, MIG: 1})) == [
        ("resource", "2 nvidia.com/gpu", "1 of 4 free"),
        ("resource", "1 nvidia.com/mig-1g.5gb", "none, but 4 nvidia.com/gpu"),
    ]
    assert mismatches(SchedulingSpec(requests={GPU: 1}), Node(name="n")) == [
        ("resource", "1 nvidia.com/gpu", "none")
    ]


def test_overcommitted_nodes_have_nothing_free() -> None:
    overcommitted = replace(NODE, requested={GPU: 9})
    assert judge(SchedulingSpec(requests={GPU: 0, "nvidia.com/other": 0}), overcommitted).fits
    assert mismatches(SchedulingSpec(requests={GPU: 1}), overcommitted) == [
        ("resource", "1 nvidia.com/gpu", "0 of 4 free")
    ]


def test_the_devices_of_a_running_pod_are_free_for_itself() -> None:
    (node,) = add_pods([NODE], [BoundPod(node="n1", namespace="default", name="p", requests={GPU: 3})])
    assert judge(SchedulingSpec(name="p", requests={GPU: 3}, current_node="n1"), node).fits
    assert not judge(SchedulingSpec(name="p", requests={GPU: 3}, current_node="n2"), node).fits
    assert not judge(SchedulingSpec(name="other", requests={GPU: 3}, current_node="n1"), node).fits
    assert mismatches(SchedulingSpec(name="p", requests={GPU: 5}, current_node="n1"), node) == [
        ("resource", "5 nvidia.com/gpu", "4 of 4 free")
    ]


def test_a_bound_pod_takes_what_it_requests() -> None:
    spec, state = SchedulingSpec(name="p", labels={"a": "b"}, requests={GPU: 1}), ClusterState(nodes=[NODE])
    (bound,) = state.bind(spec, "n1").nodes
    (pod,) = bound.pods
    assert (bound.requested[GPU], pod.namespace, pod.name, pod.labels) == (4, "default", "p", {"a": "b"})
    assert mismatches(spec, bound) == [("resource", "1 nvidia.com/gpu", "0 of 4 free")]
    assert state.nodes == [NODE]


def test_the_amounts_of_other_resources() -> None:
    node = Node(
        name="n",
        allocatable={"cpu": 4000, "memory": 62 << 30, "amd.com/gpu": 1},
        requested={"cpu": 3500, "memory": 31 << 30, "amd.com/gpu": 1},
    )
    assert judge(SchedulingSpec(requests={"cpu": 500, "memory": 31 << 30}), node).fits
    assert mismatches(
        SchedulingSpec(requests={"cpu": 501, "memory": (31 << 30) + 1, "amd.com/gpu": 1, "b/c": 1}), node
    ) == [
        ("resource", "501m cpu", "500m of 4 free"),
        ("resource", "31.1Gi memory", "31Gi of 62Gi free"),
        ("resource", "1 amd.com/gpu", "0 of 1 free"),
        ("resource", "1 b/c", "none"),
    ]


def test_what_cannot_be_judged() -> None:
    def unjudged(spec: SchedulingSpec, node: Node) -> tuple[Answer, tuple[str, ...]]:
        verdict = judge(spec, node)
        return verdict.answer, verdict.unjudged

    bare = Node(name="n", allocatable={GPU: 1})
    assert unjudged(SchedulingSpec(requests={GPU: 1, "memory": 0}), bare) == (Answer.FITS, ())
    assert unjudged(SchedulingSpec(requests={GPU: 1, "memory": 1}, unjudged=("volumes: unknown",)), bare) == (
        Answer.MAY_FIT,
        ("volumes: unknown", "memory: the node's allocatable does not name it"),
    )
    assert unjudged(SchedulingSpec(requests={GPU: 2, "memory": 1}), bare) == (Answer.NO, ())
    uncounted = replace(bare, is_counted=False)
    assert unjudged(SchedulingSpec(requests={GPU: 1}), uncounted) == (Answer.MAY_FIT, (UNKNOWN_PODS,))
    assert unjudged(SchedulingSpec(), uncounted) == (Answer.FITS, ())
    assert unjudged(SchedulingSpec(requests={GPU: 2}), uncounted) == (Answer.NO, ())
    nodes = ClusterState(nodes=[replace(uncounted, name="a"), bare])
    verdicts = compare(SchedulingSpec(requests={GPU: 1}), nodes)
    assert [each.node.name for each in verdicts] == ["n", "a"]
    assert [each.answer for each in verdicts] == [Answer.FITS, Answer.MAY_FIT]


def test_the_best_node_comes_first() -> None:
    soft = Taint(key="a", effect="PreferNoSchedule")
    preference = PreferredTerm(weight=7, term=NodeSelectorTerm(expressions=(ZONE,)))
    nodes = [
        Node(name="d", labels={"zone": "a"}),
        Node(name="c", labels={"zone": "a"}, taints=(soft,)),
        Node(name="b", taints=(Taint(key="b", effect="NoSchedule"),), labels={"zone": "a"}),
        Node(name="a"),
    ]
    verdicts = compare(SchedulingSpec(preferences=(preference,)), ClusterState(nodes=nodes))
    assert [(each.node.name, each.fits, each.score, each.avoided) for each in verdicts] == [
        ("d", True, 7, ()),
        ("c", True, 7, (soft,)),
        ("a", True, 0, ()),
        ("b", False, 0, ()),
    ]
    assert compare(SchedulingSpec(), ClusterState(nodes=[])) == []


def test_the_number_of_pods() -> None:
    pods = [
        BoundPod(node="n", namespace="default", name=f"p{number}", requests={"pods": 1}) for number in (1, 2)
    ]
    (full,) = add_pods([Node(name="n", allocatable={"pods": 2})], pods)
    assert mismatches(SchedulingSpec(), full) == [("resource", "room for another pod", "0 of 2 free")]
    assert judge(SchedulingSpec(name="p1", current_node="n"), full).fits
    assert judge(SchedulingSpec(), replace(full, allocatable={"pods": 3})).fits
    (unlimited,) = add_pods([Node(name="n")], pods * 55)
    assert judge(SchedulingSpec(), replace(unlimited, pods=unlimited.pods[:109])).fits
    assert judge(SchedulingSpec(), unlimited).unjudged == (
        "pods: the node's allocatable does not name it, and 110 pods are there already",
    )


def test_the_resources_of_hami() -> None:
    spec = SchedulingSpec(requests={GPU: 1, "nvidia.com/gpumem": 3000})
    assert judge(spec, replace(NODE, allocatable={GPU: 4})).unjudged == (
        "nvidia.com/gpumem: HAMi's scheduler counts it, and the node's allocatable does not name it",
    )
    few, enough = (replace(NODE, allocatable={GPU: 4, "nvidia.com/gpumem": each}) for each in (2999, 3000))
    assert judge(spec, few).answer is Answer.NO
    assert judge(spec, enough).fits


def test_the_operating_system() -> None:
    windows, linux = (replace(NODE, labels={"kubernetes.io/os": name}) for name in ("windows", "linux"))
    assert mismatches(SchedulingSpec(os="linux"), windows) == [("os", "os.name=linux", "windows")]
    assert judge(SchedulingSpec(os="linux"), linux).fits
    assert judge(SchedulingSpec(os="linux"), NODE).fits
    assert judge(SchedulingSpec(), windows).fits
