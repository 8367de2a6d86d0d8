"""gfd match and a real kube-scheduler agree about pods that request devices of slices by a resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from gfd import cli
from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.kube.paths import RESOURCE_SLICES
from tests.cluster.agents import token
from tests.cluster.controlplane import ControlPlane, control_plane
from tests.cluster.dra import CLAIMS, DRA, installed_classes
from tests.cluster.extender import Extender
from tests.cluster.objects import NODES, delete
from tests.cluster.scheduling import (
    MERGE,
    Object,
    create_node,
    create_pods,
    fitting,
    match_each,
    start_scheduler,
    wait_until_looked_at,
)
from tests.test_golden import read
from tests.tools import make

pytestmark = pytest.mark.cluster

GPU, SMALL = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"
IMPLICIT = "deviceclass.resource.kubernetes.io/"
MACHINES = {
    "x-eight": ("dgx-h100", "all-disabled"),
    "x-one": ("h100", "all-disabled"),
    "x-mig": ("h100", "all-balanced"),
    # The device plugin counts, not the slices.
    "x-both": ("dgx-h100", "all-disabled"),
    # What the kubelet leaves after the device plugin has gone.
    "x-gone": ("h100", "all-disabled"),
}
PLUGIN = {"x-both": {"gpu": 2}, "x-gone": {"gpu": 0}}
RESOURCES = (GPU, GPU, SMALL, f"{IMPLICIT}gpu.nvidia.com", f"{IMPLICIT}mig.nvidia.com", f"{IMPLICIT}nobody")
PODS = 120


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, extender: Extender) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("extended")) as started, installed_classes(started):
        selector = "device.attributes['gpu.nvidia.com'].?profile.orValue('') == '1g.10gb'"
        spec = {"extendedResourceName": SMALL, "selectors": [{"cel": {"expression": selector}}]}
        started.admin.request("POST", f"{DRA}/deviceclasses", {"metadata": {"name": "small"}, "spec": spec})
        for name, machine in MACHINES.items():
            create_node(started.admin, make.node(name, offers=PLUGIN.get(name), taints=[]))
            for each in make_slices(read(*machine), name):
                started.admin.request("POST", RESOURCE_SLICES, each)
        take(started, "x-eight", "gpu-0", "gpu-3")
        start_scheduler(started, {"urlPrefix": extender.url})
        yield started
        started.check()


def take(plane: ControlPlane, node: str, *devices: str) -> None:
    """Let a claim hold devices of a node."""
    exactly = {"deviceClassName": "gpu.nvidia.com", "count": len(devices)}
    spec = {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}}
    plane.admin.request("POST", CLAIMS, {"metadata": {"name": "held"}, "spec": spec})
    results = [
        {"driver": "gpu.nvidia.com", "pool": node, "device": each, "request": "gpu"} for each in devices
    ]
    status = {"allocation": {"devices": {"results": results}}}
    plane.admin.request("PATCH", f"{CLAIMS}/held/status", {"status": status}, content_type=MERGE)


def make_container(random: Random, name: str) -> Object:
    chosen = {random.choice(RESOURCES) for _ in range(random.choice((0, 1, 1, 1, 2)))}
    if len(chosen) == 1 and random.random() < 0.3:
        chosen = {GPU}
    amounts = {resource: str(random.choice((0, 1, 1, 1, 2, 3, 6))) for resource in chosen}
    if random.random() < 0.3:
        amounts["cpu"] = "1m"
    return {"name": name, "image": "i", "resources": {"limits": amounts}}


def make_pod(random: Random, name: str) -> Object:
    init = [make_container(random, f"i{number}") for number in range(random.choice((0, 0, 1, 2)))]
    for each in init:
        if random.random() < 0.3:
            each["restartPolicy"] = "Always"
    main = [make_container(random, f"c{number}") for number in range(random.choice((1, 1, 2)))]
    spec = {"initContainers": init, "containers": main}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_the_same_nodes_fit(extended: ControlPlane, extender: Extender, tmp_path: Path) -> None:
    random = Random(5)
    pods = [make_pod(random, f"extended-{number}") for number in range(PODS)]
    answers = match_each(extended, tmp_path, pods)
    create_pods(extended.admin, pods)
    wait_until_looked_at(extended.admin, "extended-", PODS)
    for pod in pods:
        name = pod["metadata"]["name"]
        (passed,) = extender.passed.get(name) or {frozenset[str]()}
        assert fitting(answers[name]) == passed, pod
    sizes = [len(fitting(each)) for each in answers.values()]
    assert sum(0 < size < len(MACHINES) for size in sizes) > PODS / 3
    assert 0 in sizes


def test_versions_of_kubernetes(each_plane: ControlPlane, tmp_path: Path) -> None:
    """The feature gate is on by default since 1.36; 1.30 does not have the API."""
    admin, minor = each_plane.admin, int(each_plane.admin.request("GET", "/version")["minor"])
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
        for name, resource in (("named", GPU), ("implicit", f"{IMPLICIT}gpu.nvidia.com"))
        for container in ({"name": "c", "image": "i", "resources": {"limits": {resource: "1"}}},)
    ]
    create_node(admin, make.node("x-version", taints=[]))
    slices = make_slices(read(*MACHINES["x-one"]), "x-version") if minor >= 34 else []
    with installed_classes(each_plane) if slices else nullcontext():
        for each in slices:
            admin.request("POST", RESOURCE_SLICES, each)
        answers = match_each(each_plane, tmp_path, pods)
    for each in slices:
        delete(admin, f"{RESOURCE_SLICES}/{each['metadata']['name']}")
    delete(admin, f"{NODES}/x-version")
    found = {
        name: (node["verdict"], node["unjudged"])
        for name, answer in answers.items()
        for node in answer["nodes"]
        if node["name"] == "x-version"
    }
    if minor >= 36:
        assert found == {"named": ("fits", []), "implicit": ("fits", [])}
        return
    # The API server of 1.34 drops the name of the resource from the class.
    assert found.pop("named") == ("no", [])
    gate = (
        f"resources: Kubernetes 1.{minor} gives devices for deviceclass.resource.kubernetes.io/* only with "
        "the feature gate DRAExtendedResource, which is on by default since 1.36"
    )
    assert found == {"implicit": ("may fit", [gate]) if minor >= 34 else ("no", [])}


def test_without_the_right_to_list_classes(
    extended: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "without-classes"
    extended.kubectl("create", "serviceaccount", name)
    extended.kubectl("create", "clusterrole", name, "--verb=list", "--resource=nodes,pods")
    extended.kubectl(
        "create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount=default:{name}"
    )
    kubeconfig = extended.write_kubeconfig(
        name, token=token(extended, None, namespace="default", account=name)
    )
    missing = (
        "gfd: warning: whether a DeviceClass gives {} on nodes without a device plugin is unknown: reading "
        "deviceclasses is forbidden; grant the verb list on deviceclasses.resource.k8s.io\n"
    )
    # A device plugin offers the first of these resources.
    for resource, code, warning in ((GPU, 0, ""), (SMALL, 1, missing.format(SMALL))):
        container = {"name": "c", "image": "i", "resources": {"limits": {resource: "1"}}}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "spec": {"containers": [container]},
        }
        (tmp_path / "pod.json").write_text(json.dumps(pod))
        assert cli.run(("match", str(tmp_path / "pod.json"), f"--kubeconfig={kubeconfig}"), {}) == code
        said = capsys.readouterr().err
        assert ("DeviceClass" in said) is bool(warning)
        assert warning in said
