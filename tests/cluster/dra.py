"""NVIDIA's DeviceClasses, and nodes with the ResourceSlices of simulated machines, on a real API server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gfd.clusterview.dra.nvidia_classes import make_classes
from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.kube.paths import RESOURCE_SLICES
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete
from tests.test_golden import read
from tests.tools import make

DRA = "/apis/resource.k8s.io/v1"
CLAIMS = f"{DRA}/namespaces/default/resourceclaims"
PODS = "/api/v1/namespaces/default/pods"


@contextmanager
def installed_classes(plane: ControlPlane) -> Iterator[None]:
    """Have the DeviceClasses of NVIDIA's driver."""
    classes = list(make_classes())
    for each in classes:
        plane.admin.request("POST", f"{DRA}/deviceclasses", each)
    yield
    for each in classes:
        delete(plane.admin, f"{DRA}/deviceclasses/{each['metadata']['name']}")


@contextmanager
def machine_nodes(
    plane: ControlPlane,
    machines: Mapping[str, tuple[str, str]],
    labels: Mapping[str, Mapping[str, str]] | None = None,
    offers: Mapping[str, Mapping[str, int]] | None = None,
) -> Iterator[None]:
    """Have a node with ResourceSlices for each machine, which has a MIG layout.

    The nodes may also have labels, and offer devices by a device plugin.
    """
    for name, (machine, layout) in machines.items():
        node = make.node(name, (labels or {}).get(name), (offers or {}).get(name))
        plane.admin.request("POST", NODES, node)
        for each in make_slices(read(machine, layout), name):
            plane.admin.request("POST", RESOURCE_SLICES, each)

    def are_ready() -> bool:
        found = [plane.admin.request("GET", f"{NODES}/{name}")["spec"] for name in machines]
        return not any(each.get("taints") for each in found)

    wait_for(are_ready, "nodes that are ready")
    yield
    for name in machines:
        delete(plane.admin, f"{RESOURCE_SLICES}/{name}-gpu.nvidia.com-0")
        delete(plane.admin, f"{NODES}/{name}")


def find_node(plane: ControlPlane, pod: str) -> str | None:
    found: str | None = plane.admin.request("GET", f"{PODS}/{pod}")["spec"].get("nodeName")
    return found
