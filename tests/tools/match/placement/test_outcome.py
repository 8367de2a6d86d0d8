"""How many copies of the pods of one run fit; tests/cluster compares the numbers with a real scheduler."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gfd.clusterview.nodes import Node, Taint
from gfd.kube.requirements import Requirement
from gfd.tools.match.judge.cluster_state import ClusterState
from gfd.tools.match.judge.fit import Answer
from gfd.tools.match.manifests.pods import Pod
from gfd.tools.match.placement.outcome import PodPlacement
from gfd.tools.match.placement.run import place, place_alone
from gfd.tools.match.podspec.scheduling import SchedulingSpec

GPU = "nvidia.com/gpu"
FITS, MAY_FIT, NO = Answer


def make_node(name: str, gpus: int, **rest: Any) -> Node:
    return Node(name=name, allocatable={GPU: gpus, "cpu": 8000}, labels={"name": name}, **rest)


def make_pod(gpus: int = 1, copies: int = 1, on: str = "", **rest: Any) -> Pod:
    selector = (Requirement(key="name", operator="In", values=(on,), is_shorthand=True),) if on else ()
    spec = SchedulingSpec(requests={GPU: gpus}, node_selector=selector, **rest.pop("spec", {}))
    fields: dict[str, Any] = {"kind": "Deployment", "name": "p", "namespace": "", "part": "", "line": 1}
    return Pod(spec=spec, notes=(), copies=copies, file="f", **fields | rest)


def count(placements: list[PodPlacement]) -> list[tuple[Answer, int, int]]:
    return [(each.answer, each.at_least, each.at_most) for each in placements]


def place_on(pods: list[Pod], *nodes: Node) -> list[tuple[Answer, int, int]]:
    return count(place(pods, ClusterState(nodes=nodes)))


def test_copies_take_their_devices() -> None:
    nodes = make_node("a", 4), make_node("b", 3)
    assert place_on([make_pod(2, 3)], *nodes) == [(FITS, 3, 3)]
    assert place_on([make_pod(2, 4)], *nodes) == [(NO, 3, 3)]
    (placement,) = place([make_pod(2, 4)], ClusterState(nodes=nodes))
    assert placement.rooms == {"a": 2, "b": 1}
    assert placement.wanted == 4


def test_several_pods_of_a_run_take_devices_from_each_other() -> None:
    assert place_on([make_pod(4), make_pod(4)], make_node("a", 4)) == [(FITS, 1, 1), (NO, 0, 0)]
    assert place_on([make_pod(4), make_pod(4)], make_node("a", 4), make_node("b", 8)) == [(FITS, 1, 1)] * 2
    low, high = make_pod(4), make_pod(4, on="a")
    assert place_on([high, low], make_node("a", 4), make_node("b", 4)) == [(FITS, 1, 1)] * 2


def test_what_depends_on_the_choice_of_the_scheduler_is_not_certain() -> None:
    placements = place([make_pod(1), make_pod(8)], ClusterState(nodes=[make_node("a", 8), make_node("b", 1)]))
    assert count(placements) == [(FITS, 1, 1), (MAY_FIT, 0, 1)]
    assert [each.answer for each in placements[1].verdicts] == [MAY_FIT, NO]
    assert placements[1].verdicts[0].unjudged == (
        "earlier pods: Deployment p (f:1) may take what the pod needs on the node",
    )
    placements = place([make_pod(1), make_pod(8)], ClusterState(nodes=[make_node("a", 8), make_node("b", 8)]))
    assert count(placements) == [(FITS, 1, 1)] * 2
    assert [(each.node.name, each.answer) for each in placements[1].verdicts] == [("b", FITS), ("a", MAY_FIT)]
    assert placements[1].rivals == ()


def test_a_node_that_earlier_pods_surely_take_says_no() -> None:
    placements = place([make_pod(4), make_pod(4)], ClusterState(nodes=[make_node("a", 4)]))
    ((verdict,), (taken,)) = (each.verdicts for each in placements)
    assert (verdict.answer, taken.answer) == (FITS, NO)
    assert [each.found for each in taken.mismatches] == ["0 of 4 free"]


def test_a_pod_that_runs_already_takes_nothing_more() -> None:
    node = make_node("a", 4, requested={GPU: 4})
    running = make_pod(4, spec={"current_node": "a"})
    assert place_on([running, make_pod(1)], node) == [(FITS, 1, 1), (NO, 0, 0)]
    assert place_on([make_pod(8, spec={"current_node": "a"})], node) == [(NO, 0, 0)]


def test_a_daemon_set_places_one_pod_on_each_suitable_node() -> None:
    tainted = make_node("c", 4, taints=(Taint(key="a", effect="NoSchedule"),))
    daemon = make_pod(2, kind="DaemonSet")
    nodes = make_node("a", 4), make_node("b", 4), tainted
    assert place_on([daemon], *nodes) == [(FITS, 2, 2)]
    assert place_on([daemon], *nodes, make_node("d", 1)) == [(NO, 2, 2)]
    others = [replace(daemon, name=name) for name in ("q", "r")]
    assert place_on([daemon, *others], *nodes) == [(FITS, 2, 2)] * 2 + [(NO, 0, 0)]
    assert place_on([daemon], tainted) == [(NO, 0, 0)]


def test_a_gang_fits_only_as_a_whole() -> None:
    leader, workers = (
        make_pod(1, copies, kind="LeaderWorkerSet", gang="LeaderWorkerSet llama") for copies in (1, 3)
    )
    placements = place([leader, workers, make_pod(1)], ClusterState(nodes=[make_node("a", 3)]))
    # Whether the incomplete gang holds the devices depends on its scheduler.
    assert count(placements) == [(NO, 1, 1), (NO, 2, 2), (MAY_FIT, 0, 1)]
    gang = placements[0].gang
    assert gang
    assert (gang.name, gang.wanted, gang.minimum, gang.at_least) == ("LeaderWorkerSet llama", 4, 4, 3)
    assert place_on([leader, workers], make_node("a", 4)) == [(FITS, 1, 1), (FITS, 3, 3)]


def test_a_gang_that_may_start_with_fewer_pods() -> None:
    workers = make_pod(1, 4, gang="Job j", minimum=3)
    assert place_on([workers], make_node("a", 3)) == [(MAY_FIT, 3, 3)]
    assert place_on([workers], make_node("a", 2)) == [(NO, 2, 2)]
    assert place_on([make_pod(1, 2, gang="Job j", minimum=9)], make_node("a", 2)) == [(FITS, 2, 2)]


def test_one_pod_alone() -> None:
    state = ClusterState(nodes=[make_node("a", 2)])
    assert count([place_alone(make_pod(2, 3, gang="g"), state)]) == [(FITS, 1, 1)]


def test_no_copies_and_no_nodes() -> None:
    assert place_on([make_pod(8, 0)], make_node("a", 1)) == [(FITS, 0, 0)]
    assert place_on([make_pod(8, 0)]) == [(NO, 0, 0)]
    assert place_on([make_pod()]) == [(NO, 0, 0)]
    assert place([], ClusterState(nodes=[])) == []


@pytest.mark.parametrize("copies", [10_000, 40_000])
def test_many_copies(copies: int) -> None:
    nodes = [make_node(f"n{number:04}", 8) for number in range(2500)]
    (placement,) = place([make_pod(1, copies)], ClusterState(nodes=nodes))
    assert (placement.at_least, placement.at_most) == (min(copies, 20_000),) * 2
