"""gfd in place of gpu-feature-discovery in NVIDIA's GPU operator: with its environment, account and rights.

``GFD_PEER`` names the original's program, which then makes the object that gfd finds. ``GFD_CONFIG_MANAGER``
names the program ``config-manager`` of NVIDIA's k8s-device-plugin.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError, PublishError
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.simulation import machines
from gfd.tools.doctor.result import ok, warn
from tests.cluster import agents, gpu_operator
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.doctor_command import AgentNode
from tests.cluster.gpu_operator import FEATURES, FEATURES_D, Deployed, Shape
from tests.cluster.manifests import MANIFESTS, kustomize, render
from tests.cluster.objects import Object, delete, make_node, merge
from tests.cluster.sandbox import Sandbox, find_child, sandbox, terminate
from tests.image.simulated import MACHINE, read_golden
from tests.image.test_container import write_sysfs
from tests.standin import build, from_inventory

pytestmark = pytest.mark.cluster

PLUGIN = "OwnerReferencesPermissionEnforcement"
CONFIG_LABEL = "nvidia.com/device-plugin.config"
PROGRAMS = Path(sys.executable).parent
CONFIGS = {
    "none": "version: v1\n",
    "shared": "version: v1\nsharing: {timeSlicing: {resources: [{name: nvidia.com/gpu, replicas: 4}]}}\n",
}
SHARED = {
    "nvidia.com/gpu.product": "A100-PCIE-40GB-SHARED",
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "time-slicing",
}


@pytest.fixture(scope="module")
def planes(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ControlPlane]]:
    """A control plane without the admission plugin, and one with it."""
    with control_plane(tmp_path_factory.mktemp("enforcing"), admission_plugin=PLUGIN) as enforcing:
        for each in (plane, enforcing):
            ensure_node_feature(each)
            agents.remove_policies(each)
        yield {"": plane, PLUGIN: enforcing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """gfd in its Pod."""

    plane: ControlPlane
    deployed: Deployed
    sandbox: Sandbox
    folder: Path
    process: subprocess.Popen[bytes]
    driver: Mapping[str, str]
    """The variables of the stand-in driver."""

    @property
    def object(self) -> Object:
        return self.plane.admin.request("GET", self.deployed.path)

    @property
    def labels(self) -> dict[str, str]:
        """What NFD would read of the NodeFeature."""
        return dict(self.object["spec"]["labels"])

    @property
    def file(self) -> Path:
        return self.folder / "features.d" / "gfd"

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = (self.folder / "log").read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def warnings(self) -> list[str]:
        return [each["reason"] for each in self.log if each["event"] == "publish.warning"]


@contextmanager
def run(
    plane: ControlPlane,
    folder: Path,
    shape: Shape,
    *,
    layout: str = "all-disabled",
    version: str = "main",
    is_after_original: bool = True,
) -> Iterator[Running]:
    """Deploy and run gfd as the operator's pod does, in place of the original."""
    node = re.sub(r"[^a-z0-9]+", "-", folder.name).strip("-")
    make_node(plane.admin, node)
    gpu_operator.grant(plane, version)
    deployed = gpu_operator.deploy(plane, node, shape)
    inventory = machines.read(MACHINE, layout)
    mounts = {
        "/var/run/secrets/kubernetes.io/serviceaccount": folder / "account",
        "/sys": write_sysfs(folder / "sys", inventory),
        FEATURES_D: folder / "features.d",
        "/config": folder / "config",
        "/available-configs": folder / "configs",
    }
    for each in mounts.values():
        each.mkdir(exist_ok=True)
    (folder / "account" / "token").write_bytes(deployed.agent.token_file.read_bytes())
    authority = plane.home / "certificates" / "apiserver.crt"
    (folder / "account" / "ca.crt").write_bytes(authority.read_bytes())
    if shape.has_configs:
        for name, text in CONFIGS.items():
            (folder / "configs" / name).write_text(text)
        (folder / "config" / "config.yaml").symlink_to("/available-configs/none")
    build(folder / "lib")
    driver = {
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "GFD_STANDIN": str(from_inventory(inventory).write(folder / "machine")),
    }
    if is_after_original:
        make_original(plane, deployed, driver)
    with sandbox(folder, mounts) as pod:
        environ = {**deployed.environ, **driver, "PATH": str(PROGRAMS)}
        process = pod.start("gpu-feature-discovery", environ=environ, log=folder / "log")
        running = Running(
            plane=plane, deployed=deployed, sandbox=pod, folder=folder, process=process, driver=driver
        )
        try:
            wait_for(lambda: any(each["event"] == "cycle.published" for each in running.log), "labels", 20)
            yield running
        finally:
            code = terminate(process)
            delete(plane.admin, deployed.path)
        assert code == 0, (folder / "log").read_text()


def make_original(plane: ControlPlane, deployed: Deployed, driver: Mapping[str, str]) -> None:
    """Leave the NodeFeature of the original, with a label that gfd does not write."""
    made = gpu_operator.make_original_object(deployed)
    if not (peer := os.environ.get("GFD_PEER")):
        plane.admin.request("POST", FEATURES, made)
        return
    run_original(peer, plane, deployed, driver)
    owners = plane.admin.request("GET", deployed.path)["metadata"]["ownerReferences"]
    assert owners == made["metadata"]["ownerReferences"]
    kind = "application/merge-patch+json"
    stale = {"spec": {"labels": {"nvidia.com/stale": "true"}}}
    plane.admin.request("PATCH", deployed.path, stale, content_type=kind)


def run_original(peer: str, plane: ControlPlane, deployed: Deployed, driver: Mapping[str, str]) -> None:
    """Label the Node once with NVIDIA's gpu-feature-discovery, in its Pod."""
    given = {**deployed.environ, **driver, "POD_NAME": deployed.original["metadata"]["name"]}
    subprocess.run(
        (peer, "--oneshot", f"--kubeconfig={plane.kubeconfig}", "--machine-type-file="),
        env=given, stderr=subprocess.DEVNULL, check=True, timeout=30,
    )  # fmt: skip


def golden(layout: str, strategy: str) -> dict[str, str]:
    """Return the labels that gfd writes for the machine."""
    return dict(line.split("=") for line in read_golden(layout, strategy).splitlines())


def without_timestamp(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key != "nvidia.com/gfd.timestamp"}


@pytest.mark.parametrize("plugin", ["", PLUGIN])
@pytest.mark.parametrize("version", gpu_operator.FEATURE_VERBS)
def test_gfd_takes_over_the_object_of_the_original(
    planes: dict[str, ControlPlane], tmp_path: Path, plugin: str, version: str
) -> None:
    with run(planes[plugin], tmp_path, Shape(), version=version) as running:
        found = running.object
        assert without_timestamp(found["spec"]["labels"]) == golden("all-disabled", "none")
        assert not running.file.exists()
        deployed = running.deployed
        if plugin and version == "v26.7.0":
            (warning,) = running.warnings
            assert "gfd left the owners as they are, because it may not replace them: " in warning
            assert "cannot set an ownerRef on a resource you can't delete" in warning
            assert warning.endswith("; grant the verb delete on nodefeatures")
            wanted = gpu_operator.make_original_object(deployed)["metadata"]["ownerReferences"]
        else:
            assert running.warnings == []
            wanted = [deployed.owner()]
        assert found["metadata"]["ownerReferences"] == wanted


def test_gfd_goes_on_with_the_owners_that_it_kept(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    """Somebody changes the object, and deletes it: gfd may create one with its own owner."""
    plane = planes[PLUGIN]
    with run(plane, tmp_path, Shape(), version="v26.7.0") as running:
        merge(plane.admin, running.deployed.path, "someone", labels={"color": "red"})
        wait_for(lambda: "color" not in running.object["metadata"]["labels"], "the repair", 10)
        assert len(running.object["metadata"]["ownerReferences"]) == 2
        assert len(running.warnings) == 1
        delete(plane.admin, running.deployed.path)

        def find_owners() -> list[Object]:
            query = {"fieldSelector": f"metadata.name=nvidia-features-for-{running.deployed.agent.node}"}
            items = plane.admin.request("GET", FEATURES, query=query)["items"]
            return items[0]["metadata"]["ownerReferences"] if items else []

        assert wait_for(find_owners, "a new object", 10) == [running.deployed.owner()]


def test_the_original_takes_the_object_back(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    peer = os.environ.get("GFD_PEER")
    if not peer:
        pytest.skip("GFD_PEER does not name the original")
    plane, shape = planes[""], Shape(env=(("GFD_EXTRA_LABELS", "identity"),))
    with run(plane, tmp_path, shape) as running:
        assert "nvidia.com/gpu.model" in running.labels
        terminate(running.process)
        run_original(peer, plane, running.deployed, running.driver)
        assert running.labels.keys() == golden("all-disabled", "none").keys() | {"nvidia.com/gfd.timestamp"}


def test_mig_devices_under_single(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    with run(planes[""], tmp_path, Shape(mig_strategy="single"), layout="all-1g.5gb") as running:
        assert without_timestamp(running.labels) == golden("all-1g.5gb", "single")


def test_open_shift_reads_the_feature_file(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    shape = Shape(is_open_shift=True)
    with run(planes[PLUGIN], tmp_path, shape, version="v26.7.0", is_after_original=False) as running:
        lines = dict(line.split("=") for line in running.file.read_text().splitlines())
        assert without_timestamp(lines) == golden("all-disabled", "none")
        with pytest.raises(ApiError) as caught:
            running.object  # noqa: B018
        assert caught.value.status == 404


def test_the_user_chooses_another_sink(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    shape = Shape(env=(("GFD_SINK", "file"),))
    with run(planes[""], tmp_path, shape, is_after_original=False) as running:
        assert running.file.exists()


def test_config_manager_switches_the_configuration(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    program = os.environ.get("GFD_CONFIG_MANAGER")
    if not program:
        pytest.skip("GFD_CONFIG_MANAGER does not name NVIDIA's config-manager")
    plane, shape = planes[""], Shape(has_configs=True)
    with run(plane, tmp_path, shape, is_after_original=False) as running:
        node = running.deployed.agent.node
        environ = {
            **running.deployed.environ,
            "CONFIG_FILE_SRCDIR": "/available-configs",
            "CONFIG_FILE_DST": "/config/config.yaml",
            "DEFAULT_CONFIG": "none",
            "PROCESS_TO_SIGNAL": "gpu-feature-discovery",
            "SEND_SIGNAL": "true",
        }
        log = tmp_path / "config-manager.log"
        manager = running.sandbox.start(program, environ=environ, log=log)
        try:
            wait_for(lambda: "Already configured" in log.read_text(), "config-manager", 10)
            for name in ("shared", "none", "shared"):
                merge(plane.admin, f"/api/v1/nodes/{node}", "kubectl", labels={CONFIG_LABEL: name})
                changed_s = time.monotonic()
                wanted = golden("all-disabled", "none") | (SHARED if name == "shared" else {})
                wait_for(lambda wanted=wanted: without_timestamp(running.labels) == wanted, name, 10)
                assert time.monotonic() - changed_s < 2
                assert manager.poll() is None, log.read_text()
            assert log.read_text().count("Successfully sent signal") == 3
        finally:
            if manager.poll() is None:
                os.kill(find_child(manager), 15)
            manager.wait(10)
    assert [each["event"] for each in running.log].count("config.rejected") == 0


def test_the_policy_limits_the_operators_account(planes: dict[str, ControlPlane], tmp_path: Path) -> None:
    """It admits what gfd writes, also where gfd keeps the owners of the original, and refuses other keys."""
    plane = planes[PLUGIN]
    objects = kustomize(MANIFESTS / "gpu-operator")
    account = f"system:serviceaccount:{gpu_operator.NAMESPACE}:{gpu_operator.ACCOUNT}"
    by_chart = render(gfd={"enabled": False}, policy={"serviceAccount": account})
    assert [each["kind"] for each in by_chart] == [each["kind"] for each in objects]
    gpu_operator.grant(plane, "v26.7.0")
    plane.kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    )
    try:
        with run(plane, tmp_path, Shape(), version="v26.7.0") as running:
            node = AgentNode(plane=plane, node=running.deployed.agent.node, agent=running.deployed.agent)
            given = {"sink": "nodefeature", "namespace": gpu_operator.NAMESPACE}
            bound = ok("ValidatingAdmissionPolicy 'gfd-nodefeature' refuses a foreign NodeFeature")
            wait_for(lambda: node.run_check("policy", **given) == bound, "the policy")
            client = NodeFeatureClient(
                node.agent.api, node_name=node.node, namespace=gpu_operator.NAMESPACE, pod_name=node.agent.pod
            )
            sink = NodeFeatureSink(client, resync_s=None, warn=pytest.fail)
            with pytest.raises(PublishError, match=r"gfd may not publish the labels nvidia\.com/mig\.config"):
                sink.publish({"nvidia.com/mig.config": "all-disabled"})
            merge(plane.admin, running.deployed.path, "someone", labels={"color": "red"})
            wait_for(lambda: "color" not in running.object["metadata"]["labels"], "the repair", 10)
            assert len(running.object["metadata"]["ownerReferences"]) == 2
            missing = warn(
                "not allowed: delete nodefeatures",
                "grant the verb delete on nodefeatures; without it gfd cannot remove its object "
                f"(--stale-after, gfd cleanup). Where the API server runs {PLUGIN}, it cannot replace the "
                "owners that the original set, either",
            )
            assert node.run_check("rights", **given) == missing
            runs = "this gfd is what the GPU operator runs as gpu-feature-discovery"
            assert node.run_check("operator", **given) == ok(runs)
    finally:
        agents.remove_policies(plane)
