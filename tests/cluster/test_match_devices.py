"""gfd match agrees with a real kube-scheduler about which nodes have the devices of a pod's claims."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.model import Device, ResourceClaim
from gfd.clusterview.dra.slices import read_slice
from gfd.kube.client import Api
from gfd.kube.paths import RESOURCE_SLICES
from gfd.tools.match.cel import compile_expression
from gfd.tools.match.dra.allocation import AllocationOutcome, allocate
from gfd.tools.match.dra.model import DeviceSelector
from gfd.tools.match.dra.objects import read_stored
from gfd.tools.match.dra.supply import ClusterSupply
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.dra import CLAIMS, DRA, PODS
from tests.cluster.extender import Extender
from tests.cluster.random_claims import CLASSES, make_pod
from tests.cluster.random_slices import NODES_PER_WORLD, World, make_world
from tests.cluster.scheduling import MERGE, Object, create_all, create_node, match_each, start_scheduler

pytestmark = pytest.mark.cluster

WORLDS, PODS_PLACED = 24, 30
"""With 100 nodes or more, the scheduler does not look at all of them."""
GIVEN_UP = "SchedulerError"
"""The reason in the status of a pod if one node is enough to end the attempt for all nodes."""


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    random = Random(31)
    return [make_world(random, f"w{number}") for number in range(WORLDS)]


@pytest.fixture(scope="module")
def plane(
    tmp_path_factory: pytest.TempPathFactory, extender: Extender, worlds: list[World]
) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("devices")) as started:
        allow_admin_access(started)
        create_worlds(started.admin, worlds)
        start_scheduler(started, {"urlPrefix": extender.url})
        yield started
        started.check()


def allow_admin_access(plane: ControlPlane) -> None:
    path, label = "/api/v1/namespaces/default", {"resource.kubernetes.io/admin-access": "true"}
    wait_for(lambda: plane.kubectl("get", "namespace", "default", "--ignore-not-found"), "the namespace")
    plane.admin.request("PATCH", path, {"metadata": {"labels": label}}, content_type=MERGE)


def create_worlds(api: Api, worlds: list[World]) -> None:
    """Create DeviceClasses, nodes, ResourceSlices, and claims that hold devices."""

    def create_holder(claim: Object) -> None:
        api.request("POST", CLAIMS, claim)
        path = f"{CLAIMS}/{claim['metadata']['name']}/status"
        api.request("PATCH", path, {"status": claim["status"]}, content_type=MERGE)

    for name, expressions in CLASSES.items():
        selectors = [{"cel": {"expression": each}} for each in expressions]
        body = {"metadata": {"name": name}, "spec": {"selectors": selectors}}
        api.request("POST", f"{DRA}/deviceclasses", body)
    create_all(lambda node: create_node(api, node), [node for each in worlds for node in each.nodes])
    slices = [found for each in worlds for found in each.slices]
    create_all(lambda found: api.request("POST", RESOURCE_SLICES, found), slices)
    create_all(create_holder, [claim for each in worlds for claim in (*each.holders, *each.pinned)])


def create_claims(api: Api, claims: list[Object]) -> None:
    create_all(lambda each: api.request("POST", CLAIMS, each), claims)


class DeviceJudge:
    """What gfd says about pods in a cluster."""

    def __init__(self, api: Api) -> None:
        self._slices = [read_slice(each) for each in api.list(RESOURCE_SLICES)]
        self._classes = {
            name: found
            for each in api.list(f"{DRA}/deviceclasses")
            for name, found in read_stored("DeviceClass", each).classes.items()
        }
        self._holders: list[ResourceClaim] = []
        self.add(api.list(CLAIMS))

    def add(self, claims: Iterable[Object]) -> None:
        """Count the devices that claims hold."""
        self._holders += map(read_claim, claims)
        self._supply = ClusterSupply(self._slices, self._holders)

    def judge(self, pod: Object, claims: list[Object], nodes: list[Object]) -> dict[str, AllocationOutcome]:
        """Return the outcome on each node for a pod with claims that hold nothing yet."""
        specs = []
        for entry, claim in zip(pod["spec"]["resourceClaims"], claims, strict=True):
            (spec,) = read_stored("ResourceClaim", claim).claims.values()
            specs.append(replace(spec, name=entry["name"]))
        return {
            name: allocate(specs, self._classes, self._supply.find(name, labels), matches)
            for name, labels in ((each["metadata"]["name"], each["metadata"]["labels"]) for each in nodes)
        }


def matches(selector: DeviceSelector, device: Device) -> bool:
    return compile_expression(selector.expression).matches(device)


def find_fitting(outcomes: dict[str, AllocationOutcome]) -> frozenset[str]:
    """Return the nodes that fit; an error on one of them is one on all."""
    if any(each.refusal is not None and each.refusal.is_fatal for each in outcomes.values()):
        return frozenset()
    return frozenset(name for name, each in outcomes.items() if each.allocations)


def find_possible(answer: Object) -> frozenset[str]:
    """Return the nodes that fit, perhaps only once a driver has set a binding condition."""
    return frozenset(each["name"] for each in answer["nodes"] if each["verdict"] != "no")


def read_reason(pod: Object) -> str:
    """Return why the scheduler has not placed a pod; empty until it has looked at the pod."""
    conditions = pod.get("status", {}).get("conditions") or []
    return next((each.get("reason", "") for each in conditions if each["type"] == "PodScheduled"), "")


def test_the_same_nodes_have_the_devices(
    plane: ControlPlane,
    extender: Extender,
    worlds: list[World],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    random, started_s, api = Random(32), time.monotonic(), plane.admin
    count = pytestconfig.getoption("--random-pods")
    asked = [make_pod(random, f"asked-{number}", random.choice(worlds)) for number in range(count)]
    # gfd reads one half of the claims from the cluster, and one from the file.
    stored, written = ([each for _, claims in half for each in claims] for half in (asked[::2], asked[1::2]))
    create_claims(api, stored)
    answers = match_each(plane, tmp_path, [*written, *(pod for pod, _ in asked)])
    create_claims(api, written)
    create_all(lambda each: api.request("POST", PODS, each), [pod for pod, _ in asked])

    def read_reasons() -> dict[str, str] | None:
        time.sleep(0.5)
        reasons = {each["metadata"]["name"]: read_reason(each) for each in api.list(PODS)}
        return reasons if all(reasons.values()) else None

    reasons = wait_for(read_reasons, f"the scheduler to look at {count} pods", patience_s=60 + count)
    # Whatever passes no filter is never told to an extender.
    told = {name: extender.passed.get(name, {frozenset[str]()}) for name in answers}
    own = {name: {find_possible(answer)} for name, answer in answers.items()}
    differences = {
        json.dumps([pod, *claims]): {"scheduler": told[name], "gfd": own[name], "reason": reasons[name]}
        for pod, claims in asked
        if told[name := pod["metadata"]["name"]] != own[name]
    }
    assert differences == {}
    sizes = [len(nodes) for (nodes,) in own.values()]
    given_up = sum(each == GIVEN_UP for each in reasons.values())
    with capsys.disabled():
        print(
            f"\n{count} pods x {NODES_PER_WORLD} nodes: {sum(sizes)} pairs fit, {given_up} pods given up,"
            f" {sizes.count(0)} pods fit nowhere, {sizes.count(NODES_PER_WORLD)} everywhere;"
            f" {time.monotonic() - started_s:.0f} s"
        )
    # A comparison of extremes would say little.
    assert count / 10 < given_up < count / 3
    assert sum(0 < size < NODES_PER_WORLD for size in sizes) > count / 8


def test_the_same_devices_are_allocated(
    plane: ControlPlane, extender: Extender, worlds: list[World], capsys: pytest.CaptureFixture[str]
) -> None:
    """Place pods one after the other, so that each finds fewer devices than the one before."""
    random, started_s, api = Random(33), time.monotonic(), plane.admin
    api.request("DELETE", PODS)  # those that wait
    judge, placed, allocated = DeviceJudge(api), 0, 0
    while placed < PODS_PLACED:
        world = replace(random.choice(worlds), pinned=[])
        pod, claims = make_pod(random, f"{extender.placed}{placed}", world)
        outcomes = judge.judge(pod, claims, world.nodes)
        # The scheduler waits for binding conditions, which nobody sets here.
        if not find_fitting(outcomes) or any(each.unjudged for each in outcomes.values()):
            continue
        create_claims(api, claims)
        path = f"{PODS}/{pod['metadata']['name']}"
        api.request("POST", PODS, pod)
        node = wait_for(lambda path=path: api.request("GET", path)["spec"].get("nodeName"), path)
        held = [api.request("GET", f"{CLAIMS}/{each['metadata']['name']}") for each in claims]
        own = [(each.request, *each.device) for found in outcomes[node].allocations for each in found]
        assert read_results(held) == own, json.dumps([pod, *claims])
        judge.add(held)
        placed, allocated = placed + 1, allocated + len(own)
    with capsys.disabled():
        print(f"\n{placed} pods placed, {allocated} devices allocated; {time.monotonic() - started_s:.0f} s")
    assert allocated > placed


def read_results(claims: list[Object]) -> list[tuple[str, str, str, str]]:
    """Return request, driver, pool and name of each device that claims hold, in their order."""
    results = [each for claim in claims for each in claim["status"]["allocation"]["devices"]["results"]]
    return [(each["request"], each["driver"], each["pool"], each["device"]) for each in results]
