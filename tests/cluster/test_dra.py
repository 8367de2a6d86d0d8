"""Slices of simulated machines on a real API server and scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.errors import GfdError
from gfd.kube.paths import RESOURCE_SLICES
from gfd.simulation import machines
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, Object, delete
from tests.test_golden import layouts, read
from tests.tools import make

pytestmark = pytest.mark.cluster

DRA = "/apis/resource.k8s.io/v1"
CLAIMS = f"{DRA}/namespaces/default/resourceclaims"
PODS = "/api/v1/namespaces/default/pods"
CLASSES = {
    "gpu.nvidia.com": ("gpu", {"extendedResourceName": "nvidia.com/gpu"}),
    "mig.nvidia.com": ("mig", {}),
    "vfio.gpu.nvidia.com": ("vfio", {}),
}
"""The DeviceClasses of NVIDIA's driver: their type, and other fields."""


def make_class(name: str) -> Object:
    kind, more = CLASSES[name]
    expression = f"device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == '{kind}'"
    spec = {"selectors": [{"cel": {"expression": expression}}], **more}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with NVIDIA's DeviceClasses, and nodes with slices: dra-gpu, dra-mig and dra-vfio."""
    for name in CLASSES:
        scheduled.admin.request("POST", f"{DRA}/deviceclasses", make_class(name))
    for name, machine, layout in (
        ("dra-gpu", "dgx-h100", "all-disabled"),
        ("dra-mig", "h100", "all-balanced"),
        ("dra-vfio", "a10-vfio", "all-disabled"),
    ):
        scheduled.admin.request("POST", NODES, make.node(name))
        for each in make_slices(read(machine, layout), name):
            scheduled.admin.request("POST", RESOURCE_SLICES, each)
    yield scheduled
    for name in ("dra-gpu", "dra-mig", "dra-vfio"):
        delete(scheduled.admin, f"{RESOURCE_SLICES}/{name}-gpu.nvidia.com-0")
        delete(scheduled.admin, f"{NODES}/{name}")
    for name in CLASSES:
        delete(scheduled.admin, f"{DRA}/deviceclasses/{name}")


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


def find_node(plane: ControlPlane, pod: str) -> str | None:
    found: str | None = plane.admin.request("GET", f"{PODS}/{pod}")["spec"].get("nodeName")
    return found


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
