"""Slices of simulated machines on a real API server and scheduler, and what gfd nodes makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.errors import GfdError
from gfd.kube.paths import RESOURCE_SLICES
from gfd.simulation import machines
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.dra import CLAIMS, PODS, find_node, installed_classes, machine_nodes
from tests.cluster.nodes_command import run, watching
from tests.cluster.objects import NODES, Object, delete
from tests.test_golden import layouts, read
from tests.tools import make

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with NVIDIA's DeviceClasses, and nodes with slices: dra-gpu, dra-mig and dra-vfio."""
    machines = {
        "dra-gpu": ("dgx-h100", "all-disabled"),
        "dra-mig": ("h100", "all-balanced"),
        "dra-vfio": ("a10-vfio", "all-disabled"),
    }
    with installed_classes(scheduled), machine_nodes(scheduled, machines):
        yield scheduled


def test_the_api_server_takes_the_slices_of_all_machines(scheduled: ControlPlane) -> None:
    accepted = 0
    for machine in machines.list_names():
        for layout in layouts(machine):
            try:
                slices = make_slices(read(machine, layout), "node")
            except GfdError:
                continue  # an integrated GPU, which NVIDIA's driver does not take
            for each in slices:
                found = scheduled.admin.request("POST", RESOURCE_SLICES, each, query={"dryRun": "All"})
                # Equal: the server would write quantities in another way if they were not in its own.
                assert found["spec"] == each["spec"]
                accepted += 1
    assert accepted > len(machines.list_names())


def claim_devices(plane: ControlPlane, name: str, device_class: str, count: int, *selectors: str) -> Object:
    """Create a claim and a pod that uses it; return the claim when the scheduler has placed the pod."""
    exactly = {
        "deviceClassName": device_class,
        "count": count,
        "selectors": [{"cel": {"expression": each}} for each in selectors],
    }
    requests = [{"name": "gpu", "exactly": exactly}]
    claim = {"metadata": {"name": name}, "spec": {"devices": {"requests": requests}}}
    plane.admin.request("POST", CLAIMS, claim)
    make_pod(plane, name, {"claims": [{"name": "c"}]}, [{"name": "c", "resourceClaimName": name}])
    wait_for(lambda: find_node(plane, name), f"the scheduler to place {name}")
    found: dict[str, Any] = plane.admin.request("GET", f"{CLAIMS}/{name}")
    return found


def make_pod(plane: ControlPlane, name: str, resources: Object, claims: list[Object]) -> None:
    container = {"name": "c", "image": "i", "resources": resources}
    spec = {"containers": [container], **({"resourceClaims": claims} if claims else {})}
    plane.admin.request("POST", PODS, {"metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize(
    ("name", "device_class", "count", "selectors", "node"),
    [
        (
            "whole",
            "gpu.nvidia.com",
            2,
            (
                "device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'",
                "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0",
                "device.attributes['gpu.nvidia.com'].driverVersion.compareTo(semver('580.0.0')) >= 0",
                "device.attributes['gpu.nvidia.com'].cudaComputeCapability.compareTo(semver('9.0.0')) >= 0",
            ),
            "dra-gpu",
        ),
        (
            "slice",
            "mig.nvidia.com",
            1,
            ("device.attributes['gpu.nvidia.com'].profile == '2g.20gb'",),
            "dra-mig",
        ),
        ("machine", "vfio.gpu.nvidia.com", 2, (), "dra-vfio"),
    ],
)
def test_the_scheduler_allocates_a_claim(
    plane: ControlPlane, name: str, device_class: str, count: int, selectors: tuple[str, ...], node: str
) -> None:
    claim = claim_devices(plane, name, device_class, count, *selectors)
    assert find_node(plane, name) == node
    results = claim["status"]["allocation"]["devices"]["results"]
    assert [(each["driver"], each["pool"]) for each in results] == [("gpu.nvidia.com", node)] * count
    devices = {
        each["name"]
        for each in plane.admin.request("GET", f"{RESOURCE_SLICES}/{node}-gpu.nvidia.com-0")["spec"][
            "devices"
        ]
    }
    assert {each["device"] for each in results} <= devices


def read_nodes(kubeconfig: Path, *words: str) -> dict[str, Object]:
    """Return what gfd nodes says of each node whose name begins with dra-."""
    code, out, err = run(kubeconfig, "-o=json", *words)
    assert (code, err) == (0, "")
    return {each["node"]: each for each in json.loads(out)["nodes"] if each["node"].startswith("dra-")}


def test_gfd_nodes_counts_what_claims_and_extended_resources_take(
    plane: ControlPlane, tmp_path: Path
) -> None:
    claim_devices(plane, "shown", "gpu.nvidia.com", 1)
    before = read_nodes(plane.kubeconfig)["dra-gpu"]
    assert (before["product"], before["gpus"]) == ("NVIDIA-H100-80GB-HBM3", 8)
    taken = before["allocated"]["gpu.nvidia.com"]
    assert taken > 0
    words = ("-o=json", "-l", "kubernetes.io/hostname=dra-gpu")
    with watching(tmp_path, plane.kubeconfig, *words) as seen:
        wait_for(lambda: seen.lines, "the row")
        # No device plugin offers it: the scheduler makes a claim for the pod (DRAExtendedResource).
        make_pod(plane, "extended", {"limits": {"nvidia.com/gpu": "1"}}, [])
        wait_for(lambda: find_node(plane, "extended"), "the scheduler to place a pod by extended resource")

        def count_last() -> bool:
            allocated = json.loads(seen.lines[-1])["allocated"]
            return bool(allocated == {"gpu.nvidia.com": taken + 1})

        wait_for(count_last, "the claim in the watch")
        assert seen.errors == ""
    found = read_nodes(plane.kubeconfig, "--pods")["dra-gpu"]
    assert found["allocated"] == {"gpu.nvidia.com": taken + 1}
    assert found["free"] == {"gpu.nvidia.com": 7 - taken}
    pods = [each for each in found["pods"] if each["pod"] == "extended"]
    assert [each["requests"] for each in pods] == [{"gpu.nvidia.com": 1}]
    assert read_nodes(plane.kubeconfig)["dra-mig"]["dra_devices"] == {
        "mig.nvidia.com/1g.10gb": 2,
        "mig.nvidia.com/2g.20gb": 1,
        "mig.nvidia.com/3g.40gb": 1,
    }


def test_files_of_kubectl_give_the_same(plane: ControlPlane, tmp_path: Path) -> None:
    kinds = "nodes,resourceslices,resourceclaims"
    (tmp_path / "nodes.json").write_text(
        plane.kubectl("get", kinds, "-A", "-o", "json", "--show-managed-fields")
    )
    (tmp_path / "pods.json").write_text(plane.kubectl("get", "pods", "-A", "-o", "json"))
    files = ("--nodes", str(tmp_path / "nodes.json"), "--pods", str(tmp_path / "pods.json"))
    assert run(None, *files, "-o=csv") == run(plane.kubeconfig, "-o=csv")


def test_without_the_right_to_list_claims(plane: ControlPlane) -> None:
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", "reader-of-slices"
    rules = [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
        {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"], "verbs": ["list"]},
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    account = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    for path, more in (
        (accounts, {}),
        (f"{rbac}/clusterroles", {"rules": rules}),
        (f"{rbac}/clusterrolebindings", {"roleRef": role, "subjects": [account]}),
    ):
        plane.admin.request("POST", path, {"metadata": {"name": name}, **more})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    token = plane.admin.request("POST", f"{accounts}/{name}/token", body)["status"]["token"]
    code, out, err = run(plane.write_kubeconfig(name, token=token), "-o=json")
    assert code == 0
    assert err == (
        "gfd: warning: allocated and free devices of ResourceSlices are unknown: listing resourceclaims is "
        "forbidden; grant the verb list on resourceclaims.resource.k8s.io\n"
    )
    found = {each["node"]: each for each in json.loads(out)["nodes"]}
    assert found["dra-gpu"]["allocated"] is None
    assert found["dra-gpu"]["allocatable"] == {"gpu.nvidia.com": 8}


def test_a_cluster_without_the_api(oldest: ControlPlane) -> None:
    oldest.admin.request("POST", NODES, make.node("old", make.gpu_labels(), {"gpu": 8}))
    code, out, err = run(oldest.kubeconfig, "-o=json")
    delete(oldest.admin, f"{NODES}/old")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)["nodes"]
    assert found["node"] == "old"
    assert "sources" not in found
