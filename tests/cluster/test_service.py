"""The service on a real API server, with the rights of an agent."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from tests.agent.running import MIG, serve
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, free_port, wait_for
from tests.cluster.objects import NODES, delete, make_node, node_labels
from tests.cluster.test_rights import COMPONENTS, FEATURES

pytestmark = pytest.mark.cluster

COUNT = "nvidia.com/gpu.count"
SINKS = ("node", "nodefeature")


@pytest.fixture(scope="module")
def installed(plane: ControlPlane) -> ControlPlane:
    ensure_node_feature(plane)
    agents.install(plane, COMPONENTS / "node", COMPONENTS / "nodefeature")
    return plane


class Deployed:
    """An agent on a node of its own, and what it has published."""

    def __init__(self, plane: ControlPlane, sink: str, folder: Path, name: str) -> None:
        self.plane = plane
        self.sink = sink
        self.folder = folder
        make_node(plane.admin, name)
        self.agent: Agent = agents.start(plane, name)
        node, feature = f"{NODES}/{name}", f"{FEATURES}/nvidia-features-for-{name}"
        self.path = node if sink == "node" else feature
        self.node = name

    def arguments(self, kubeconfig: Path | None = None) -> tuple[str, ...]:
        return (
            *("--mig-strategy=single", "--no-timestamp", f"--sink={self.sink}", f"--node-name={self.node}"),
            *("--namespace=gfd", f"--pod-name={self.agent.pod}"),
            f"--kubeconfig={kubeconfig or self.agent.kubeconfig}",
        )

    @property
    def labels(self) -> dict[str, str]:
        if self.sink == "node":
            return node_labels(self.plane.admin, self.node)
        query = {"fieldSelector": f"metadata.name=nvidia-features-for-{self.node}"}
        items = self.plane.admin.request("GET", FEATURES, query=query)["items"]
        return dict(items[0]["spec"]["labels"]) if items else {}

    def is_readable(self) -> bool:
        """Whether the server answers: of custom resources it says for a while that their storage begins."""
        try:
            self.labels  # noqa: B018
        except ApiError:
            return False
        return True

    def requests(self) -> list[str]:
        """Return the verbs of what this agent asked for."""
        return [entry["verb"] for entry in self.entries()]

    def entries(self) -> list[dict[str, Any]]:
        return agents.entries(self.plane, self.agent.pod)

    def ended_watches(self) -> int:
        stages = [each["stage"] for each in self.entries() if each["verb"] == "watch"]
        return stages.count("ResponseComplete")


@pytest.fixture(params=SINKS)
def deployed(installed: ControlPlane, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployed]:
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").removesuffix("]")
    made = Deployed(installed, request.param, tmp_path, name)
    yield made
    delete(installed.admin, made.path)
    delete(installed.admin, f"{NODES}/{name}")


def has(deployed: Deployed, count: str) -> Any:
    return wait_for(lambda: deployed.labels.get(COUNT) == count, f"{count} GPUs", 15)


def expected(tmp_path: Path, machine: Any) -> dict[str, str]:
    """Return the labels of the feature file, which goldens and the original vouch for."""
    folder = tmp_path / "file"
    folder.mkdir()
    with serve(folder, "--mig-strategy=single", "--no-timestamp", machine=machine) as service:
        wait_for(service.file.exists, "the feature file")
        return dict(line.split("=", 1) for line in service.file.read_text().splitlines())


def test_labels_follow_changes_and_are_repaired(deployed: Deployed, tmp_path: Path) -> None:
    with serve(deployed.folder, *deployed.arguments()) as service:
        has(deployed, "1")
        service.play(MIG)
        has(deployed, "7")
        assert deployed.labels == expected(tmp_path, MIG)
        body = {COUNT: None}
        merged = {"metadata": {"labels": body}} if deployed.sink == "node" else {"spec": {"labels": body}}
        kind = "application/merge-patch+json"
        deployed.plane.admin.request("PATCH", deployed.path, merged, content_type=kind)
        (drifted,) = wait_for(lambda: service.log("drift.detected"), "word of it", 5)
        # Who removes a key holds nothing, and the metadata of a NodeFeature do not tell its labels.
        keys = [COUNT] if deployed.sink == "node" else []
        assert (drifted["what"], drifted["keys"], drifted["writer"]) == ("labels", keys, "")
        has(deployed, "7")
        assert service.end()[0] == 0
    assert deployed.labels == expected_again(tmp_path)
    verbs = deployed.requests()
    writes = [verb for verb in verbs if verb in {"patch", "update", "create"}]
    assert len(writes) == 3
    assert verbs.count("watch") == 1
    reads = [verb for verb in verbs if verb not in writes]
    # The object, its owner, the watch, and a NodeFeature whose spec the watch does not show once more.
    assert len(reads) <= 4


def expected_again(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "file" / "features.d" / "gfd"
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_no_requests_without_changes(deployed: Deployed) -> None:
    with serve(deployed.folder, *deployed.arguments()) as service:
        has(deployed, "1")
        wait_for(lambda: len(service.log("cycle.published")) > 3, "cycles")
        asked = deployed.requests()
        wait_for(lambda: len(service.log("cycle.published")) > 30, "more cycles")
        assert deployed.requests() == asked
    with serve(deployed.folder, *deployed.arguments()) as service:
        wait_for(lambda: len(service.log("cycle.published")) > 3, "cycles of the next one")
        fresh = deployed.requests()[len(asked) :]
        assert [verb for verb in fresh if verb not in {"get", "watch"}] == []
        assert len([verb for verb in fresh if verb == "get"]) <= 2


def test_reload_closes_the_old_watch(deployed: Deployed) -> None:
    with serve(deployed.folder, *deployed.arguments()) as service:
        has(deployed, "1")
        wait_for(lambda: deployed.requests().count("watch") == 1, "the watch")
        threads = Path(f"/proc/{service.process.pid}/task")
        before = len(list(threads.iterdir()))
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: deployed.requests().count("watch") == 2, "the next watch")
        wait_for(lambda: deployed.ended_watches() == 1, "the end of the first")
        wait_for(lambda: len(list(threads.iterdir())) == before, "the end of its thread")


def test_api_server_that_starts_late_and_stops(deployed: Deployed) -> None:
    plane = deployed.plane
    plane.stop("kube-apiserver")
    with serve(deployed.folder, *deployed.arguments()) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the failure")
        assert f"the API server {plane.host} does not answer" in failed[0]["reason"]
        assert failed[0]["level"] == "warning"
        plane.start_api_server()
        wait_for(deployed.is_readable, "the storage of what was published")
        wait_for(lambda: service.log("publish.recovered"), "the word that it heals", 70)
        has(deployed, "1")
        plane.stop("kube-apiserver")
        service.play(MIG)
        wait_for(lambda: len(service.log("publish.failed")) > len(failed), "another failure")
        plane.start_api_server()
        wait_for(deployed.is_readable, "the storage of what was published")
        wait_for(lambda: deployed.labels.get(COUNT) == "7", "the last layout", 70)
        # The watch stands again, too.
        wait_for(lambda: deployed.requests().count("watch") >= 1, "the watch", 70)
        assert service.process.poll() is None


@pytest.mark.parametrize(
    ("written", "words", "end"),
    [
        ("nonsense", "", "even after reading it again; check the service account"),
        # To the package, whoever has no token is nobody; so it is while the file is being written.
        (
            "",
            'User "system:anonymous" cannot get resource',
            "gfd found no credentials, even after reading them again; is the token file empty?",
        ),
    ],
    ids=["refused", "empty"],
)
def test_token_is_read_again(deployed: Deployed, written: str, words: str, end: str) -> None:
    good = deployed.agent.token_file.read_text()
    deployed.agent.token_file.write_text(written)
    with serve(deployed.folder, *deployed.arguments()) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the failure")
        assert words in failed[0]["reason"]
        assert failed[0]["reason"].endswith(end)
        deployed.agent.token_file.write_text(good)
        has(deployed, "1")
        wait_for(lambda: service.log("publish.recovered"), "the word that it heals")


def test_missing_rights(deployed: Deployed) -> None:
    plane = deployed.plane
    admin, sink = plane.admin, deployed.sink
    kind, base = ("clusterrolebindings", "/apis/rbac.authorization.k8s.io/v1")
    if sink == "nodefeature":
        kind, base = "rolebindings", f"{base}/namespaces/gfd"
    delete(admin, f"{base}/{kind}/gfd")
    with serve(deployed.folder, *deployed.arguments()) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the failure")
        assert 'User "system:serviceaccount:gfd:gfd" cannot get resource' in failed[0]["reason"]
        assert f"the verb get is granted by manifests/overlays/{sink}" in failed[0]["reason"]
        plane.kubectl("apply", "-f", str(COMPONENTS / sink / "rbac.yaml"))
        has(deployed, "1")
        wait_for(lambda: service.log("publish.recovered"), "the word that it heals", 70)


def test_one_shot_and_cleanup(deployed: Deployed) -> None:
    def gfd(*words: str) -> str:
        command = (sys.executable, "-m", "gfd", *words)
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    given = deployed.arguments()
    assert gfd("--oneshot", "--simulate=mig-doc", "--mig=all-1g.5gb", *given) == ""
    assert deployed.labels[COUNT] == "7"
    used = ("--sink", "--node-name", "--namespace", "--kubeconfig")
    cleanup = ("cleanup", *(each for each in given if each.startswith(used)))
    assert gfd(*cleanup).endswith(": removed\n")
    assert deployed.labels == {}
    assert gfd(*cleanup).endswith(": nothing to remove\n")


def test_two_agents_on_one_node(deployed: Deployed, tmp_path: Path) -> None:
    """As two releases of the chart would be: both write under the field manager gfd."""
    other = tmp_path / "other"
    other.mkdir()
    port = free_port()
    address = f"--metrics-addr=127.0.0.1:{port}"
    with (
        serve(deployed.folder, *deployed.arguments(), address, "--sleep-interval=60s") as service,
        serve(other, *deployed.arguments(), "--sleep-interval=60s", machine=MIG),
    ):
        (found,) = wait_for(lambda: service.log("conflict.detected"), "the other agent")
        assert (found["level"], found["sink"]) == ("warning", deployed.sink)
        assert "another gfd (field manager gfd) keeps changing the labels" in found["reason"]
        if deployed.sink == "node":
            assert f"{COUNT}, " in found["reason"]
            assert "nvidia.com/gpu.product, " in found["reason"]
        code, body = ready(port)
        assert code == 503
        assert body.startswith(f"sink {deployed.sink}: another gfd (field manager gfd) keeps changing")


def ready(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
