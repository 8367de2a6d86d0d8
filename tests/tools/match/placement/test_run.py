"""Copies that decide about each other's nodes: compared with all outcomes of small random clusters."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from gfd.clusterview.affinity_terms import PodAffinityTerm
from gfd.clusterview.bound_pods import BoundPod
from gfd.clusterview.host_ports import HostPort
from gfd.clusterview.nodes import Node
from gfd.kube.requirements import Requirement
from gfd.kube.selectors import parse
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Answer, compare
from gfd.tools.match.judge.topology import HOSTNAME
from gfd.tools.match.manifests.pods import Pod
from gfd.tools.match.placement.run import place
from gfd.tools.match.podspec.scheduling import Priority, SchedulingSpec, SpreadConstraint

GPU, ZONE = "nvidia.com/gpu", "zone"
FITS, MAY_FIT, NO = Answer


def make_node(name: str, gpus: int, zone: str = "a", pods: tuple[BoundPod, ...] = ()) -> Node:
    requested = {GPU: sum(each.requests.get(GPU, 0) for each in pods)}
    labels = {HOSTNAME: name, ZONE: zone}
    return Node(name=name, allocatable={GPU: gpus, "pods": 9}, labels=labels, requested=requested, pods=pods)


def make_pod(copies: int = 1, app: str = "x", name: str = "p", **spec: Any) -> Pod:
    fields: dict[str, Any] = {"requests": {GPU: 1}, "labels": {"app": app}, "name": name}
    return Pod(
        kind="Deployment",
        name=name,
        namespace="",
        part="",
        file="f",
        line=1,
        spec=SchedulingSpec(**fields | spec),
        notes=(),
        copies=copies,
    )


def term(key: str, selector: str = "app=x") -> PodAffinityTerm:
    return PodAffinityTerm(topology_key=key, selector=parse(selector))


def spread(key: str, skew: int = 1, **rest: Any) -> SpreadConstraint:
    return SpreadConstraint(max_skew=skew, topology_key=key, selector=parse("app=x"), **rest)


def find_outcomes(pods: list[Pod], state: ClusterState) -> list[set[int]]:
    """Return for each pod how many of its copies get a node, in all runs of a scheduler that can choose."""
    states, found = [state], []
    for pod in pods:
        current = {str(each): (each, {0}) for each in states}
        for _ in range(pod.copies):
            following: dict[str, tuple[ClusterState, set[int]]] = {}
            for each, counts in current.values():
                names = [verdict.node.name for verdict in compare(pod.spec, each) if verdict.fits]
                moves = [(each.bind(pod.spec, name), {count + 1 for count in counts}) for name in names]
                for after, numbers in moves or [(each, counts)]:
                    following.setdefault(str(after), (after, set()))[1].update(numbers)
            current = following
        states = [each for each, _ in current.values()]
        found.append({count for _, counts in current.values() for count in counts})
    return found


def bounds(pods: list[Pod], *nodes: Node) -> list[tuple[int, int]]:
    return [(each.at_least, each.at_most) for each in place(pods, ClusterState(nodes=nodes))]


NODES = (make_node("n1", 2, "a"), make_node("n2", 1, "a"), make_node("n3", 4, "b"))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"pod_anti_affinity": (term(HOSTNAME),)}, (3, 3)),
        ({"pod_anti_affinity": (term(ZONE),)}, (2, 2)),
        ({"pod_affinity": (term(ZONE),)}, (3, 4)),
        ({"spread_constraints": (spread(ZONE),)}, (5, 5)),
        ({"spread_constraints": (spread(ZONE, min_domains=3),)}, (2, 2)),
        ({"host_ports": (HostPort(number=80),)}, (3, 3)),
        ({"pod_anti_affinity": (term(HOSTNAME),), "spread_constraints": (spread(ZONE),)}, (3, 3)),
        ({"pod_anti_affinity": (term(ZONE, "app=y"),)}, (5, 5)),
        ({"spread_constraints": (spread(ZONE), spread(HOSTNAME))}, (1, 5)),
    ],
)
def test_copies_that_decide_about_each_other(spec: dict[str, Any], expected: tuple[int, int]) -> None:
    pod = make_pod(5, **spec)
    assert bounds([pod], *NODES) == [expected]
    (outcomes,) = find_outcomes([pod], ClusterState(nodes=NODES))
    assert expected[0] <= min(outcomes)
    assert max(outcomes) <= expected[1]
    assert len(outcomes) > 1 or expected[0] == expected[1] or len(spec["spread_constraints"]) == 2


def test_the_reason_is_told() -> None:
    (placement,) = place([make_pod(4, pod_affinity=(term(ZONE),))], ClusterState(nodes=NODES))
    assert (placement.answer, placement.uncertain[0].partition(":")[0]) == (MAY_FIT, "copies")


def test_pods_that_wait_for_another_pod_of_the_run() -> None:
    leader = make_pod(app="leader", name="leader")
    worker = make_pod(name="worker", pod_affinity=(term(ZONE, "app=leader"),), requests={GPU: 3})
    placements = place([leader, worker], ClusterState(nodes=NODES))
    assert [each.answer for each in placements] == [FITS, MAY_FIT]
    texts = [each.unjudged for each in placements[1].verdicts if each.is_possible]
    assert all("the nodes of Deployment leader (f:1) decide" in text for (text,) in texts)
    assert place([worker], ClusterState(nodes=NODES))[0].answer is NO


def test_ports_of_different_addresses() -> None:
    every, one, other = (
        make_pod(name=str(number), host_ports=(HostPort(number=80, ip=ip),))
        for number, ip in enumerate(("0.0.0.0", "10.0.0.1", "10.0.0.2"))
    )
    node = make_node("n", 4)
    assert bounds([one, other], node) == [(1, 1), (1, 1)]
    assert bounds([every, one], node) == [(1, 1), (0, 1)]
    assert bounds([every, replace(every, name="q")], node) == [(1, 1), (0, 0)]


def test_earlier_pods_that_leave_room_are_not_named() -> None:
    first, second = (make_pod(name=name, unjudged=("volumes: unknown",)) for name in ("p", "q"))
    placements = place([first, second], ClusterState(nodes=[make_node("n", 8)]))
    assert [each.answer for each in placements] == [MAY_FIT, MAY_FIT]
    assert placements[1].uncertain == ()
    assert placements[1].verdicts[0].unjudged == ("volumes: unknown",)


def test_a_node_that_does_not_limit_its_pods() -> None:
    node = replace(make_node("n", 8), allocatable={GPU: 8})
    pods = [make_pod(copies, name=str(copies), requests={}) for copies in (100, 11)]
    placements = place(pods, ClusterState(nodes=[node]))
    assert [(each.at_least, each.at_most) for each in placements] == [(100, 100), (10, 11)]
    assert placements[1].uncertain == ("pods: a node does not say how many pods it allows",)


def test_pods_of_lower_priority_can_be_preempted() -> None:
    low = BoundPod(node="n1", namespace="team", name="low", requests={GPU: 2, "pods": 1}, priority=-1)
    node = make_node("n1", 4, pods=(low,))
    pod = make_pod(2, requests={GPU: 2})
    (placement,) = place([pod], ClusterState(nodes=[node]))
    assert (placement.answer, placement.at_least, placement.at_most) == (MAY_FIT, 1, 2)
    assert placement.uncertain[0].startswith("priority: ")
    (full,) = place([make_pod(requests={GPU: 4})], ClusterState(nodes=[node]))
    assert (full.answer, full.at_least, full.at_most) == (MAY_FIT, 0, 1)
    urgent = make_pod(name="urgent", requests={GPU: 2}, priority=Priority(value=10))
    assert bounds([pod, urgent], make_node("n1", 2)) == [(0, 0), (1, 1)]


def make_random_pod(random: Random, number: int) -> Pod:
    other = random.choice(("app=x", "app=y"))
    spec: dict[str, Any] = {"requests": {GPU: random.choice((1, 2))}}
    key = random.choice((ZONE, HOSTNAME))
    kind = random.choice(("", "", "anti", "near", "spread", "port", "both"))
    if kind in ("anti", "both"):
        spec["pod_anti_affinity"] = (term(key, other),)
    if kind == "near":
        spec["pod_affinity"] = (term(key, other),)
    if kind in ("spread", "both"):
        spec["spread_constraints"] = (spread(ZONE, random.choice((1, 2))),)
    if kind == "port":
        spec["host_ports"] = (HostPort(number=80, ip=random.choice(("0.0.0.0", "10.0.0.1"))),)
    if random.random() < 0.3:
        requirement = Requirement(key=ZONE, operator="In", values=(random.choice("ab"),), is_shorthand=True)
        spec["node_selector"] = (requirement,)
    return make_pod(random.choice((1, 2, 3)), app=random.choice("xy"), name=f"p{number}", **spec)


@pytest.mark.parametrize("seed", range(150))
def test_no_outcome_is_outside_the_bounds(seed: int) -> None:
    random = Random(seed)
    labels = {"app": random.choice("xy")}
    bound = BoundPod(node="n0", namespace="default", name="r", labels=labels, requests={"pods": 1})
    nodes = [
        make_node(
            f"n{number}", random.choice((1, 2, 4)), random.choice("ab"), (bound,) * (random.random() < 0.2)
        )
        for number in range(3)
    ]
    pods = [make_random_pod(random, number) for number in range(random.choice((1, 1, 2)))]
    outcomes = find_outcomes(pods, ClusterState(nodes=nodes))
    for (low, high), found in zip(bounds(pods, *nodes), outcomes, strict=True):
        assert low <= min(found)
        assert max(found) <= high
