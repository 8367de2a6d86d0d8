"""What differs between versions of Kubernetes, on the API server of each."""

from __future__ import annotations

import pytest

from gfd.errors import ApiError
from gfd.kube.token_claims import read_pod_variables
from tests.cluster import agents, programs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.nodes_command import cells, run
from tests.cluster.objects import NODES, delete, make_node, namespace

pytestmark = pytest.mark.cluster


def has_api(plane: ControlPlane, group: str) -> bool:
    try:
        plane.admin.request("GET", f"/apis/{group}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


def test_nodes_without_resource_slices(each_plane: ControlPlane) -> None:
    assert has_api(each_plane, "resource.k8s.io/v1") is (
        each_plane.kubernetes not in (programs.OLDEST, programs.EARLY)
    )
    labels = {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": "1", "test": "versions"}
    make_node(each_plane.admin, "versions", labels=labels)
    code, out, error = run(each_plane.kubeconfig, "-l", "test=versions")
    delete(each_plane.admin, f"{NODES}/versions")
    assert (code, error) == (0, "")
    assert [row[0] for row in cells(out)] == ["versions"]


def test_claims_of_a_token(each_plane: ControlPlane) -> None:
    """The API server writes the node's name into a token since 1.30; the pod's name is there before."""
    namespace(each_plane.admin, agents.NAMESPACE)
    delete(each_plane.admin, f"{agents.ACCOUNTS}/gfd")
    each_plane.admin.request("POST", agents.ACCOUNTS, {"metadata": {"name": "gfd"}})
    make_node(each_plane.admin, "claimed")
    agent = agents.start(each_plane, "claimed")
    found = read_pod_variables({"KUBERNETES_SERVICE_HOST": "127.0.0.1"}, agent.token_file)
    delete(each_plane.admin, f"{NODES}/claimed")
    node = {} if each_plane.kubernetes == programs.EARLY else {"NODE_NAME": "claimed"}
    assert found == node | {"NAMESPACE": "gfd", "POD_NAME": agent.pod}
