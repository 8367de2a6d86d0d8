"""NFD itself between gfd and the Node, where NFD_BIN names a folder with nfd-worker and nfd-master."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane, control_plane, free_port, wait_for
from tests.cluster.objects import make_node, namespace, node_labels
from tests.cluster.test_rights import COMPONENTS
from tests.test_daemon import A100, MIG, serve

FOLDER = Path(os.environ.get("NFD_BIN", ""))
FEATURES = Path("/etc/kubernetes/node-feature-discovery/features.d")
COUNT = "nvidia.com/gpu.count"

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not os.environ.get("NFD_BIN"), reason="NFD_BIN names no folder of NFD"),
]


@contextmanager
def process(name: str, home: Path, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    with (home / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", FOLDER / name, *arguments),
            env=os.environ | environ,
            stdout=log,
            stderr=log,
        )
    try:
        yield started
        assert started.poll() is None, (home / f"{name}.log").read_text()[-2000:]
    finally:
        started.kill()
        started.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with NFD's own definitions and nfd-master, and nfd-worker for the one node."""
    with ExitStack() as stack:
        home = tmp_path_factory.mktemp("nfd")
        plane = stack.enter_context(control_plane(home))
        plane.kubectl("apply", "--server-side", "-f", str(FOLDER / "nfd-api-crds.yaml"))
        namespace(plane.admin, "nfd")
        for name in ("nfd-node", "gfd-node"):
            # NFD adds to labels and annotations that any real node has.
            make_node(plane.admin, name, labels={"kubernetes.io/hostname": name}, annotations={"a": "b"})
        common = {"KUBECONFIG": str(plane.kubeconfig), "KUBERNETES_NAMESPACE": "nfd"}
        stack.enter_context(
            process(
                "nfd-master",
                home,
                *("-kubeconfig", str(plane.kubeconfig), "-port", str(free_port())),
                **common,
                NODE_NAME="nfd-node",
            )
        )
        yield plane


def test_the_feature_file(cluster: ControlPlane, tmp_path: Path) -> None:
    FEATURES.mkdir(parents=True, exist_ok=True)
    arguments = (
        *("-kubeconfig", str(cluster.kubeconfig), "-owner-refs=", "-feature-sources", "local"),
        *("-label-sources", "local", "-port", str(free_port())),
    )
    environ = {"KUBERNETES_NAMESPACE": "nfd", "NODE_NAME": "nfd-node"}
    with process("nfd-worker", cluster.home, *arguments, **environ):
        given = ("--mig-strategy=single", "--no-timestamp", f"--output-file={FEATURES / 'gfd'}")
        try:
            with serve(tmp_path, *given) as service:
                wait_for(lambda: labels(cluster, "nfd-node").get(COUNT) == "1", "NFD to pass on the labels")
                for machine, count in ((MIG, "7"), (A100, "1"), (MIG, "7")):
                    before = (FEATURES / "gfd").stat().st_ino
                    service.play(machine)
                    wait_for(lambda before=before: (FEATURES / "gfd").stat().st_ino != before, "the file")
                    changed_s = time.monotonic()
                    wait_for(lambda count=count: labels(cluster, "nfd-node").get(COUNT) == count, "the label")
                    assert time.monotonic() - changed_s < 2
                file = dict(line.split("=", 1) for line in (FEATURES / "gfd").read_text().splitlines())
                assert labels(cluster, "nfd-node") == file
        finally:
            (FEATURES / "gfd").unlink(missing_ok=True)
        wait_for(lambda: labels(cluster, "nfd-node") == {}, "NFD to take the labels back")


def test_the_node_feature(cluster: ControlPlane, tmp_path: Path) -> None:
    agents.install(cluster, COMPONENTS / "nodefeature")
    agent = agents.start(cluster, "gfd-node")
    given = (
        *("--mig-strategy=single", "--no-timestamp", "--sink=nodefeature,stdout", "--node-name=gfd-node"),
        *("--namespace=gfd", f"--pod-name={agent.pod}", f"--kubeconfig={agent.kubeconfig}"),
    )
    with serve(tmp_path, *given) as service:
        wait_for(lambda: labels(cluster, "gfd-node").get(COUNT) == "1", "NFD to pass on the labels")
        service.play(MIG)
        wait_for(lambda: labels(cluster, "gfd-node").get(COUNT) == "7", "NFD to pass on the change", 10)
        assert "nvidia.com/gpu.slices.gi" in labels(cluster, "gfd-node")
    # A second road for the same keys is noticed and not taken.
    agents.install(cluster, COMPONENTS / "node")
    direct = [each.replace("nodefeature,stdout", "node") for each in given]
    with serve(tmp_path, *direct) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the refusal")
        assert "NFD publishes nvidia.com/cuda.driver-version.full, " in failed[0]["reason"]
        time.sleep(1)
        assert len([each for each in service.log("publish.failed") if each["level"] == "warning"]) == 1


def labels(plane: ControlPlane, node: str) -> dict[str, str]:
    found = node_labels(plane.admin, node)
    return {key: value for key, value in found.items() if key.startswith("nvidia.com/")}
