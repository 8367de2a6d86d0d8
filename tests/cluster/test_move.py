"""From the original to gfd in one namespace, with the garbage collector that Kubernetes runs.

``GFD_PEER`` names the original's program.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.nfd import API_VERSION
from tests.agent.running import serve
from tests.cluster import agents
from tests.cluster.conftest import define_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.objects import delete, make_node
from tests.cluster.test_rights import COMPONENTS
from tests.standin import environment

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not os.environ.get("GFD_PEER"), reason="GFD_PEER does not name the original"),
]

ORIGINAL = "nvdp-gpu-feature-discovery"
PODS = "/api/v1/namespaces/gfd/pods"
SETS = "/apis/apps/v1/namespaces/gfd/daemonsets"
OBJECT = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures/nvidia-features-for-moved"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("move")) as plane:
        # Before the garbage collector begins: of a kind that comes later it learns up to 30 s later.
        define_node_feature(plane)
        agents.install(plane, COMPONENTS / "nodefeature")
        make_node(plane.admin, "moved")
        plane.start_controllers()
        yield plane


def run_pod(plane: ControlPlane, daemon_set: str) -> str:
    """Make a DaemonSet that selects no Node, and a Pod that is its own; return the Pod's name."""
    app = {"app": daemon_set}
    container = {"name": "c", "image": "c"}
    template = {
        "metadata": {"labels": app},
        "spec": {"containers": [container], "nodeSelector": {"no": "node"}},
    }
    spec = {"selector": {"matchLabels": app}, "template": template}
    made = plane.admin.request("POST", SETS, {"metadata": {"name": daemon_set}, "spec": spec})
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": daemon_set, "uid": made["metadata"]["uid"]}
    name = f"{daemon_set}-abcde"
    metadata = {"name": name, "ownerReferences": [owner | {"controller": False}]}
    pod = {"nodeName": "moved", "serviceAccountName": "gfd", "containers": [container]}
    plane.admin.request("POST", PODS, {"metadata": metadata, "spec": pod})
    return name


def read(plane: ControlPlane) -> dict[str, Any]:
    return plane.admin.request("GET", OBJECT)


def owners(plane: ControlPlane) -> list[str]:
    return [each["name"] for each in read(plane)["metadata"]["ownerReferences"]]


def is_ending(plane: ControlPlane, pod: str) -> bool:
    try:
        return "deletionTimestamp" in plane.admin.request("GET", f"{PODS}/{pod}")["metadata"]
    except ApiError as error:
        return error.status == 404


def test_the_original_goes_and_its_labels_stay(cluster: ControlPlane, tmp_path: Path) -> None:
    own, theirs = run_pod(cluster, "gfd"), run_pod(cluster, ORIGINAL)
    token = cluster.home / "own.token"
    token.write_text(agents.token(cluster, own))
    kubeconfig = cluster.write_kubeconfig("own", token_file=token)
    common = ("--node-name=moved", "--namespace=gfd")
    given = (
        *("--sink=nodefeature", *common, f"--pod-name={own}", f"--kubeconfig={kubeconfig}"),
        "--sleep-interval=60s",
    )
    with serve(tmp_path, *given) as service:
        wait_for(lambda: service.log("cycle.published"), "gfd's labels")
        uid = read(cluster)["metadata"]["uid"]
        assert owners(cluster) == ["gfd"]
        command = (os.environ["GFD_PEER"], *common, f"--pod-name={theirs}", "--sleep-interval=2s")
        original = subprocess.Popen(
            (*command, f"--kubeconfig={cluster.kubeconfig}"),
            env=environment(tmp_path / "lib", tmp_path / "machine"),
            stderr=subprocess.DEVNULL,
        )
        try:
            # One that was backed off from would take ever longer to repair.
            drifts = wait_for(
                lambda: (found := service.log("drift.detected")) and len(found) > 4 and found, "quarrels"
            )
            writer = f"gpu-feature-discovery, DaemonSet {ORIGINAL}, Pod {theirs}"
            assert {(each["what"], each["writer"]) for each in drifts} == {("owner", writer)}
            wait_for(lambda: owners(cluster) == ["gfd"], "gfd's owner", 2)
            cluster.kubectl("-n", "gfd", "delete", "daemonset", ORIGINAL)
            wait_for(lambda: is_ending(cluster, theirs), "the end of the original's pod")
        finally:
            # As the kubelet does: the process ends, then the Pod goes.
            original.terminate()
            original.wait()
        wait_for(lambda: owners(cluster) == ["gfd"], "gfd's owner", 2)
        delete(cluster.admin, f"{PODS}/{theirs}")
        # The garbage collector has seen the Pod go once it has taken away what only that owned.
        metadata = {"name": "witness", "ownerReferences": [lost_owner()]}
        cluster.admin.request("POST", "/api/v1/namespaces/gfd/configmaps", {"metadata": metadata})
        witness = "/api/v1/namespaces/gfd/configmaps?fieldSelector=metadata.name=witness"
        wait_for(lambda: not cluster.admin.request("GET", witness)["items"], "the garbage collector")
        found = read(cluster)
        assert found["metadata"]["uid"] == uid
        assert found["spec"]["labels"]["nvidia.com/gpu.count"] == "1"
        assert service.log("conflict.detected") == []


def lost_owner() -> dict[str, str]:
    uid = "11111111-1111-1111-1111-111111111111"
    return {"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": uid}
