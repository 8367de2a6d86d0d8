"""How the pods on the nodes decide; tests/cluster/test_match_neighbours.py compares with a real scheduler."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gfd.clusterview.affinity_terms import PodAffinityTerm, read_terms
from gfd.clusterview.bound_pods import BoundPod, place_pods
from gfd.clusterview.host_ports import HostPort
from gfd.clusterview.nodes import Node, Taint
from gfd.clusterview.priority_classes import PriorityClass
from gfd.kube.requirements import Requirement
from gfd.kube.selectors import parse
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Verdict, compare
from gfd.tools.match.podspec.scheduling import Priority, SchedulingSpec, SpreadConstraint
from tests.tools.match.podspec.pod_refusals import REQUIRED, WEB

HOSTNAME, ZONE = "kubernetes.io/hostname", "zone"
GPU = "nvidia.com/gpu"
SPEC = SchedulingSpec(name="new", labels={"app": "web"})


def term(**members: Any) -> PodAffinityTerm:
    (found,) = read_terms({REQUIRED: [{"topologyKey": ZONE, "labelSelector": WEB, **members}]})
    return found


def pod(name: str, **members: Any) -> BoundPod:
    return BoundPod(**{"node": "", "namespace": "default", "name": name, "labels": {"app": "web"}, **members})


def node(name: str, *pods: BoundPod, zone: str | None = "a", **members: Any) -> Node:
    labels = {HOSTNAME: name} | ({ZONE: zone} if zone else {})
    return place_pods(Node(name=name, labels=labels, allocatable={GPU: 8}, **members), pods)


def judge(spec: SchedulingSpec, *nodes: Node, **state: Any) -> dict[str, list[str]]:
    """Return the nodes with what is against each of them, or what is open."""
    return {
        each.node.name: [f"{mismatch.wanted} | {mismatch.found}" for mismatch in each.mismatches]
        or [f"? {text}" for text in each.unjudged]
        for each in compare(spec, ClusterState(nodes=nodes, **state))
    }


def test_host_ports() -> None:
    spec = replace(SPEC, host_ports=(HostPort(number=80), HostPort(number=81)))
    other = pod("other", host_ports=(HostPort(ip="10.0.0.1", number=80),))
    assert judge(spec, node("free"), node("taken", other)) == {
        "free": [],
        "taken": ["hostPort 80/TCP | default/other has 10.0.0.1:80/TCP"],
    }
    # The kubelet also refuses a pod that names its node.
    assert judge(replace(spec, node_name="taken"), node("taken", other))["taken"] != []


def test_affinity() -> None:
    spec = replace(SPEC, pod_affinity=(term(),), labels={"app": "db"})
    wanted = "a pod with app=web in the same zone"
    assert judge(spec, node("a"), node("b", pod("web"), zone="b"), node("none", zone=None)) == {
        "b": [],
        "a": [f"{wanted} | no such pod in a"],
        "none": [f"{wanted} | no label zone"],
    }
    # One pod must match all terms.
    both = replace(spec, pod_affinity=(term(), term(labelSelector={"matchLabels": {"tier": "x"}})))
    tier = pod("tier", labels={"tier": "x"})
    assert judge(both, node("a", pod("web"), tier))["a"] != []
    assert judge(both, node("a", pod("all", labels={"app": "web", "tier": "x"})))["a"] == []
    assert judge(replace(spec, node_name="a"), node("a"))["a"] == []


def test_the_first_pod_of_its_group() -> None:
    spec = replace(SPEC, pod_affinity=(term(),))
    assert judge(spec, node("a"), node("none", zone=None)) == {
        "a": [],
        "none": ["a pod with app=web in the same zone | no label zone"],
    }
    assert judge(spec, node("a"), node("b", pod("web"), zone="b"))["a"] != []
    assert judge(replace(spec, namespace="other"), node("a"), node("b", pod("web"), zone="b"))["a"] == []


def test_anti_affinity_in_both_directions() -> None:
    spec = replace(SPEC, pod_anti_affinity=(term(),))
    nodes = (node("a", pod("web")), node("b", zone="b"), node("none", pod("web"), zone=None))
    assert judge(spec, *nodes) == {
        "b": [],
        "none": [],
        "a": ["not a pod with app=web in the same zone | default/web runs there"],
    }
    shy = pod("shy", labels={}, anti_affinity=(term().resolve("default", {}),))
    assert judge(SPEC, node("a", shy), node("b", zone="b")) == {
        "b": [],
        "a": ["no podAntiAffinity against it | default/shy wants no pod with app=web in the same zone"],
    }
    assert judge(replace(SPEC, namespace="other"), node("a", shy))["a"] == []


def test_a_pod_does_not_keep_itself_away() -> None:
    spec = replace(SPEC, pod_anti_affinity=(term(),), name="web", current_node="a")
    assert judge(spec, node("a", pod("web")))["a"] == []


def test_unknown_namespaces() -> None:
    chosen = term(namespaces=["x"], namespaceSelector={"matchLabels": {"team": "a"}})
    hint = "namespaceSelector: the labels of the namespaces are unknown"
    near, apart = replace(SPEC, pod_affinity=(chosen,)), replace(SPEC, pod_anti_affinity=(chosen,))
    there = node("a", pod("web", namespace="y"))
    assert judge(near, there)["a"] == [f"? podAffinity: {hint}"]
    assert judge(near, there, namespaces={"y": {"team": "a"}})["a"] == []
    assert judge(near, node("a", pod("web", namespace="x")))["a"] == []
    assert judge(near, node("a"))["a"] == [f"? podAffinity: {hint}"]
    assert judge(replace(near, labels={}), node("a"))["a"] != []
    assert judge(apart, there)["a"] == [f"? podAntiAffinity against y/web: {hint}"]
    assert judge(apart, there, namespaces={"y": {"team": "b"}})["a"] == []
    shy = pod("shy", labels={}, anti_affinity=(chosen,))
    assert judge(SPEC, node("a", shy))["a"] == [
        f"? podAntiAffinity against default/shy wants no pod with app=web: {hint}"
    ]


def spread(**members: Any) -> SchedulingSpec:
    constraint = {"max_skew": 1, "topology_key": ZONE, "selector": parse("app=web"), **members}
    return replace(SPEC, spread_constraints=(SpreadConstraint(**constraint),))


def test_spread() -> None:
    nodes = (node("a", pod("web")), node("b", zone="b"), node("none", pod("web"), zone=None))
    found = {
        "b": [],
        "a": ["maxSkew 1 of app=web per zone | 1 in a, the fewest is 0"],
        "none": ["maxSkew 1 of app=web per zone | no label zone"],
    }
    assert judge(spread(), *nodes) == found
    assert judge(spread(max_skew=2), *nodes)["a"] == []
    # A pod that the constraint does not mean may join one that it means.
    assert judge(replace(spread(), labels={}), *nodes)["a"] == []
    assert judge(spread(selector=None), *nodes)["a"] == []
    assert judge(spread(selector=parse("")), *nodes)["a"] == []
    assert judge(replace(spread(), namespace="other"), *nodes)["a"] == []
    assert judge(spread(min_domains=3), *nodes)["b"] == []
    assert judge(spread(min_domains=3), nodes[0])["a"] != []
    assert judge(spread(min_domains=2), node("a", pod("web")), node("b", pod("web"), zone="b"))["a"] == []


@pytest.mark.parametrize("is_terminating", [True, False])
def test_spread_does_not_count_what_is_being_deleted(is_terminating: bool) -> None:
    there = node("a", pod("web", is_terminating=is_terminating))
    assert (judge(spread(), there, node("b", zone="b"))["a"] == []) is is_terminating


def test_spread_over_a_revision() -> None:
    old, new = ({"app": "web", "hash": each} for each in ("old", "new"))
    spec = replace(spread(match_label_keys=("hash",)), labels=new)
    assert judge(spec, node("a", pod("web", labels=old)), node("b", zone="b"))["a"] == []
    assert judge(spec, node("a", pod("web", labels=new)), node("b", zone="b"))["a"] == [
        "maxSkew 1 of app=web,hash=new per zone | 1 in a, the fewest is 0"
    ]


def test_nodes_that_do_not_count_for_the_spread() -> None:
    only_a = (Requirement(key=ZONE, operator="In", values=("a",)),)
    nodes = (node("a", pod("web")), node("b", zone="b"))
    assert judge(replace(spread(), node_selector=only_a), *nodes)["a"] == []
    assert judge(replace(spread(is_affinity_honored=False), node_selector=only_a), *nodes)["a"] != []
    tainted = replace(nodes[1], taints=(Taint(key="x", effect="NoSchedule"),))
    assert judge(spread(), nodes[0], tainted)["a"] != []
    assert judge(spread(are_taints_honored=True), nodes[0], tainted)["a"] == []


def test_unknown_pods() -> None:
    spec = replace(
        spread(), host_ports=(HostPort(number=80),), pod_affinity=(term(),), pod_anti_affinity=(term(),)
    )
    unknown = "the pods on the nodes are unknown; pass --pods with the output of kubectl get pods -A -o json"
    found = judge(spec, node("a", is_counted=False), node("none", zone=None, is_counted=False))
    fields = ("hostPort", "podAffinity", "podAntiAffinity", "topologySpreadConstraints")
    assert found["a"] == [f"? {name}: {unknown}" for name in fields]
    assert [text.partition(" | ")[2] for text in found["none"]] == ["no label zone", "no label zone"]


def test_a_simulated_machine_lacks_the_labels_of_others() -> None:
    machine = Node(name="m", is_simulated=True)
    hint = "a simulated machine has no label zone"
    assert judge(spread(), machine)["m"] == [f"? topologySpreadConstraints: {hint}"]
    assert judge(spread(topology_key=HOSTNAME), machine)["m"] == []
    assert judge(replace(SPEC, pod_affinity=(term(),)), machine)["m"] == [f"? podAffinity: {hint}"]
    apart = replace(SPEC, pod_anti_affinity=(term(),))
    assert judge(apart, machine)["m"] == []
    full = place_pods(machine, [pod("web")])
    assert judge(apart, full)["m"] == [f"? podAntiAffinity: {hint}"]
    assert judge(replace(SPEC, pod_anti_affinity=(term(topologyKey=HOSTNAME),)), full)["m"] != []


def victims(spec: SchedulingSpec, *pods: BoundPod, **state: Any) -> tuple[list[str], tuple[str, ...]]:
    """Return the pods to evict from the only node, and what is unjudged."""
    verdict: Verdict = compare(spec, ClusterState(nodes=[node("a", *pods)], **state))[0]
    return [each.name for each in verdict.preempts], verdict.unjudged


def test_preemption() -> None:
    spec = replace(SPEC, requests={GPU: 3}, priority=Priority(value=100))
    low = [
        pod(f"low-{n}", requests={GPU: 2}, priority=n, started_at=f"2026-01-01T00:00:0{n}Z") for n in (1, 2)
    ]
    high = pod("high", requests={GPU: 4}, priority=100)
    assert victims(spec, *low, high) == (
        ["low-2", "low-1"],
        ("priority: would fit after preempting default/low-2 (priority 2), default/low-1 (priority 1)",),
    )
    # The more important one is spared.
    assert victims(replace(spec, requests={GPU: 2}), *low, high)[0] == ["low-1"]
    assert victims(replace(spec, requests={GPU: 5}), *low, high)[0] == []
    assert victims(replace(spec, priority=Priority(value=100, policy="Never")), *low, high)[0] == []
    assert victims(replace(spec, priority=Priority(value=1)), *low, high)[0] == []
    # Of equal ones, the one that started earlier is spared; one that has not started is the latest.
    equal = [
        replace(each, priority=1) for each in (low[1], low[0], replace(low[0], name="new", started_at=""))
    ]
    assert victims(replace(spec, requests={GPU: 4}), *equal)[0] == ["new"]


def test_preemption_frees_ports_and_domains() -> None:
    other = pod("low", host_ports=(HostPort(number=80),))
    spec = replace(SPEC, priority=Priority(value=1))
    assert victims(replace(spec, host_ports=(HostPort(number=80),)), other)[0] == ["low"]
    assert victims(replace(spec, pod_anti_affinity=(term(),)), other)[0] == ["low"]
    assert victims(replace(spec, pod_affinity=(term(labelSelector={}, topologyKey="rack"),)), other)[0] == []


def test_priority_classes() -> None:
    low = pod("low", requests={GPU: 8}, priority=10, priority_class="low")
    spec = replace(SPEC, requests={GPU: 1}, priority=Priority(class_name="high"))
    unknown = "the priority of high is unknown; kubectl get priorityclass high shows it"
    victim = "would fit after preempting default/low (priority 10)"
    text = f"priorityClassName: {unknown}; if it is high enough, the pod {victim}"
    assert victims(spec, low) == (["low"], (text,))
    high = PriorityClass(name="high", value=11, policy="PreemptLowerPriority")
    assert victims(spec, low, priority_classes=[high])[0] == ["low"]
    assert victims(spec, low, priority_classes=[replace(high, value=10)])[0] == []
    assert victims(spec, low, priority_classes=[replace(high, policy="Never")])[0] == []
    # Another pod tells the value of its class.
    known = pod("known", priority=5, priority_class="high")
    assert victims(spec, low, known)[0] == []
    critical = replace(spec, priority=Priority(class_name="system-node-critical"))
    assert victims(critical, low)[0] == ["low"]
    nothing = replace(spec, priority=Priority())
    assert victims(nothing, low)[0] == []
    assert victims(nothing, low, priority_classes=[replace(high, is_default=True)])[0] == ["low"]


def test_evicted_pods_leave_the_state() -> None:
    low, other = pod("low", requests={GPU: 8}), pod("other", requests={})
    state = ClusterState(nodes=[node("a", low, other)]).evict((low,), "a")
    assert [each.name for each in state.nodes[0].pods] == ["other"]
    assert state.nodes[0].free(GPU) == 8
