"""gfd match agrees with a real kube-scheduler about other pods: which are in the way, which give way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cluster import random_neighbours
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.extender import Extender
from tests.cluster.random_clusters import create_neighbours
from tests.cluster.scheduling import (
    Object,
    ask,
    create_pods,
    is_refused,
    match_each,
    refuse,
    start_scheduler,
)
from tests.tools.match.podspec import pod_refusals
from tests.tools.match.podspec.refusals import make_pod

pytestmark = pytest.mark.cluster

NAMES = [f"gpu-{number}" for number in range(12)]
PODS_ASKED, PODS_SPOILT = 400, 500
REFUSALS = (400, 403, 422)
"""The admission plugin Priority forbids a priority that is not that of the PriorityClass."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, extender: Extender) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("neighbours")) as started:
        create_neighbours(started.admin, Random(11), NAMES)
        start_scheduler(started, {"urlPrefix": extender.url, "preemptVerb": "preempt"})
        yield started
        started.check()


def test_the_same_nodes_fit_and_the_same_pods_give_way(
    plane: ControlPlane, extender: Extender, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, started_s, api = Random(12), time.monotonic(), plane.admin
    pods = [random_neighbours.make_pod(random, f"asked-{number}") for number in range(PODS_ASKED)]
    answers = match_each(plane, tmp_path, pods)
    running = {each["metadata"]["uid"]: each["metadata"]["name"] for each in api.list("/api/v1/pods")}
    create_pods(api, pods)

    def are_done() -> bool:
        time.sleep(1)
        return sum(is_refused(each) for each in api.list("/api/v1/pods")) == PODS_ASKED

    wait_for(are_done, f"the scheduler to look at {PODS_ASKED} pods", patience_s=300)
    # Whatever passes no filter is never told to an extender.
    told = {name: extender.passed.get(name, {frozenset[str]()}) for name in answers}
    own = {
        name: {frozenset(each["name"] for each in answer["nodes"] if each["verdict"] == "fits")}
        for name, answer in answers.items()
    }
    assert explain(pods, told, own) == {}
    given_way = {
        name: {
            node: frozenset(running[uid] for uid in uids)
            for node, uids in extender.evicted.get(name, {}).items()
        }
        for name in answers
    }
    own_victims = {
        name: {
            each["name"]: frozenset(victim["name"] for victim in each["preempts"])
            for each in answer["nodes"]
            if each["preempts"]
        }
        for name, answer in answers.items()
    }
    assert explain(pods, given_way, own_victims) == {}
    sizes = [len(next(iter(each))) for each in own.values()]
    with capsys.disabled():
        print(
            f"\n{len(pods)} pods x {len(NAMES)} nodes: {sum(sizes)} pairs fit,"
            f" {sum(map(len, own_victims.values()))} only by preemption, {sizes.count(0)} pods fit nowhere,"
            f" {sizes.count(len(NAMES))} everywhere; {time.monotonic() - started_s:.0f} s"
        )
    # A comparison of extremes would say little.
    assert sum(0 < size < len(NAMES) for size in sizes) > PODS_ASKED / 3
    assert sum(map(len, own_victims.values())) > PODS_ASKED / 2


def explain(pods: list[Object], theirs: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the pods about which the scheduler and gfd say different things, and what each says."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    return {
        json.dumps(by_name[name]): {"scheduler": theirs[name], "gfd": own[name]}
        for name in by_name
        if theirs[name] != own[name]
    }


@pytest.mark.parametrize("patch", pod_refusals.REFUSED)
def test_the_api_server_refuses_what_gfd_refuses(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, make_pod(patch), *REFUSALS) != ""


@pytest.mark.parametrize("patch", pod_refusals.ACCEPTED)
def test_the_api_server_accepts_what_gfd_accepts(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, make_pod(patch), *REFUSALS) == ""


def test_gfd_and_the_api_server_refuse_the_same_pods(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, file = Random(14), tmp_path / "pod.json"
    own: dict[str, str] = {}
    servers: dict[str, str] = {}
    for number in range(PODS_SPOILT):
        pod = random_neighbours.spoil(random, random_neighbours.make_pod(random, f"spoilt-{number}"))
        text = json.dumps(pod)
        file.write_text(text)
        servers[text] = ask(plane.admin, pod, *REFUSALS)
        own[text] = refuse(file)
    assert {
        text: (said, servers[text]) for text, said in own.items() if bool(said) != bool(servers[text])
    } == {}
    with capsys.disabled():
        print(f"\n{PODS_SPOILT} spoilt pods, {sum(map(bool, own.values()))} of them refused by both")
