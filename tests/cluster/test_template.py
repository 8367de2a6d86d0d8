"""Nodes made with gfd template: a real API server takes them, and a real scheduler places pods on them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, node_labels

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"
MIG = ("--mig", "all-1g.10gb", "--mig-strategy", "mixed")
TAINT = ("--taint", "nvidia.com/gpu=present:NoSchedule")
SIZE = ("--resource", "cpu=96,memory=1Ti")
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> ControlPlane:
    return scheduled


def gfd(plane: ControlPlane, *words: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "gfd", *words)
    environ = {"KUBECONFIG": str(plane.kubeconfig), "HOME": str(plane.home)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert not done.stderr or done.returncode, done.stderr
    return done.returncode, done.stdout


def apply(plane: ControlPlane, *words: str) -> dict[str, Any]:
    """Create the Node of a template and return it."""
    code, text = gfd(plane, "template", "-o", "node", *words)
    assert code == 0
    plane.kubectl("create", "-f", "-", stdin=text)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def make_pod(name: str, resource: str, product: str) -> dict[str, Any]:
    resources = {"limits": {resource: "1"}, "requests": {"cpu": "8"}}
    spec = {
        "containers": [{"name": "c", "image": "i", "resources": resources}],
        "nodeSelector": {"nvidia.com/gpu.product": product},
        "tolerations": [TOLERATION],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def wait_for_node(plane: ControlPlane, name: str) -> str:
    return str(
        wait_for(
            lambda: plane.admin.request("GET", f"{PODS}/{name}")["spec"].get("nodeName"),
            f"the scheduler to place {name}",
        )
    )


@pytest.mark.parametrize(
    ("name", "words", "resource"),
    [
        ("t4", ("--simulate", "t4"), "nvidia.com/gpu"),
        ("mig", ("--simulate", "dgx-h100", *MIG), "nvidia.com/mig-1g.10gb"),
    ],
)
def test_a_pod_runs_on_the_node_of_a_template(
    plane: ControlPlane, tmp_path: Path, name: str, words: tuple[str, ...], resource: str
) -> None:
    made = apply(plane, *words, *TAINT, *SIZE, "--name", name)
    found = plane.admin.request("GET", f"{NODES}/{name}")
    labels = made["metadata"]["labels"]
    assert found["metadata"]["labels"].items() >= labels.items()
    assert found["status"]["allocatable"] == made["status"]["allocatable"]
    assert {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"} in found["spec"]["taints"]
    pod = make_pod(name, resource, labels["nvidia.com/gpu.product"])
    (tmp_path / "pod.json").write_text(json.dumps(pod))
    wait_for(
        lambda: gfd(plane, "match", str(tmp_path / "pod.json"))[0] == 0, f"gfd match to find room on {name}"
    )
    plane.admin.request("POST", PODS, pod)
    assert wait_for_node(plane, name) == name


def test_a_running_node_is_a_template_for_the_next(plane: ControlPlane) -> None:
    first = apply(plane, "--simulate", "l40s", *TAINT, *SIZE, "--name", "first")
    second = apply(plane, "--node", "first", "--name", "second")
    first["metadata"]["name"] = first["metadata"]["labels"]["kubernetes.io/hostname"] = "second"
    assert second == first
    assert node_labels(plane.admin, "second").items() >= first["metadata"]["labels"].items()


def test_a_node_that_is_not_there(plane: ControlPlane) -> None:
    command = (sys.executable, "-m", "gfd", "template", "--node", "gone")
    environ = {"KUBECONFIG": str(plane.kubeconfig)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gfd: there is no Node gone; kubectl get nodes lists them\n"


def test_a_node_beside_its_template(plane: ControlPlane, tmp_path: Path) -> None:
    words = ("--simulate", "t4", "--name", "promised")
    apply(plane, *words)
    path = tmp_path / "pool.yaml"
    path.write_text(gfd(plane, "template", *words, "-o", "karpenter")[1])
    diff = ("diff", "--template", str(path), "--node", "promised")
    assert gfd(plane, *diff)[0] == 0
    plane.kubectl("label", "node", "promised", "nvidia.com/gpu.count=9", "--overwrite")
    plane.kubectl("label", "node", "promised", "nvidia.com/gpu.family-")
    code, out = gfd(plane, *diff)
    assert (code, out.splitlines()[1:3]) == (
        1,
        ["- nvidia.com/gpu.family=turing", "~ nvidia.com/gpu.count: 9 instead of 1"],
    )
