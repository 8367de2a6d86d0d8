"""gfd match agrees with a real kube-scheduler about nodes, and with a real API server about illegal pods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.cluster import random_pods
from tests.cluster.controlplane import ControlPlane, control_plane
from tests.cluster.extender import Extender
from tests.cluster.objects import NODES
from tests.cluster.random_clusters import create_nodes
from tests.cluster.scheduling import (
    MERGE,
    Object,
    ask,
    create_pods,
    fitting,
    match_each,
    refuse,
    start_scheduler,
    wait_until_looked_at,
)
from tests.tools.match.podspec import refusals

pytestmark = pytest.mark.cluster

NODE_NAMES = [f"gpu-{number}" for number in range(12)]
PODS_ASKED, PODS_PLACED, PODS_SPOILT = 400, 60, 400
REFUSALS = (400, 422)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, extender: Extender) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("match")) as started:
        create_nodes(started.admin, Random(1), NODE_NAMES)
        # Of the chosen node only the preferred affinity is to be seen.
        only = {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeAffinity"}]}
        profiles = [
            {"schedulerName": "default-scheduler"},
            {"schedulerName": "by-affinity", "plugins": {"preScore": only, "score": only}},
        ]
        start_scheduler(started, {"urlPrefix": extender.url}, profiles=profiles)
        yield started
        started.check()


def test_the_same_nodes_fit(
    plane: ControlPlane, extender: Extender, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, started_s = Random(2), time.monotonic()
    pods = [random_pods.make_pod(random, f"asked-{number}", NODE_NAMES) for number in range(PODS_ASKED)]
    answers = match_each(plane, tmp_path, pods)
    create_pods(plane.admin, pods)
    wait_until_looked_at(plane.admin, "asked-", PODS_ASKED)
    # Whatever passes no filter is never told to an extender.
    told = {pod["metadata"]["name"]: {frozenset[str]()} for pod in pods} | extender.passed
    sizes = [len(fitting(answers[name])) for name in told]
    assert {name: told[name] for name in answers} == {name: {fitting(each)} for name, each in answers.items()}
    with capsys.disabled():
        print(
            f"\n{len(pods)} pods x {len(NODE_NAMES)} nodes = {len(pods) * len(NODE_NAMES)} pairs compared,"
            f" {sum(sizes)} of them fit, {sizes.count(0)} pods fit nowhere,"
            f" {sizes.count(len(NODE_NAMES))} everywhere; {time.monotonic() - started_s:.0f} s"
        )
    # A comparison of extremes would say little.
    assert sum(0 < size < len(NODE_NAMES) for size in sizes) > PODS_ASKED / 4


def test_the_best_node_is_preferred(plane: ControlPlane, tmp_path: Path) -> None:
    random = Random(3)
    for name in NODE_NAMES:  # all the pods have room on each of them
        room = {"status": {"allocatable": {"pods": "500"}}}
        plane.admin.request("PATCH", f"{NODES}/{name}/status", room, content_type=MERGE)
    pods = []
    for number in range(PODS_PLACED):
        pod = random_pods.make_pod(random, f"placed-{number}", NODE_NAMES)
        preferred = {
            "preferredDuringSchedulingIgnoredDuringExecution": random_pods.make_preferences(
                random, NODE_NAMES
            )
        }
        # They take no devices, so that none of them is in another's way.
        pod["spec"] = {
            "schedulerName": "by-affinity",
            "containers": [{"name": "main", "image": "none"}],
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": preferred},
        }
        pods.append(pod)
    answers = match_each(plane, tmp_path, pods)
    create_pods(plane.admin, pods)
    placed = wait_until_looked_at(plane.admin, "placed-", PODS_PLACED)
    for name, answer in answers.items():
        best = answer["nodes"][0]["score"]
        first = {each["name"] for each in answer["nodes"] if each["score"] == best}
        assert placed[name]["spec"]["nodeName"] in first
    assert len({answer["nodes"][0]["score"] for answer in answers.values()}) > PODS_PLACED / 2


@pytest.mark.parametrize("patch", refusals.REFUSED)
def test_the_api_server_refuses_what_gfd_refuses(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, refusals.make_pod(patch), *REFUSALS) != ""


@pytest.mark.parametrize("patch", refusals.ACCEPTED)
def test_the_api_server_accepts_what_gfd_accepts(plane: ControlPlane, patch: Object) -> None:
    assert ask(plane.admin, refusals.make_pod(patch), *REFUSALS) == ""


def test_gfd_and_the_api_server_refuse_the_same_pods(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = Random(4)
    own: dict[str, str] = {}
    servers: dict[str, str] = {}
    for number in range(PODS_SPOILT):
        pod = random_pods.spoil(random, random_pods.make_pod(random, f"spoilt-{number}", NODE_NAMES))
        text = json.dumps(pod)
        (tmp_path / "pod.json").write_text(text)
        servers[text] = ask(plane.admin, pod, *REFUSALS)
        own[text] = refuse(tmp_path / "pod.json")
    assert {text: said for text, said in own.items() if bool(said) != bool(servers[text])} == {}
    with capsys.disabled():
        print(f"\n{PODS_SPOILT} spoilt pods, {sum(map(bool, own.values()))} of them refused by both")


def test_without_rights(plane: ControlPlane, tmp_path: Path) -> None:
    (tmp_path / "pod.json").write_text(json.dumps(refusals.make_pod({})))
    kubeconfig = plane.write_kubeconfig("nobody", token="")
    done = subprocess.run(
        (sys.executable, "-m", "gfd", "match", tmp_path / "pod.json", f"--kubeconfig={kubeconfig}"),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        'gfd: nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API'
        ' group "" at the cluster scope; log in again, or set other credentials with '
        "--kubeconfig or --context; or let a permitted user run kubectl get nodes -o json, and pass the "
        "output with --nodes\n"
    )
