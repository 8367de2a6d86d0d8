"""gfd cleanup, on one node, on all, and after the original."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.nfd import API_VERSION
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane
from tests.cluster.objects import NODES, delete, make_node, namespace, node_labels

pytestmark = pytest.mark.cluster

FEATURES = f"/apis/{API_VERSION}/namespaces/cleaned/nodefeatures"
NAMES = ("c1", "c2", "c3")
UNKNOWN = (
    "gfd: --sink node: Unauthorized; log in again, or set other credentials with --kubeconfig or --context\n"
)
SIMULATED = ("--oneshot", "--simulate=mig-doc")


@pytest.fixture
def cluster(plane: ControlPlane) -> Iterator[ControlPlane]:
    ensure_node_feature(plane)
    namespace(plane.admin, "cleaned")
    for name in NAMES:
        make_node(plane.admin, name, labels={"zone": "a", "nvidia.com/rack": "7"})
    yield plane
    for name in NAMES:
        delete(plane.admin, f"{NODES}/{name}")
    plane.kubectl("-n", "cleaned", "delete", "nodefeatures", "--all")


def gfd(plane: ControlPlane, *words: str) -> tuple[int, str, str]:
    given = (f"--kubeconfig={plane.kubeconfig}", "--namespace=cleaned")
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *given, *words), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def leave_as_original(plane: ControlPlane, node: str) -> None:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "11111111-1111-1111-1111-111111111111"}
    metadata = {"name": f"nvidia-features-for-{node}", "ownerReferences": [owner]}
    body: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata}
    plane.admin.request("POST", FEATURES, body | {"spec": {"features": {}, "labels": {}}})


def test_all_nodes(cluster: ControlPlane) -> None:
    for name in NAMES[:2]:
        assert gfd(cluster, *SIMULATED, "--sink=node", f"--node-name={name}")[0] == 0
    assert len(node_labels(cluster.admin, "c1")) > 20
    said = "nodes/c1: removed\nnodes/c2: removed\n"
    assert gfd(cluster, "cleanup", "--all-nodes", "--sink=node") == (0, said, "")
    for name in NAMES:
        assert node_labels(cluster.admin, name) == {"zone": "a", "nvidia.com/rack": "7"}
    nothing = "--sink node: nothing to remove: gfd holds no key of any Node\n"
    assert gfd(cluster, "cleanup", "--all-nodes", "--sink=node") == (0, nothing, "")


def test_what_the_original_left(cluster: ControlPlane) -> None:
    for name in NAMES[:2]:
        leave_as_original(cluster, name)
    assert gfd(cluster, *SIMULATED, "--sink=nodefeature", "--node-name=c3")[0] == 0
    c1, c2, c3 = (f"nodefeatures/nvidia-features-for-{name} in namespace cleaned" for name in NAMES)
    assert gfd(cluster, "cleanup", "--from-original", "--node-name=c1") == (0, f"{c1}: removed\n", "")
    assert gfd(cluster, "cleanup", "--from-original", "--all-nodes") == (0, f"{c2}: removed\n", "")
    assert gfd(cluster, "cleanup", "--all-nodes", "--sink=nodefeature") == (0, f"{c3}: removed\n", "")


def test_where_nothing_is_left(cluster: ControlPlane) -> None:
    """Most often another namespace was meant than the one that was looked at."""
    leave_as_original(cluster, "c1")
    nothing = "--sink nodefeature: nothing to remove in namespace default; use --namespace for another one\n"
    for which in ("--sink=nodefeature", "--from-original"):
        assert gfd(cluster, "cleanup", "--all-nodes", which, "--namespace=default") == (0, nothing, "")
    said = "nodefeatures/nvidia-features-for-c1 in namespace cleaned: removed\n"
    assert gfd(cluster, "cleanup", "--all-nodes", "--from-original") == (0, said, "")


def test_without_nfd(tmp_path: Path) -> None:
    unknown = "the API server does not know NodeFeature (nfd.k8s-sigs.io/v1alpha1); is NFD in this cluster?"
    with control_plane(tmp_path) as plane:
        for which in ("--sink=nodefeature", "--from-original"):
            assert gfd(plane, "cleanup", "--all-nodes", which) == (
                1,
                "",
                f"gfd: --sink nodefeature: {unknown}\n",
            )


def test_bad_input(cluster: ControlPlane) -> None:
    reason = "works for --sink node and nodefeature only; for other sinks run gfd cleanup on each node"
    said = f"gfd: --all-nodes (command line): {reason}\n"
    assert gfd(cluster, "cleanup", "--all-nodes") == (2, "", said)
    nobody = str(cluster.write_kubeconfig("nobody", token="nobody"))
    words = ("cleanup", "--all-nodes", "--sink=node", "--namespace=cleaned", f"--kubeconfig={nobody}")
    done = subprocess.run((sys.executable, "-m", "gfd", *words), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", UNKNOWN)
    code, out, said = gfd(cluster, "cleanup", "--sink=node", "--node-name=nobody")
    assert (code, out, said) == (0, "nodes/nobody: nothing to remove\n", "")
