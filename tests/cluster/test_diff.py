"""gfd diff on a real API server."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.nfd import API_VERSION, NODE_LABEL
from tests.cluster import agents
from tests.cluster.conftest import CRD, define_node_feature, ensure_node_feature
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, apply_node, delete, make_node, merge, namespace, node

pytestmark = pytest.mark.cluster

FEATURES = f"/apis/{API_VERSION}/namespaces/compared/nodefeatures"
COMPONENTS = Path(__file__).parents[2] / "manifests" / "components"
SIMULATED = ("--simulate=t4",)
NUMBERS = itertools.count(1)


class Place:
    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self.feature_file = folder / "gfd"
        self.node = f"compared-{next(NUMBERS)}"
        self.path = f"{NODES}/{self.node}"

    def gfd(self, *words: str, sink: str) -> tuple[int, str, str]:
        given = (
            *(*SIMULATED, f"--sink={sink}", f"--node-name={self.node}", "--namespace=compared"),
            *(f"--kubeconfig={self.plane.kubeconfig}", f"--output-file={self.feature_file}"),
        )
        done = subprocess.run(
            (sys.executable, "-m", "gfd", words[0], *given, *words[1:]),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def diff(self, *words: str, sink: str) -> tuple[int, list[str]]:
        """Return exit code and lines, and hold that the error says what the last line does."""
        code, out, err = self.gfd("diff", *words, sink=sink)
        target = {
            "node": f"nodes/{self.node}",
            "nodefeature": f"nodefeatures/nvidia-features-for-{self.node} in namespace compared",
        }[sink]
        heading, *lines = out.splitlines()
        assert heading == f"--sink {sink}: {target}"
        assert err == (f"gfd: {target}: {lines[-1]}\n" if code else "")
        return code, lines


@pytest.fixture
def place(plane: ControlPlane, tmp_path: Path) -> Iterator[Place]:
    ensure_node_feature(plane)
    namespace(plane.admin, "compared")
    made = Place(plane, tmp_path)
    make_node(plane.admin, made.node, labels={"zone": "a"})
    yield made
    delete(plane.admin, made.path)
    plane.kubectl("-n", "compared", "delete", "nodefeatures", "--all")


def test_the_node(place: Place) -> None:
    code, lines = place.diff(sink="node")
    assert (code, lines[-1]) == (1, "26 added; 0 unchanged, 0 of other programs")
    assert place.gfd("--oneshot", sink="node")[0] == 0
    assert place.diff(sink="node") == (0, ["no changes; 26 unchanged, 0 of other programs"])
    changed = {"nvidia.com/gpu.count": "9", "nvidia.com/gpu.mode": None, "nvidia.com/mig.config": "all-1g"}
    merge(place.plane.admin, place.path, "kubectl-label", labels=changed)
    apply_node(place.plane.admin, place.node, "gfd-before", labels={"nvidia.com/gpu.mode": "compute"})
    assert place.diff(sink="node") == (
        1,
        [
            "~ nvidia.com/gpu.count: 9 → 1  [kubectl-label]",
            "  nvidia.com/mig.config=all-1g  [kubectl-label]",
            "1 changed; 25 unchanged, 1 of other programs",
        ],
    )
    assert place.diff("--force-conflicts=false", sink="node") == (
        0,
        [
            "! nvidia.com/gpu.count: 9 instead of 1  [kubectl-label]",
            "  nvidia.com/mig.config=all-1g  [kubectl-label]",
            "1 blocked; 25 unchanged, 1 of other programs",
        ],
    )
    code, lines = place.diff("--as-annotations=nvidia.com/gpu.machine", "--no-timestamp", sink="node")
    assert (code, lines) == (
        1,
        [
            "+ nvidia.com/gpu.machine=g4dn.xlarge (annotation)",
            *[line for line in lines if line.startswith("- nvidia.com/gfd.timestamp=")],
            "- nvidia.com/gpu.machine=g4dn.xlarge",
            "~ nvidia.com/gpu.count: 9 → 1  [kubectl-label]",
            "  nvidia.com/mig.config=all-1g  [kubectl-label]",
            "1 added, 2 removed, 1 changed; 23 unchanged, 1 of other programs",
        ],
    )
    # Only the first cycle and this test write to the Node; gfd diff does not.
    requests = [
        each for each in place.plane.requests() if each.get("objectRef", {}).get("name") == place.node
    ]
    assert [each["verb"] for each in requests if each["verb"] != "get"] == ["create", *["patch"] * 3]


def test_diff_shows_what_oneshot_changes(place: Place) -> None:
    assert place.gfd("--oneshot", sink="node")[0] == 0
    changed = {"nvidia.com/gpu.count": "9", "nvidia.com/gpu.family": None, "nvidia.com/rack": "7"}
    merge(place.plane.admin, place.path, "kubectl-label", labels=changed)
    before = node(place.plane.admin, place.node)["metadata"]["labels"]
    _, lines = place.diff("--extra-labels=counts", sink="node")
    place.gfd("--oneshot", "--extra-labels=counts", sink="node")
    after = node(place.plane.admin, place.node)["metadata"]["labels"]
    stamp = "nvidia.com/gfd.timestamp"
    expected = {
        *(f"+ {key}={after[key]}" for key in after.keys() - before.keys()),
        *(f"- {key}={before[key]}" for key in before.keys() - after.keys()),
        *(
            f"~ {key}: {before[key]} → {after[key]}  [kubectl-label]"
            for key in after.keys() & before.keys() - {stamp}
            if before[key] != after[key]
        ),
    }
    assert {line for line in lines if line[0] in "+-~"} == expected
    assert len(expected) == 6


def test_labels_of_nfd_are_blocked(place: Place) -> None:
    names = "nvidia.com/gpu.count,nvidia.com/gpu.product"
    admin = place.plane.admin
    labels = {"nvidia.com/gpu.count": "2", "nvidia.com/gpu.product": "Tesla-T4"}
    annotations = {"nfd.node.kubernetes.io/feature-labels": names}
    merge(admin, place.path, "nfd-master", labels=labels, annotations=annotations)
    code, out, err = place.gfd("diff", sink="node")
    assert code == 1
    assert out.splitlines()[-3:] == [
        "! nvidia.com/gpu.count: 2 instead of 1  [nfd-master]",
        "! nvidia.com/gpu.product=Tesla-T4  [nfd-master]",
        "24 added, 2 blocked; 0 unchanged, 0 of other programs",
    ]
    look = f"kubectl get nodefeatures -A -l {NODE_LABEL}={place.node} -o yaml"
    assert err.startswith(f"gfd: sink node: nodes/{place.node}: NFD publishes nvidia.com/gpu.count, ")
    assert f"; to find the object with these labels, run {look!r}; " in err


def test_the_node_feature(place: Place) -> None:
    code, lines = place.diff(sink="nodefeature")
    assert (code, lines[-1]) == (1, "26 added; 0 unchanged, 0 of other programs")
    assert place.gfd("--oneshot", sink="nodefeature")[0] == 0
    assert place.diff(sink="nodefeature") == (0, ["no changes; 26 unchanged, 0 of other programs"])
    worker: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "NodeFeature",
        "metadata": {"name": place.node, "labels": {NODE_LABEL: place.node}},
        "spec": {"features": {}, "labels": {"nvidia.com/rack": "7", "nvidia.com/gpu.count": "1", "a/b": "c"}},
    }
    place.plane.admin.request("POST", FEATURES, worker)
    assert place.diff("--mig-strategy=single", "--extra-labels=health", sink="nodefeature") == (
        1,
        [
            "+ nvidia.com/gpu.count.failed=0",
            "+ nvidia.com/mig.strategy=single",
            f"  nvidia.com/rack=7  [nodefeatures/{place.node}]",
            "2 added; 26 unchanged, 1 of other programs",
        ],
    )


def test_errors(place: Place) -> None:
    absent = Place(place.plane, place.feature_file.parent)
    hint = "set NODE_NAME to a name in kubectl get nodes"
    said = f"gfd: sink node: nodes/{absent.node}: there is no Node {absent.node}; {hint}\n"
    assert absent.gfd("diff", sink="node") == (1, "", said)
    nobody = str(place.plane.write_kubeconfig("nobody", token="nobody"))
    code, out, err = place.gfd("diff", f"--kubeconfig={nobody}", sink="node")
    assert (code, out) == (1, "")
    rejected = "the API server rejects the token, even after reading it again; check the service account"
    assert err == f"gfd: sink node: nodes/{place.node}: Unauthorized; {rejected}\n"
    place.plane.kubectl("delete", "crd", CRD)
    try:
        code, out, err = place.gfd("diff", sink="nodefeature")
    finally:
        define_node_feature(place.plane)
    assert (code, out) == (1, "")
    expected = f"the API server does not know {API_VERSION}; install NFD, or choose another --sink\n"
    assert err.endswith(expected)


def test_inside_a_pod(plane: ControlPlane, tmp_path: Path) -> None:
    """Without options, gfd finds the node in the token and the sink by the published labels."""
    ensure_node_feature(plane)
    agents.install(plane, *(COMPONENTS / name for name in ("node", "nodefeature")))
    make_node(plane.admin, "inside")
    agent = agents.start(plane, "inside")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    environ = outside | agents.pod_environment(plane, agent)
    gone = f"--output-file={tmp_path}/features.d/gfd"

    def gfd(*words: str) -> tuple[int, list[str], str]:
        command = (*agents.pod_prefix(), sys.executable, "-m", "gfd", *SIMULATED, gone, *words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        return done.returncode, done.stdout.splitlines(), done.stderr

    said = "gfd: using --sink {}, which holds labels of this node\n"
    same = "no changes; 26 unchanged, 0 of other programs"
    try:
        code, lines, err = gfd("diff")
        assert (code, lines) == (1, [])
        assert err.startswith(f"gfd: sink file: {tmp_path}/features.d/gfd: {tmp_path}/features.d: ")
        assert gfd("--oneshot", "--sink=node", "--node-name=inside")[0] == 0
        assert gfd("diff") == (0, ["--sink node: nodes/inside", same], said.format("node"))
        assert gfd("--oneshot", "--sink=nodefeature", "--node-name=inside", "--namespace=gfd")[0] == 0
        target = "nodefeatures/nvidia-features-for-inside in namespace gfd"
        heading = f"--sink nodefeature: {target}"
        assert gfd("diff") == (0, [heading, same], said.format("nodefeature"))
        assert gfd("diff", "--sink=node")[1][0] == "--sink node: nodes/inside"
    finally:
        delete(plane.admin, f"{NODES}/inside")
        plane.kubectl("-n", "gfd", "delete", "nodefeatures", "--all")
