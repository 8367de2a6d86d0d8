"""gfd explain --node on a real API server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, apply_node, delete, make_node, merge

pytestmark = pytest.mark.cluster

NAME = "explained"
UNKNOWN = "gfd: Unauthorized; log in again, or set other credentials with --kubeconfig or --context\n"
SIMULATED = ("--oneshot", "--simulate=mig-doc", "--sink=node", f"--node-name={NAME}", "--no-timestamp")


@pytest.fixture
def cluster(plane: ControlPlane) -> Iterator[ControlPlane]:
    make_node(plane.admin, NAME)
    yield plane
    delete(plane.admin, f"{NODES}/{NAME}")


def gfd(plane: ControlPlane, *words: str, kubeconfig: Path | None = None) -> tuple[int, str, str]:
    command = (sys.executable, "-m", "gfd", *words, f"--kubeconfig={kubeconfig or plane.kubeconfig}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_node_and_the_owners_of_its_labels(cluster: ControlPlane) -> None:
    assert gfd(cluster, *SIMULATED, "--as-annotations", r"nvidia\.com/gpu\.machine")[0] == 0
    apply_node(cluster.admin, NAME, "gpu-operator", labels={"nvidia.com/gpu.present": "true"})
    merge(cluster.admin, f"{NODES}/{NAME}", "kubectl-label", labels={"nvidia.com/gpu.count": "9"})
    keys = ("gpu.count", "gpu.product", "gpu.machine", "gpu.present", "gpu.clique")
    code, out, err = gfd(cluster, "explain", "--node", NAME, *keys, "-o", "json")
    assert (code, err) == (0, "")
    assert [(each["value"], each["holders"], each["seen_on"]) for each in json.loads(out)] == [
        ("9", ["kubectl-label"], f"Node {NAME}"),
        ("A100-PCIE-40GB", ["gfd"], f"Node {NAME}"),
        ("SYS-1019GP-TT-02-NC24B", ["gfd"], f"the annotations of Node {NAME}"),
        ("true", ["gpu-operator"], f"Node {NAME}"),
        (None, [], f"Node {NAME}"),
    ]
    code, out, err = gfd(cluster, "explain", "--node", NAME, "mig.capable")
    assert (code, out, err) == (
        0,
        f"""\
nvidia.com/mig.capable=true
  Whether any GPU supports MIG.
  unit        true or false
  written by  _node.j2, line 62: nvidia.com/mig.capable={{{{ node.is_mig_capable | lower }}}}
  when        with a GPU
  made from   Gpu.is_mig_capable, from nvmlDeviceGetMigMode
  owned by    gfd
  value from  Node {NAME}; run gfd explain there for raw values
""",
        "",
    )
    code, out, err = gfd(cluster, "explain", "--node", NAME)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert len(rows) > 25
    assert "kubernetes.io/arch" not in out
    assert rows["gpu.present"].endswith("  Belongs to NVIDIA's GPU operator.")


def test_bad_input(cluster: ControlPlane) -> None:
    said = "gfd: there is no Node nobody; kubectl get nodes lists them\n"
    assert gfd(cluster, "explain", "--node=nobody") == (1, "", said)
    code, out, said = gfd(cluster, "explain", "--node=a/../b")
    assert (code, out, said.count("\n")) == (1, "", 1)
    stranger = cluster.write_kubeconfig("stranger", token="stranger")
    assert gfd(cluster, "explain", f"--node={NAME}", kubeconfig=stranger) == (1, "", UNKNOWN)
