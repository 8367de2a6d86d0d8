"""NVIDIA's document "MIG Support in Kubernetes" from start to end, on a real scheduler, through each sink.

The chart is installed as the document installs the original's; the agent runs with the environment of the
DaemonSet's own pod and the token bound to it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gfd.simulation import machines
from tests.agent.running import serve
from tests.cluster import agents, programs
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane, free_port, wait_for
from tests.cluster.manifests import CHART
from tests.cluster.objects import NODES, make_node, merge, node_labels
from tests.cluster.test_rights import FEATURES
from tests.standin import Standin, from_inventory

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"
PRODUCT = "nvidia.com/gpu.product"

DOCUMENT = {
    "nvidia.com/cuda.driver.major": "460",
    "nvidia.com/cuda.driver.minor": "73",
    "nvidia.com/cuda.driver.rev": "01",
    "nvidia.com/cuda.runtime.major": "11",
    "nvidia.com/cuda.runtime.minor": "2",
    "nvidia.com/gpu.compute.major": "8",
    "nvidia.com/gpu.compute.minor": "0",
    "nvidia.com/gpu.count": "7",
    "nvidia.com/gpu.engines.copy": "1",
    "nvidia.com/gpu.engines.decoder": "0",
    "nvidia.com/gpu.engines.encoder": "0",
    "nvidia.com/gpu.engines.jpeg": "0",
    "nvidia.com/gpu.engines.ofa": "0",
    "nvidia.com/gpu.family": "ampere",
    "nvidia.com/gpu.machine": "SYS-1019GP-TT-02-NC24B",
    "nvidia.com/gpu.memory": "4864",
    "nvidia.com/gpu.multiprocessors": "14",
    "nvidia.com/gpu.product": "A100-PCIE-40GB-MIG-1g.5gb",
    "nvidia.com/gpu.slices.ci": "1",
    "nvidia.com/gpu.slices.gi": "1",
    "nvidia.com/mig.strategy": "single",
}
"""What the document shows on the Node, but for the timestamp; newer labels come on top."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("cluster")) as plane:
        plane.start_scheduling()
        ensure_node_feature(plane)
        yield plane
        plane.check()


def helm(plane: ControlPlane, *arguments: str) -> None:
    command = (str(programs.find("helm")), *arguments, "--namespace=gfd", f"--kubeconfig={plane.kubeconfig}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def chart(plane: ControlPlane, sink: str) -> Iterator[None]:
    values = f"sink={sink},metrics.port={free_port()}"
    helm(
        plane, "install", "gfd", str(CHART), "--create-namespace", "--set=migStrategy=single", "--set", values
    )
    try:
        yield
    finally:
        helm(plane, "uninstall", "gfd", "--wait")


def machine(layout: str) -> Standin:
    return from_inventory(machines.read("mig-doc", layout))


def vector_add(name: str, product: str) -> dict[str, Any]:
    """Return the pod of the document."""
    limits = {"limits": {"nvidia.com/gpu": 1}}
    container = {"name": "vectoradd", "image": "nvidia/samples:vectoradd-cuda11.2.1", "resources": limits}
    spec = {
        "restartPolicy": "OnFailure",
        "containers": [container],
        "nodeSelector": {PRODUCT: product},
        "tolerations": [{"operator": "Exists"}],
    }
    return {"metadata": {"name": name}, "spec": spec}


class Run:
    """One node, as kubelet, device plugin and, where there is no NFD, the test play it."""

    def __init__(self, plane: ControlPlane, node: str) -> None:
        self.plane = plane
        self.node = node
        make_node(plane.admin, node, annotations={"test": "as any real node has"})

    @property
    def agent(self) -> dict[str, Any] | None:
        """Return the pod that the DaemonSet has running on the node."""
        query = {"fieldSelector": f"spec.nodeName={self.node},status.phase=Running"}
        items: list[dict[str, Any]] = self.plane.admin.request("GET", agents.PODS, query=query)["items"]
        return items[0] if items else None

    def environment(self, pod: dict[str, Any]) -> dict[str, str]:
        """Return what kubelet would give to the container, and where to find what it would mount."""
        paths = {
            "spec.nodeName": pod["spec"]["nodeName"],
            "metadata.namespace": pod["metadata"]["namespace"],
            "metadata.name": pod["metadata"]["name"],
        }
        (container,) = pod["spec"]["containers"]
        found = {
            each["name"]: each.get("value") or paths[each["valueFrom"]["fieldRef"]["fieldPath"]]
            for each in container["env"]
        }
        if pod["spec"]["automountServiceAccountToken"]:
            file = self.plane.home / f"{self.node}.token"
            file.write_text(agents.token(self.plane, pod["metadata"]["name"]))
            found["KUBECONFIG"] = str(self.plane.write_kubeconfig(self.node, token_file=file))
        return found

    def offer(self, gpus: int) -> None:
        """Do what the device plugin does: say how many there are."""
        amounts = {"nvidia.com/gpu": str(gpus), "pods": "20", "cpu": "8", "memory": "32Gi"}
        body = {"status": {"capacity": amounts, "allocatable": amounts}}
        kind = "application/merge-patch+json"
        self.plane.admin.request("PATCH", f"{NODES}/{self.node}/status", body, content_type=kind)

    def submit(self, name: str, product: str) -> None:
        self.plane.admin.request("POST", PODS, vector_add(name, product))

    def pod(self, name: str) -> tuple[str, str | None]:
        found = self.plane.admin.request("GET", f"{PODS}/{name}")
        return found["status"]["phase"], found["spec"].get("nodeName")

    def is_unschedulable(self, name: str) -> bool:
        conditions = self.plane.admin.request("GET", f"{PODS}/{name}")["status"].get("conditions") or []
        return any(each.get("reason") == "Unschedulable" for each in conditions)

    def copy_node_feature(self) -> None:
        """Do what nfd-master does, which tests with NFD_BIN let itself do."""
        found = self.plane.admin.request("GET", f"{FEATURES}/nvidia-features-for-{self.node}")
        self.label(found["spec"]["labels"])

    def copy_file(self, file: Path) -> None:
        self.label(dict(line.split("=", 1) for line in file.read_text().splitlines()))

    def label(self, labels: dict[str, str]) -> None:
        gone = {
            key: None for key in node_labels(self.plane.admin, self.node) if key.startswith("nvidia.com/")
        }
        merge(self.plane.admin, f"{NODES}/{self.node}", "nfd-master", labels={**gone, **labels})

    def delete_pods(self) -> None:
        self.plane.kubectl("delete", "pods", "--all", "--now", "--wait=true")


@pytest.mark.parametrize("sink", ["node", "nodefeature", "file"])
def test_the_document(cluster: ControlPlane, tmp_path: Path, sink: str) -> None:
    run = Run(cluster, f"ipp1-0552-{sink}")
    run.offer(7)
    dmi = tmp_path / "product_name"
    dmi.write_text("SYS-1019GP-TT-02-NC24B\n")
    run.submit("cuda-vectoradd", "A100-PCIE-40GB-MIG-1g.5gb")
    wait_for(lambda: run.is_unschedulable("cuda-vectoradd"), "the scheduler to find no node")
    assert run.pod("cuda-vectoradd") == ("Pending", None)

    with ExitStack() as stack:
        stack.enter_context(chart(cluster, sink))
        pod = wait_for(lambda: run.agent, "the DaemonSet's pod")
        service = stack.enter_context(
            serve(
                tmp_path,
                f"--machine-type-file={dmi}",
                machine=machine("all-1g.5gb"),
                environ=run.environment(pod),
            )
        )

        def pass_on() -> None:
            if sink == "nodefeature":
                run.copy_node_feature()
            if sink == "file":
                run.copy_file(service.file)

        wait_for(lambda: service.log("cycle.published"), "the labels")
        pass_on()
        labels = node_labels(cluster.admin, run.node)
        assert labels.items() >= DOCUMENT.items()
        assert labels["nvidia.com/gfd.timestamp"].isdecimal()
        helm(cluster, "test", "gfd", "--timeout=60s")
        running = ("Running", run.node)
        wait_for(lambda: run.pod("cuda-vectoradd") == running, "the pod to run", 60)

        run.delete_pods()
        published = len([each for each in service.log("cycle.published") if each["changed"]])
        service.play(machine("all-3g.20gb"))
        run.offer(2)
        wait_for(
            lambda: len([each for each in service.log("cycle.published") if each["changed"]]) > published,
            "the new layout",
        )
        pass_on()
        labels = node_labels(cluster.admin, run.node)
        assert (labels[PRODUCT], labels["nvidia.com/gpu.count"]) == ("A100-PCIE-40GB-MIG-3g.20gb", "2")
        for name in ("argo-mig-0", "argo-mig-1"):
            run.submit(name, "A100-PCIE-40GB-MIG-3g.20gb")
        run.submit("old-selector", "A100-PCIE-40GB-MIG-1g.5gb")
        for name in ("argo-mig-0", "argo-mig-1"):
            wait_for(lambda name=name: run.pod(name) == running, f"{name} to run", 60)
        wait_for(lambda: run.is_unschedulable("old-selector"), "the old selector to match nothing")
        assert run.pod("old-selector") == ("Pending", None)
    run.delete_pods()
    cluster.kubectl("delete", "node", run.node)


KERNEL = {"feature.node.kubernetes.io/kernel-version.full": "6.12.0"}
"""What NFD says of every node."""
PLACES = {
    "vendor": {**KERNEL, "feature.node.kubernetes.io/pci-10de.present": "true"},
    # NFD configured as by its own chart names the class of the device before its vendor.
    "compute": {**KERNEL, "feature.node.kubernetes.io/pci-0302_10de.present": "true"},
    "graphics": {**KERNEL, "feature.node.kubernetes.io/pci-0300_10de.present": "true"},
    "unknown-to-nfd": {},
    "without-gpu": KERNEL,
}


def test_where_agents_run(cluster: ControlPlane) -> None:
    for name, labels in PLACES.items():
        make_node(cluster.admin, name, labels=labels, annotations={"test": "as any real node has"})
    with chart(cluster, "nodefeature"):
        wait_for(lambda: "unknown-to-nfd" in chosen_nodes(cluster), "the controller of DaemonSets")
        status = json.loads(cluster.kubectl("-n", "gfd", "get", "daemonset", "gfd", "-o", "json"))["status"]
        assert status["desiredNumberScheduled"] == 4
        assert chosen_nodes(cluster) == set(PLACES) - {"without-gpu"}
    cluster.kubectl("delete", "node", *PLACES)


def chosen_nodes(plane: ControlPlane) -> set[str]:
    """Return the nodes that the controller of DaemonSets made a pod for."""
    found = set()
    for pod in plane.admin.request("GET", agents.PODS)["items"]:
        affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        found |= {
            field["values"][0]
            for term in affinity["nodeSelectorTerms"]
            for field in term.get("matchFields", ())
        }
    return found
