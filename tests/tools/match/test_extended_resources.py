"""gfd match judges pods that request devices of ResourceSlices as a resource, from files to output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clusterview.dra.objects import make_gpu, make_slice
from tests.tools.match.claim_files import (
    by_template,
    claim,
    exactly,
    held,
    row,
    template,
    write_cluster,
    write_pods,
)
from tests.tools.match.claim_files import pod as claiming_pod
from tests.tools.match.command import Gfd, listed, node

Object = dict[str, Any]
GPU = "nvidia.com/gpu"
IMPLICIT = "deviceclass.resource.kubernetes.io/gpu.nvidia.com"
DRA = ("--simulate=dgx-h100", "--allocation=dra")


def pod(name: str, count: int, resource: str = GPU, **spec: Any) -> Object:
    container = {"name": "c", "image": "i", "resources": {"limits": {resource: count}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def deployment(name: str, replicas: int, count: int) -> Object:
    labels = {"app": name}
    pods = {"metadata": {"labels": labels}, "spec": pod(name, count)["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("resource", [GPU, IMPLICIT])
def test_a_simulated_machine(gfd: Gfd, tmp_path: Path, resource: str) -> None:
    file = write_pods(tmp_path, pod("p", 8, resource))
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (0, "")
    assert row(out) == f"dgx-h100 NVIDIA-H100-80GB-HBM3 81559 MiB yes 8 {resource} 8 of 8 devices free"
    file = write_pods(tmp_path, pod("p", 9, resource))
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (1, f"gfd: Pod p ({file}:1) fits no node\n")
    assert row(out).endswith("no 9 gpu.nvidia.com by DRA 8 of 8 devices free")
    assert "device plugin" not in out


def test_the_devices_that_claims_hold(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", 2))
    taken = claim("other", **held("a", "gpu-0", "gpu-1", "gpu-2", pod="x"))
    cluster = write_cluster(tmp_path, taken, nodes=("a", "b"))
    code, out, err = gfd("match", file, "--nodes", cluster, "-o", "json")
    assert err == ""
    (found,) = json.loads(out)["pods"]
    first, second = found["nodes"]
    assert (code, first["name"], first["verdict"]) == (0, "b", "fits")
    assert [each["device"] for each in first["claims"]["devices"]] == ["gpu-0", "gpu-1"]
    assert second["failed"] == [
        {"kind": "resourceClaims", "term": "2 gpu.nvidia.com by DRA", "there": "1 of 4 devices free; 3 taken"}
    ]


def test_pods_of_a_run_take_devices_from_each_other(gfd: Gfd, tmp_path: Path) -> None:
    """By a resource or by a claim; the node a has four devices, b has four of a device plugin."""
    cluster = write_cluster(tmp_path, node("b", gpus=4))
    none = listed(tmp_path / "none.json")
    file = write_pods(tmp_path, deployment("d", 5, 2))
    code, out, _ = gfd("match", file, "--nodes", cluster, "--pods", none)
    assert code == 1
    assert out.startswith(f"Deployment d ({file}:1): 4 of 5 replicas fit")
    both = (
        template("three", exactly(3)),
        claiming_pod("first", by_template("three"), nodeSelector={"kubernetes.io/hostname": "a"}),
        pod("second", 2, nodeSelector={"kubernetes.io/hostname": "a"}),
    )
    hosts = [
        {**node(name, gpus=count), "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}
        for name, count in (("a", 0), ("b", 4))
    ]
    path = Path(write_cluster(tmp_path))
    items = json.loads(path.read_text())["items"]
    path.write_text(json.dumps({"kind": "List", "items": [*items[1:], *hosts]}))
    code, out, err = gfd("match", write_pods(tmp_path, *both), "--nodes", str(path))
    assert code == 1
    assert "Pod first" in out
    assert f"Pod second ({tmp_path}/pods.yaml:5) fits no node" in err


def test_a_device_plugin_comes_first(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", 3))
    cluster = write_cluster(tmp_path, node("both", gpus=2), make_slice("both", make_gpu(0)), nodes=())
    code, out, _ = gfd("match", file, "--nodes", cluster)
    assert code == 1
    assert row(out).endswith("no 3 nvidia.com/gpu 2 of 2 free")


def test_a_file_without_claims(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", 1))
    code, _, err = gfd("match", file, "--nodes", write_cluster(tmp_path))
    assert code == 0
    assert err == (
        "gfd: warning: no ResourceClaim in the file holds a device of these nodes, so all devices of "
        "ResourceSlices count as free; kubectl get nodes,resourceslices,resourceclaims,"
        "resourceclaimtemplates,deviceclasses -A -o json prints what gfd needs\n"
    )


def test_a_node_without_such_devices(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", 1))
    cluster = write_cluster(tmp_path, node("cpu", gpus=0))
    code, out, _ = gfd("match", file, "--nodes", cluster)
    assert code == 0
    assert row(out, 3).endswith("no 1 nvidia.com/gpu none")


def test_no_class_gives_the_resource(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", 1))
    cluster = Path(write_cluster(tmp_path))
    items = json.loads(cluster.read_text())["items"]
    for kept, warning in ((("DeviceClass",), False), ((), True)):
        left = [each for each in items if each["kind"] != "DeviceClass" or each["kind"] in kept]
        for each in left:
            each.get("spec", {}).pop("extendedResourceName", None)
        cluster.write_text(json.dumps({"kind": "List", "items": left}))
        code, out, err = gfd("match", file, "--nodes", str(cluster))
        assert code == 1
        assert row(out).endswith("no 1 nvidia.com/gpu none")
        unknown = (
            "warning: whether a DeviceClass gives nvidia.com/gpu on nodes without a device plugin is unknown"
        )
        assert (unknown in err) is warning


def test_a_class_in_the_files_of_the_user(gfd: Gfd, tmp_path: Path) -> None:
    """It is not in the cluster yet."""
    spec = {
        "extendedResourceName": "example.com/hopper",
        "selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}],
    }
    own = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "own"},
        "spec": spec,
    }
    file = write_pods(tmp_path, own, pod("p", 4, "example.com/hopper"))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path))
    assert code == 0
    assert row(out).endswith("yes 4 example.com/hopper 4 of 4 devices free")


def test_a_pod_that_names_its_node(gfd: Gfd, tmp_path: Path) -> None:
    """The kubelet finds no claim, since the scheduler makes it."""
    file = write_pods(tmp_path, pod("p", 1, nodeName="a"))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path))
    assert code == 1
    assert "nodeName passes by the scheduler, which allocates devices" in " ".join(out.split())
