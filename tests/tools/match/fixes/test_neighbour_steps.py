"""Fixes for pods that other pods keep away; each edit is tried here again."""

from __future__ import annotations

from gfd.clusterview.affinity_terms import PodAffinityTerm
from gfd.clusterview.bound_pods import BoundPod
from gfd.clusterview.host_ports import HostPort
from gfd.clusterview.nodes import Node
from gfd.kube.selectors import parse
from gfd.tools.match.podspec.scheduling import SchedulingSpec, SpreadConstraint
from tests.tools.match.fixes.fixing import list_fixes

PORT = HostPort(number=8080)
HOST = "kubernetes.io/hostname"
REQUIRED, PREFERRED = (f"{each}DuringSchedulingIgnoredDuringExecution" for each in ("required", "preferred"))
WHY = "a preferred term, which needs a weight, does not keep the pod away"
TERM = PodAffinityTerm(topology_key=HOST, selector=parse("app=web"), namespaces=frozenset({"default"}))


def node(*pods: BoundPod) -> Node:
    return Node(name="a", labels={HOST: "a"}, pods=pods)


def web(**members: object) -> BoundPod:
    return BoundPod(node="a", namespace="default", name="web", labels={"app": "web"}, **members)  # type: ignore[arg-type]


def test_a_port_that_another_pod_has() -> None:
    spec = SchedulingSpec(host_ports=(PORT, HostPort(number=9090)))
    assert list_fixes(spec, node(web(host_ports=(PORT,)))) == [
        ([], ["has hostPort 8080/TCP free"], ["a"]),
        ([("hostPort 8080/TCP", "", "a Service reaches the pod without it", 0)], [], ["a"]),
    ]


def test_a_pod_that_must_not_be_there() -> None:
    spec = SchedulingSpec(pod_anti_affinity=(TERM,))
    assert list_fixes(spec, node(web())) == [
        ([], [f"has no pod with app=web in the same {HOST}"], ["a"]),
        ([(f"podAntiAffinity.{REQUIRED}", f"podAntiAffinity.{PREFERRED}", WHY, 0)], [], ["a"]),
    ]
    unwanted = SchedulingSpec(labels={"app": "web"})
    assert list_fixes(unwanted, node(web(anti_affinity=(TERM,)))) == [
        ([], ["has no pod whose podAntiAffinity excludes this one"], ["a"])
    ]


def test_a_pod_that_must_be_there() -> None:
    assert list_fixes(SchedulingSpec(pod_affinity=(TERM,)), node()) == [
        ([], [f"has a pod with app=web in the same {HOST}"], ["a"]),
        ([(f"podAffinity.{REQUIRED}", f"podAffinity.{PREFERRED}", WHY, 0)], [], ["a"]),
    ]


def test_pods_that_are_spread_unevenly() -> None:
    kept = SpreadConstraint(max_skew=1, topology_key=HOST, selector=parse("app=web"))
    broken = SpreadConstraint(max_skew=1, topology_key="rack", selector=parse("app=web"))
    assert list_fixes(SchedulingSpec(spread_constraints=(kept, broken)), node()) == [
        (
            [
                (
                    "whenUnsatisfiable: DoNotSchedule",
                    "whenUnsatisfiable: ScheduleAnyway",
                    "maxSkew 1 of app=web per rack keeps the pod away",
                    0,
                )
            ],
            [],
            ["a"],
        )
    ]
