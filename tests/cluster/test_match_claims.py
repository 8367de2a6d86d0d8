"""gfd match of pods with claims, compared with a real API server and a real kube-scheduler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.errors import ApiError
from tests.cluster.agents import token
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.dra import CLAIMS, DRA, PODS, find_node, installed_classes, machine_nodes
from tests.cluster.objects import NODES, Object, delete
from tests.cluster.scheduling import ask, wait_until_looked_at
from tests.tools import make
from tests.tools.match.claim_files import (
    by_claim,
    by_template,
    claim,
    deployment,
    exactly,
    pod,
    template,
    write_pods,
)
from tests.tools.match.dra import refusals
from tests.tools.match.podspec import claim_refusals
from tests.tools.match.podspec.refusals import make_pod

pytestmark = pytest.mark.cluster

REFUSALS = (400, 422)
PATHS = {
    "ResourceClaimTemplate": f"{DRA}/namespaces/default/resourceclaimtemplates",
    "DeviceClass": f"{DRA}/deviceclasses",
}


def refuse(plane: ControlPlane, claimed: Object) -> str:
    """Return why the API server refuses an object; empty if it accepts the object."""
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        plane.admin.request("POST", PATHS[claimed["kind"]], claimed, query=query)
    except ApiError as error:
        if error.status in REFUSALS:
            return str(error)
        raise
    return ""


def test_refused_objects(scheduled: ControlPlane) -> None:
    assert [each for each in refusals.REFUSED if not refuse(scheduled, each)] == []


def test_accepted_objects(scheduled: ControlPlane) -> None:
    assert [said for each in refusals.ACCEPTED if (said := refuse(scheduled, each))] == []


def test_refused_pods(scheduled: ControlPlane) -> None:
    pods = map(make_pod, claim_refusals.REFUSED)
    assert [pod["spec"] for pod in pods if not ask(scheduled.admin, pod, *REFUSALS)] == []


def test_accepted_pods(scheduled: ControlPlane) -> None:
    pods = map(make_pod, claim_refusals.ACCEPTED)
    assert [said for pod in pods if (said := ask(scheduled.admin, pod, *REFUSALS))] == []


Words = tuple[int | None, str, str]
TEMPLATES = f"{DRA}/namespaces/default/resourceclaimtemplates"
H100, A100 = "match-h100", "match-a100"
HOPPER = "device.attributes['gpu.nvidia.com'].architecture == 'Hopper'"


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with NVIDIA's DeviceClasses, a DGX H100 and a DGX A100."""
    machines = {H100: ("dgx-h100", "all-disabled"), A100: ("dgx-a100", "all-disabled")}
    with installed_classes(scheduled), machine_nodes(scheduled, machines):
        yield scheduled


def match(plane: ControlPlane, capsys: pytest.CaptureFixture[str], file: str, *words: str) -> Words:
    code = cli.run(("match", file, f"--kubeconfig={plane.kubeconfig}", *words), {})
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def read_nodes(out: str) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(out)["pods"][0]["nodes"]}


def test_a_template_in_the_cluster(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scheduler gives the devices that gfd says, and then gfd knows that they are taken."""
    file = write_pods(tmp_path, pod("six", by_template("six")))
    code, out, _ = match(plane, capsys, file)
    assert code == 1
    assert "ResourceClaimTemplate six  not in the namespace default; apply it" in out
    plane.admin.request("POST", TEMPLATES, template("six", exactly(6, HOPPER)))
    try:
        code, out, err = match(plane, capsys, file, "-o=json")
        before = read_nodes(out)
        assert (code, err, before[H100]["verdict"], before[A100]["verdict"]) == (0, "", "fits", "no")
        plane.admin.request("POST", PODS, pod("six", by_template("six")))
        plane_claim: Object = wait_for(lambda: find_claim(plane, "six"), "the claim of the pod")
        results = plane_claim["status"]["allocation"]["devices"]["results"]
        expected = [each["device"] for each in before[H100]["claims"]["devices"]]
        assert [each["device"] for each in results] == expected
        code, out, err = match(plane, capsys, write_pods(tmp_path, pod("more", by_template("six"))))
        assert code == 1
        assert "claim gpu: 6 gpu.nvidia.com  2 of 8 devices free; 6 taken\n" in out
        assert "0 of 8 devices free; 8 do not meet the selectors" in out
        (tmp_path / "own.yaml").write_text(plane.kubectl("get", "pod", "six", "-o", "yaml"))
        code, out, _ = match(plane, capsys, str(tmp_path / "own.yaml"))
        assert "claim gpu: 6 gpu.nvidia.com  8 of 8 devices free" in out
        cluster = tmp_path / "cluster.json"
        kinds = "nodes,resourceslices,resourceclaims,resourceclaimtemplates,deviceclasses"
        cluster.write_text(plane.kubectl("get", kinds, "-A", "-o", "json"))
        assert cli.run(
            ("match", write_pods(tmp_path, pod("more", by_template("six"))), f"--nodes={cluster}"), {}
        )
        assert "2 of 8 devices free; 6 taken" in capsys.readouterr().out
    finally:
        plane.kubectl("delete", "pod", "six", "--grace-period=0", "--force")
        delete(plane.admin, f"{TEMPLATES}/six")


def find_claim(plane: ControlPlane, name: str) -> Object | None:
    """Return the claim of a pod once it has devices."""
    claims = plane.admin.request("GET", CLAIMS)["items"]
    owned = (each for each in claims if each["metadata"]["name"].startswith(f"{name}-"))
    return next((each for each in owned if each.get("status", {}).get("allocation")), None)


def test_a_shared_claim(plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = claim("shared", exactly(8, HOPPER))
    shared.pop("status")
    plane.admin.request("POST", CLAIMS, shared)
    try:
        for name in ("first", "second"):
            file = write_pods(tmp_path, pod(name, by_claim("shared")))
            code, out, _ = match(plane, capsys, file, "-o=json")
            nodes = read_nodes(out)
            assert (code, nodes[H100]["verdict"], nodes[A100]["verdict"]) == (0, "fits", "no")
            plane.admin.request("POST", PODS, pod(name, by_claim("shared")))
            assert wait_for(lambda pod=name: find_node(plane, pod), f"the node of {name}") == H100
    finally:
        plane.kubectl("delete", "pod", "first", "second", "--grace-period=0", "--force", "--ignore-not-found")
        plane.kubectl("delete", "resourceclaim", "shared", "--ignore-not-found")


def test_copies(plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As many copies as gfd says get devices: two on each node, of which each takes three of eight."""
    plane.admin.request("POST", TEMPLATES, template("three", exactly(3)))
    names = [f"copy-{number}" for number in range(5)]
    try:
        code, out, _ = match(plane, capsys, write_pods(tmp_path, deployment("d", 5, by_template("three"))))
        assert code == 1
        assert "4 of 5 replicas fit, on 2 of 2 nodes\n" in out
        for name in names:
            plane.admin.request("POST", PODS, pod(name, by_template("three")))
        found = wait_until_looked_at(plane.admin, "copy-", len(names))
        assert sum("nodeName" in each["spec"] for each in found.values()) == 4
    finally:
        plane.kubectl("delete", "pod", *names, "--grace-period=0", "--force", "--ignore-not-found")
        delete(plane.admin, f"{TEMPLATES}/three")


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (
            "resourceslices",
            (
                "it is unknown which nodes have the devices for gpu: reading resourceslices is forbidden;"
                " grant the verb list on resourceslices.resource.k8s.io"
            ),
        ),
        (
            "resourceclaims",
            (
                "which devices ResourceClaims hold is unknown; reading resourceclaims is forbidden; grant the"
                " verb list on resourceclaims.resource.k8s.io"
            ),
        ),
        (
            "deviceclasses",
            (
                "the DeviceClass gpu.nvidia.com is unknown: reading deviceclasses is forbidden;"
                " grant the verb list on deviceclasses.resource.k8s.io"
            ),
        ),
        (
            "resourceclaimtemplates",
            (
                "the ResourceClaimTemplate one of gpu is unknown: reading resourceclaimtemplates is"
                " forbidden; grant the verb get on resourceclaimtemplates.resource.k8s.io"
            ),
        ),
    ],
)
def test_missing_rights(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str], left_out: str, said: str
) -> None:
    plane.admin.request("POST", TEMPLATES, template("one", exactly()))
    name = f"without-{left_out}"
    kinds = {"resourceslices", "resourceclaims", "deviceclasses", "resourceclaimtemplates"} - {left_out}
    rights = ",".join(sorted(f"{each}.resource.k8s.io" for each in kinds))
    plane.kubectl("create", "serviceaccount", name)
    plane.kubectl("create", "clusterrole", name, "--verb=list,get", f"--resource=nodes,pods,{rights}")
    plane.kubectl(
        "create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount=default:{name}"
    )
    try:
        kubeconfig = plane.write_kubeconfig(name, token=token(plane, None, namespace="default", account=name))
        file = write_pods(tmp_path, pod("p", by_template("one")))
        assert cli.run(("match", file, f"--kubeconfig={kubeconfig}"), {}) == 3
        assert f"not judged: resourceClaims: {said}\n" in capsys.readouterr().out
    finally:
        plane.kubectl("delete", "clusterrole,clusterrolebinding,serviceaccount", name)
        delete(plane.admin, f"{TEMPLATES}/one")


def test_a_cluster_without_the_api(
    oldest: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oldest.admin.request("POST", NODES, make.node("old"))
    try:
        code, out, _ = match(oldest, capsys, write_pods(tmp_path, pod("p", by_template("one"))))
    finally:
        delete(oldest.admin, f"{NODES}/old")
    assert code == 1
    assert "the cluster does not have resource.k8s.io/v1, so no pod with claims starts there" in out
