"""The check of gfd doctor on who offers the GPUs of a node, on a real API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gfd.kube.paths import RESOURCE_SLICES
from gfd.tools.doctor.result import ok, skip, warn
from tests.cluster.doctor_command import AgentNode
from tests.cluster.objects import delete
from tests.clusterview.dra.objects import make_gpu, make_mig, make_slice

pytestmark = pytest.mark.cluster

TAINT = {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}
FORBIDDEN = (
    "devices of ResourceSlices are unknown: listing resourceslices is forbidden; grant the verb list on "
    "resourceslices.resource.k8s.io"
)


@pytest.fixture
def slices(agent_node: AgentNode) -> Iterator[str]:
    """Return the name of the ResourceSlice that the test creates."""
    name = f"{agent_node.node}-slice"
    yield name
    delete(agent_node.plane.admin, f"{RESOURCE_SLICES}/{name}")


def set_capacity(agent_node: AgentNode, gpus: int) -> None:
    amounts = {"nvidia.com/gpu": str(gpus)}
    agent_node.plane.admin.request(
        "PATCH",
        f"{agent_node.path}/status",
        {"status": {"capacity": amounts, "allocatable": amounts}},
        content_type="application/merge-patch+json",
    )


def test_who_offers_the_gpus(agent_node: AgentNode, slices: str) -> None:
    def check(*, is_operator: bool = True, allocation: str = "device-plugin") -> object:
        return agent_node.run_check("devices", sink="node", is_operator=is_operator, allocation=allocation)

    assert check() == skip("neither a device plugin nor NVIDIA's DRA driver offers GPUs of this node")
    assert check(is_operator=False) == skip(FORBIDDEN)
    devices = (make_gpu(0, taints=[TAINT]), make_mig(1, "1g.10gb", 0))
    admin = agent_node.plane.admin
    admin.request("POST", RESOURCE_SLICES, make_slice(agent_node.node, *devices, name=slices))
    offered = (
        "ResourceSlices of NVIDIA's DRA driver offer 1 gpu.nvidia.com, 1 mig.nvidia.com/1g.10gb; "
        "1 device with the taint gpu.nvidia.com/xid=79:NoSchedule"
    )
    assert check() == warn(
        offered,
        "the labels are for a device plugin; set --allocation dra (GFD_ALLOCATION=dra; chart: "
        "allocation=dra), which leaves out what does not apply to DRA",
    )
    assert check(allocation="dra") == ok(offered)
    set_capacity(agent_node, 2)
    plugin = "the device plugin offers 2 nvidia.com/gpu"
    assert check() == warn(
        f"{plugin}; {offered}",
        "run only one of them on a node: each gives away GPUs that pods of the other already use",
    )
    assert check(is_operator=False) == ok(f"{plugin}; {FORBIDDEN}")
    delete(admin, f"{RESOURCE_SLICES}/{slices}")
    assert check() == ok(plugin)
    assert check(allocation="dra") == warn(
        plugin,
        "the labels are for DRA, without MIG strategy and sharing; set --allocation device-plugin "
        "(GFD_ALLOCATION=device-plugin; chart: allocation=device-plugin)",
    )
    found = agent_node.run_check("devices", sink="file", node_name=None)
    assert found == skip("the node name is unknown; set NODE_NAME (in a pod, from spec.nodeName)")
    nobody = agent_node.run_check("devices", sink="node", node_name="nobody", is_operator=True)
    assert nobody == skip("whether a device plugin offers GPUs is unknown: the Node cannot be read")


def test_slices_that_are_not_complete(agent_node: AgentNode, slices: str) -> None:
    item = make_slice(agent_node.node, make_gpu(0), count=2, name=slices)
    agent_node.plane.admin.request("POST", RESOURCE_SLICES, item)
    found = agent_node.run_check("devices", sink="node", is_operator=True)
    assert found == warn(
        f"ResourceSlices of NVIDIA's DRA driver offer no device; the pool {agent_node.node} of "
        "gpu.nvidia.com is not complete: 1 of 2 ResourceSlices of generation 1 are there",
        "the scheduler takes no device of it; look at the pod of NVIDIA's DRA driver on this node",
    )
