"""gfd match beside the kube-scheduler of older versions of Kubernetes, with a sample of the random pods.

gfd judges as the newest does. What an older one does not know stands in :func:`as_known_to`, and in
docs/node-selector.md.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.cluster import programs, random_neighbours, random_pods
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.extender import Extender
from tests.cluster.random_clusters import create_neighbours, create_nodes
from tests.cluster.scheduling import (
    Object,
    create_pods,
    is_looked_at,
    match_each,
    start_scheduler,
)

pytestmark = pytest.mark.cluster

NAMES = [f"gpu-{number}" for number in range(12)]
PODS_ASKED = 200
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def as_known_to(kubernetes: str, pod: Object) -> Object:
    """Return the pod without what the API server of a version drops, or its scheduler does not look at."""
    minor = int(kubernetes.split(".")[1])
    spec = copy.deepcopy(pod["spec"])
    if minor < 34:
        spec.pop("resources", None)
    if minor < 31:
        for kind in ("podAffinity", "podAntiAffinity"):
            for term in spec.get("affinity", {}).get(kind, {}).get(REQUIRED, ()):
                term.pop("matchLabelKeys", None)
                term.pop("mismatchLabelKeys", None)
    if minor < 34:
        for container in spec.get("initContainers", ()):
            if "ports" in container:
                container["ports"] = []
    return {**pod, "spec": spec}


@pytest.fixture(params=["pods", "neighbours"])
def asked(
    request: pytest.FixtureRequest, older: str, tmp_path: Path, extender: Extender
) -> Iterator[tuple[ControlPlane, list[Object]]]:
    """A control plane with nodes, pods on them and a scheduler, and the pods to ask about."""
    numbers, random = range(PODS_ASKED), Random(22)
    with control_plane(tmp_path, older) as started:
        if request.param == "pods":
            create_nodes(started.admin, Random(21), NAMES)
            pods = [random_pods.make_pod(random, f"asked-{number}", NAMES) for number in numbers]
        else:
            create_neighbours(started.admin, Random(21), NAMES, adapt=partial(as_known_to, older))
            pods = [random_neighbours.make_pod(random, f"asked-{number}") for number in numbers]
        # The extender lets no pod be evicted.
        start_scheduler(started, {"urlPrefix": extender.url, "preemptVerb": "preempt"})
        yield started, pods
        started.check()


def fitting(answers: Mapping[str, Object]) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(each["name"] for each in answer["nodes"] if each["verdict"] == "fits")
        for name, answer in answers.items()
    }


def test_the_same_nodes_fit(
    asked: tuple[ControlPlane, list[Object]], older: str, extender: Extender, tmp_path: Path
) -> None:
    plane, pods = asked
    known = {pod["metadata"]["name"]: as_known_to(older, pod) for pod in pods}
    own = fitting(match_each(plane, tmp_path, known.values()))
    newest = fitting(match_each(plane, tmp_path, pods))
    extender.passed.clear()
    create_pods(plane.admin, pods)

    def are_done() -> bool:
        found = [each for each in plane.admin.list("/api/v1/pods") if each["metadata"]["name"] in own]
        return all(map(is_looked_at, found)) and len(found) == len(own)

    wait_for(are_done, f"the scheduler to look at {PODS_ASKED} pods", patience_s=180)
    # Whatever passes no filter is never told to an extender.
    theirs = {name: extender.passed.get(name, {frozenset[str]()}) for name in own}
    wrong = {
        json.dumps(known[name]): {"scheduler": theirs[name], "gfd": own[name]}
        for name in own
        if theirs[name] != {own[name]}
    }
    assert wrong == {}
    # Only pods with such fields are judged otherwise by the newest.
    other = {name for name in own if own[name] != newest[name]}
    assert other <= {pod["metadata"]["name"] for pod in pods if pod != known[pod["metadata"]["name"]]}
    assert bool(other) is (older == programs.OLDEST)
    # A comparison of extremes would say little.
    assert sum(0 < len(each) < len(NAMES) for each in own.values()) > PODS_ASKED / 4
