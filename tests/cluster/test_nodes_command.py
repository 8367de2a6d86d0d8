"""``gfd nodes`` on a real API server: what it prints, and what it does without permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane, free_port, wait_for
from tests.cluster.nodes_command import (
    cells,
    run,
    watching,
)
from tests.cluster.objects import NODES, Object, delete, merge, namespace
from tests.tools import make

pytestmark = pytest.mark.cluster


def test_gpus_and_free_devices(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    code, out, err = run(plane.kubeconfig, *pair)
    assert (code, err) == (0, "")
    assert [row[:2] + row[-4:-2] for row in cells(out)] == [
        ["pair-a", "NVIDIA-A100-SXM4-40GB", "3/8", "5"],
        ["pair-b", "NVIDIA-A100-SXM4-40GB", "3/8", "5"],
    ]
    found = json.loads(run(plane.kubeconfig, "-l", "test=pair,zone in (b,c)", "-o=json")[1])
    assert [each["node"] for each in found["nodes"]] == ["pair-b"]
    assert found["nodes"][0]["free"] == {"nvidia.com/gpu": 5}
    assert found["nodes"][0]["writers"] == ["gfd"]
    assert run(plane.kubeconfig, "-l", "test=nobody") == (0, "0 nodes with GPUs\n", "")


def test_files_of_kubectl_give_the_same_table(
    plane: ControlPlane, pair: tuple[str, ...], tmp_path: Path
) -> None:
    files = tmp_path / "nodes.json", tmp_path / "pods.yaml"
    files[0].write_text(plane.kubectl("get", "nodes", "--show-managed-fields", "-o", "json"))
    files[1].write_text(plane.kubectl("get", "pods", "-A", "-o", "yaml"))
    given = ("--nodes", str(files[0]), "--pods", str(files[1]))
    assert run(None, *given, *pair, "-o=csv") == run(plane.kubeconfig, *pair, "-o=csv")


def test_pods_that_hold_devices(plane: ControlPlane, pair: tuple[str, ...]) -> None:
    found = json.loads(run(plane.kubeconfig, *pair, "--pods", "-o=json")[1])
    pods = [pod for each in found["nodes"] for pod in each["pods"]]
    stored = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item["metadata"]["creationTimestamp"]
        for item in json.loads(plane.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    }
    # There is no kubelet, so no pod has started.
    assert all(stored[pod["namespace"], pod["pod"]] == pod["since"] for pod in pods)
    assert sum(pod["requests"]["nvidia.com/gpu"] for pod in pods) == 6
    _, out, _ = run(plane.kubeconfig, *pair, "--pods")
    names = {pod["pod"] for pod in pods}
    assert {line.split()[-1] for line in out.splitlines()[-len(pods) :]} == names


@pytest.fixture
def grant_list(plane: ControlPlane) -> Iterator[Callable[..., Path]]:
    """Return a function that makes the kubeconfig of a user who may list only these resources."""
    made = []

    def grant(*resources: str) -> Path:
        namespace(plane.admin, "default")
        name = f"reader-of-{'-'.join(resources) or 'nothing'}"
        account = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        rules = [{"apiGroups": [""], "resources": list(resources), "verbs": ["list", "watch"]}]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        paths: tuple[tuple[str, Object], ...] = (
            ("/api/v1/namespaces/default/serviceaccounts", {}),
            (f"{rbac}/clusterroles", {"rules": rules if resources else []}),
            (f"{rbac}/clusterrolebindings", {"roleRef": role, "subjects": [account]}),
        )
        for path, more in paths:
            plane.admin.request("POST", path, {"metadata": {"name": name}, **more})
            made.append(f"{path}/{name}")
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
        token = plane.admin.request("POST", f"{paths[0][0]}/{name}/token", body)["status"]["token"]
        return plane.write_kubeconfig(name, token=token)

    yield grant
    for path in made:
        delete(plane.admin, path)


def test_without_permissions(
    plane: ControlPlane, pair: tuple[str, ...], grant_list: Callable[..., Path], tmp_path: Path
) -> None:
    code, out, err = run(grant_list(), *pair)
    assert (code, out) == (1, "")
    assert err == (
        'gfd: nodes is forbidden: User "system:serviceaccount:default:reader-of-nothing" cannot list '
        'resource "nodes" in API group "" at the cluster scope; this needs the verb list on nodes; or let '
        "a permitted user run kubectl get nodes -o json, and pass the output with --nodes\n"
    )
    kubeconfig = grant_list("nodes")
    unknown = (
        "gfd: warning: allocated and free devices are unknown: "
        "listing pods is forbidden; grant the verb list on pods\n"
    )
    no_slices = (
        "gfd: warning: devices of ResourceSlices are unknown: listing resourceslices is forbidden; "
        "grant the verb list on resourceslices.resource.k8s.io\n"
    )
    code, out, err = run(kubeconfig, *pair)
    assert (code, err) == (0, no_slices + unknown)
    assert [row[-4:-2] for row in cells(out)] == [["?/8", "?"]] * 2
    (tmp_path / "pod.json").write_text(json.dumps(make.pod("p", "", {"gpu": 1})))
    command = (sys.executable, "-m", "gfd", "match", tmp_path / "pod.json", f"--kubeconfig={kubeconfig}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[0] == (
        "gfd: warning: without the right to list pods, it is unknown what they leave free"
    )
    with watching(tmp_path, kubeconfig, *pair) as seen:
        wait_for(lambda: len(seen.lines) == 3, "the rows")
        merge(plane.admin, f"{NODES}/pair-a", "gfd", labels={"nvidia.com/gpu.count": "7"})
        wait_for(lambda: len(seen.lines) == 4, "the change")
    assert seen.errors == unknown + no_slices
    assert seen.lines[3].split()[0:4] == ["MODIFIED", "pair-a", "NVIDIA-A100-SXM4-40GB", "7"]


def test_without_a_cluster(plane: ControlPlane, tmp_path: Path) -> None:
    content = json.loads(plane.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    for words in ((), ("--watch",)):
        code, out, err = run(path, *words)
        assert (code, out) == (1, "")
        assert err.startswith("gfd: the API server https://127.0.0.1:")
        assert err.count("\n") == 1
        assert "does not answer" in err
