"""gfd with the real NFD, where NFD_BIN names a folder with nfd-worker and nfd-master."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from gfd.kube.field_managers import DRA_MANAGER, held_by, holders
from gfd.labels.syntax import CLIQUE
from gfd.simulation import machines
from tests.agent.running import A100, MIG, serve
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane, control_plane, free_port, wait_for
from tests.cluster.objects import NODES, apply_node, make_node, merge, namespace, node, node_labels
from tests.cluster.test_rights import COMPONENTS
from tests.standin import build, environment, from_inventory

FOLDER = Path(os.environ.get("NFD_BIN", ""))
FEATURES = "/etc/kubernetes/node-feature-discovery/features.d"
"""nfd-worker reads no other directory."""
WORKER = (
    f'mount -t tmpfs none /etc && mkdir -p {FEATURES} && mount --bind "$1" {FEATURES} && shift && exec "$@"'
)
"""Run a command whose /etc has nothing but the test's own directory of feature files."""
COUNT = "nvidia.com/gpu.count"
ORIGINAL = os.environ.get("GFD_PEER", "")
DGX = from_inventory(machines.read("dgx-a100", "all-disabled"))
GIVEN = ("--mig-strategy=single", "--no-timestamp")

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not os.environ.get("NFD_BIN"), reason="NFD_BIN names no folder of NFD"),
]


@contextmanager
def process(
    name: str, home: Path, *arguments: str, environ: Mapping[str, str], before: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of NFD, with the words ``before`` in front of its command."""
    with (home / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", *before, FOLDER / name, *arguments),
            env={**os.environ, **environ},
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
                environ=common | {"NODE_NAME": "nfd-node"},
            )
        )
        yield plane


class Seen:
    """How long the Node was without labels."""

    without_s = 0.0


@contextmanager
def watching(plane: ControlPlane) -> Iterator[Seen]:
    """Poll the Node in a thread."""
    seen, is_over = Seen(), Event()

    def look() -> None:
        looked_s = time.monotonic()
        while not is_over.wait(0.02):
            is_without = COUNT not in labels(plane, "nfd-node")
            now_s = time.monotonic()
            seen.without_s += now_s - looked_s if is_without else 0.0
            looked_s = now_s

    thread = Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


class FeaturePath:
    """The way from the feature file to the labels of the Node."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self.file = folder / "gfd"

    def options(self, name: str = "gfd") -> tuple[str, ...]:
        return *GIVEN, f"--output-file={self.file.with_name(name)}"

    @contextmanager
    def gfd(self, *arguments: str) -> Iterator[None]:
        """Run a command of gfd; wait for its end. cleanup takes no options about the hardware."""
        options = self.options()[-1:] if "cleanup" in arguments else self.options()
        with subprocess.Popen((sys.executable, "-m", "gfd", *arguments, *options)) as process:
            yield
        assert process.returncode == 0

    def wait_for_node(self, count: str, what: str) -> None:
        """Wait until the file has a new count, then at most 3 s until the Node has it."""
        self.wait_for_file(count)
        put_s = time.monotonic()
        wait_for(lambda: labels(self._plane, "nfd-node").get(COUNT) == count, f"the labels of {what}")
        took_s = time.monotonic() - put_s
        sys.stdout.write(f"{what}: {took_s:.2f} s from the file to the Node\n")
        assert took_s < 3, what

    def wait_for_file(self, count: str) -> None:
        """Wait only until the file has a new count."""
        line = f"{COUNT}={count}\n"
        wait_for(lambda: self.file.exists() and line in self.file.read_text(), f"{line} in the file")


@pytest.fixture
def features(cluster: ControlPlane, tmp_path: Path) -> Iterator[FeaturePath]:
    """An empty directory, and an nfd-worker that reads it."""
    if os.geteuid():
        pytest.skip("nfd-worker reads a directory in /etc; to replace it needs root")
    folder = tmp_path / "features"
    folder.mkdir()
    arguments = (
        *("-kubeconfig", str(cluster.kubeconfig), "-owner-refs=", "-feature-sources", "local"),
        *("-label-sources", "local", "-port", str(free_port())),
    )
    environ = {"KUBERNETES_NAMESPACE": "nfd", "NODE_NAME": "nfd-node"}
    before = ("unshare", "--mount", "sh", "-c", WORKER, "sh", str(folder))
    with process("nfd-worker", cluster.home, *arguments, before=before, environ=environ):
        log = cluster.home / "nfd-worker.log"
        wait_for(lambda: "feature discovery completed" in log.read_text(), "nfd-worker")
        yield FeaturePath(cluster, folder)


def test_feature_file(cluster: ControlPlane, features: FeaturePath, tmp_path: Path) -> None:
    with serve(tmp_path, *features.options()) as service:
        features.wait_for_node("1", "the first start")
        time.sleep(2)
        service.play(MIG)
        features.wait_for_node("7", "a change")
        time.sleep(2)
        service.play(A100)
        features.wait_for_file("1")
        time.sleep(0.3)
        service.play(DGX)
        features.wait_for_node("8", "a change 0.3 s after another")
        file = dict(line.split("=", 1) for line in features.file.read_text().splitlines())
        assert labels(cluster, "nfd-node") == file
    with features.gfd("cleanup"):
        wait_for(lambda: labels(cluster, "nfd-node") == {}, "NFD to take the labels back", 3)
    with serve(tmp_path, *features.options(), "--sleep-interval=infinite", machine=MIG):
        features.wait_for_node("7", "a start after gfd cleanup")
        time.sleep(2)
        with watching(cluster) as seen:
            features.file.unlink()
            time.sleep(5)
        sys.stdout.write(f"a removal: the Node was without labels for {seen.without_s:.2f} s\n")
        assert seen.without_s < 3
        assert labels(cluster, "nfd-node")[COUNT] == "7"
    with serve(tmp_path, *features.options(), machine=MIG) as service:
        wait_for(lambda: service.log("cycle.published"), "the first cycle")
        service.play(A100)
        features.wait_for_file("1")
        time.sleep(0.3)
        service.play(DGX)
        features.wait_for_file("8")
        assert service.end()[0] == 0
    wait_for(lambda: labels(cluster, "nfd-node")[COUNT] == "8", "the labels of a service that has ended", 3)
    with features.gfd("--oneshot", "--simulate", "mig-doc", "--mig", "all-disabled"):
        features.wait_for_node("1", "one shot")
    with features.gfd("cleanup"):
        pass
    with features.gfd("--oneshot", "--simulate", "mig-doc", "--mig", "all-1g.5gb"):
        features.wait_for_node("7", "one shot right after gfd cleanup")
    with features.gfd("cleanup"):
        wait_for(lambda: labels(cluster, "nfd-node") == {}, "NFD to take the labels back", 3)


@pytest.mark.skipif(not ORIGINAL, reason="GFD_PEER does not name the original gpu-feature-discovery")
@pytest.mark.parametrize(("name", "limit_s"), [("gfd", 3.0), ("gfd-new", 0.0)])
def test_moving_by_file(
    cluster: ControlPlane, features: FeaturePath, tmp_path: Path, name: str, limit_s: float
) -> None:
    """Beside the original, which deletes its file when it ends: with the same file and with another."""
    environ = environment(build(tmp_path / "lib"), A100.write(tmp_path / "original"))
    argv = (ORIGINAL, *features.options(), "--use-node-feature-api=false", "--sleep-interval=60s")
    with subprocess.Popen(argv, env=environ, stderr=subprocess.DEVNULL) as original:
        try:
            features.wait_for_file("1")
            given = (*features.options(name), "--sleep-interval=infinite")
            with serve(tmp_path, *given) as service:
                wait_for(lambda: service.log("cycle.published"), "the first cycle")
                wait_for(lambda: labels(cluster, "nfd-node").get(COUNT) == "1", "the labels")
                time.sleep(3)
                with watching(cluster) as seen:
                    original.terminate()
                    original.wait()
                    time.sleep(5)
                sys.stdout.write(f"{name}: the Node was without labels for {seen.without_s:.2f} s\n")
                assert seen.without_s <= limit_s
                assert labels(cluster, "nfd-node")[COUNT] == "1"
        finally:
            original.kill()


def test_node_feature(cluster: ControlPlane, tmp_path: Path) -> None:
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
    wait_for(lambda: labels(cluster, "gfd-node").get(COUNT) == "7", "the labels to stay")
    # A second publisher of the same keys is noticed, and the keys are not taken.
    agents.install(cluster, COMPONENTS / "node")
    direct = [each.replace("nodefeature,stdout", "node") for each in given]
    with serve(tmp_path, *direct) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the refusal")
        assert "NFD publishes nvidia.com/cuda.driver-version.full, " in failed[0]["reason"]
        time.sleep(1)
        assert len([each for each in service.log("publish.failed") if each["level"] == "warning"]) == 1


def test_change_of_sink_and_back(cluster: ControlPlane, tmp_path: Path) -> None:
    make_node(cluster.admin, "changed", labels={"zone": "a"}, annotations={"a": "b"})
    given = (
        *("--mig-strategy=single", "--no-timestamp", "--node-name=changed", "--namespace=nfd"),
        f"--kubeconfig={cluster.kubeconfig}",
    )

    def cleanup(*words: str) -> str:
        command = (sys.executable, "-m", "gfd", "cleanup", *words, f"--kubeconfig={cluster.kubeconfig}")
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def count() -> str | None:
        return labels(cluster, "changed").get(COUNT)

    def managers() -> tuple[str, ...]:
        return holders(node(cluster.admin, "changed")["metadata"]).get(COUNT, ())

    with serve(tmp_path, *given, "--sink=nodefeature"):
        wait_for(lambda: count() == "1", "NFD to pass on the labels")
    # gfd withdraws its object by itself, and its labels take the place of NFD's.
    with serve(tmp_path, *given, "--sink=node", machine=MIG):
        wait_for(lambda: count() == "7", "gfd's own labels", 20)
        assert managers() == ("gfd",)
    with serve(tmp_path, *given, "--sink=nodefeature"):
        wait_for(lambda: count() == "1", "NFD to take over the labels", 20)
        # What NFD does not publish goes; what it does stays, for NFD would not put it back.
        wait_for(lambda: "nfd-master" in managers(), "NFD's list")
        before = labels(cluster, "changed")
        assert "nvidia.com/gpu.slices.gi" in before
        assert cleanup("--all-nodes", "--sink=node") == "nodes/changed: removed\n"
        after = labels(cluster, "changed")
        assert after == {key: value for key, value in before.items() if key in after}
        assert "nvidia.com/gpu.slices.gi" not in after
        assert after[COUNT] == "1"
        assert after["nvidia.com/gpu.family"] == "ampere"
    assert cleanup("--all-nodes", "--sink=nodefeature", "--namespace=nfd").endswith(": removed\n")
    wait_for(lambda: labels(cluster, "changed") == {}, "NFD to take the labels off", 20)


def test_the_clique_that_the_dra_driver_also_writes(cluster: ControlPlane) -> None:
    """Both write the same value, and NFD changes a label only if the value differs."""
    path = f"{NODES}/clique"
    make_node(cluster.admin, "clique", labels={"zone": "a"}, annotations={"a": "b"})
    given = (
        "--sink=nodefeature",
        "--node-name=clique",
        "--namespace=nfd",
        f"--kubeconfig={cluster.kubeconfig}",
    )
    publish = ("--oneshot", "--simulate=gb200-nvl72", "--allocation=dra")

    def gfd(*arguments: str) -> None:
        subprocess.run((sys.executable, "-m", "gfd", *arguments, *given), check=True)

    def is_held() -> bool:
        return CLIQUE in held_by(node(cluster.admin, "clique")["metadata"], DRA_MANAGER)

    clique = "3f1c9a52-7d0b-4e86-9c24-5b8e1f60a7d3.32766"
    # The driver's first write.
    apply_node(cluster.admin, "clique", "someone", annotations={"example.com/a": "b"})
    merge(cluster.admin, path, DRA_MANAGER, labels={CLIQUE: clique})
    gfd(*publish, "--no-timestamp")
    wait_for(lambda: COUNT in labels(cluster, "clique"), "NFD to pass on the labels")
    assert labels(cluster, "clique")[CLIQUE] == clique
    assert is_held()
    # When the driver ends, it removes the label. NFD does not watch Nodes: it writes at the next change.
    merge(cluster.admin, path, DRA_MANAGER, labels={CLIQUE: None})
    gfd(*publish)
    wait_for(lambda: labels(cluster, "clique").get(CLIQUE) == clique, "NFD to write the label")
    # The driver starts, and repeats its write every 10 minutes. It changes nothing, so NFD stays the owner.
    merge(cluster.admin, path, DRA_MANAGER, labels={CLIQUE: clique})
    assert not is_held()
    # When gfd ends, NFD removes the label, until the driver repeats its write.
    gfd("cleanup")
    wait_for(lambda: labels(cluster, "clique") == {}, "NFD to take the labels off")
    merge(cluster.admin, path, DRA_MANAGER, labels={CLIQUE: clique})
    assert labels(cluster, "clique") == {CLIQUE: clique}


def labels(plane: ControlPlane, name: str) -> dict[str, str]:
    found = node_labels(plane.admin, name)
    return {key: value for key, value in found.items() if key.startswith("nvidia.com/")}
