"""The taint of docs/node-condition.md with the real nfd-master, where NFD_BIN names its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from gfd.kube.nfd import API_VERSION
from tests.cluster.controlplane import ControlPlane, control_plane, free_port, wait_for
from tests.cluster.objects import make_node, namespace, node
from tests.cluster.test_nfd import FOLDER, process
from tests.pages import ROOT, blocks

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not os.environ.get("NFD_BIN"), reason="NFD_BIN names no folder of NFD"),
]
FEATURES = f"/apis/{API_VERSION}/namespaces/nfd/nodefeatures"


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    home = tmp_path_factory.mktemp("taint")
    with control_plane(home) as plane:
        plane.kubectl("apply", "--server-side", "-f", str(FOLDER / "nfd-api-crds.yaml"))
        namespace(plane.admin, "nfd")
        for name in ("gpu", "cpu"):
            make_node(plane.admin, name, labels={"kubernetes.io/hostname": name}, annotations={"a": "b"})
        environ = {"KUBECONFIG": str(plane.kubeconfig), "KUBERNETES_NAMESPACE": "nfd", "NODE_NAME": "gpu"}
        flags = ("-kubeconfig", str(plane.kubeconfig), "-port", str(free_port()), "-enable-taints")
        with process("nfd-master", home, *flags, environ=environ):
            yield plane


def send(plane: ControlPlane, name: str, vendor: str, labels: dict[str, str]) -> None:
    """Write what nfd-worker would: the PCI devices, and the labels in the files of features.d."""
    device = {"attributes": {"vendor": vendor, "class": "0302"}}
    features = {
        "attributes": {"local.label": {"elements": labels}},
        "flags": {},
        "instances": {"pci.device": {"elements": [device]}},
    }
    body: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "NodeFeature",
        "metadata": {"name": name, "labels": {"nfd.node.kubernetes.io/node-name": name}},
        "spec": {"features": features, "labels": labels},
    }
    query = {"fieldManager": "nfd-worker", "force": "true"}
    plane.admin.request(
        "PATCH", f"{FEATURES}/{name}", body, content_type="application/apply-patch+yaml", query=query
    )


def taints(plane: ControlPlane, name: str) -> list[tuple[str, str]]:
    found = node(plane.admin, name)["spec"].get("taints") or []
    return [(each["key"], each["effect"]) for each in found if "kubernetes.io/gpu" in each["key"]]


def test_taint_until_gfd_has_labelled_the_node(master: ControlPlane) -> None:
    (rule,) = [
        found
        for block in blocks(ROOT / "docs" / "node-condition.md")
        if block.kind == "yaml" and (found := yaml.safe_load(block.text))
        if found.get("kind") == "NodeFeatureRule"
    ]
    master.admin.request("POST", f"/apis/{API_VERSION}/nodefeaturerules", rule)
    send(master, "gpu", "10de", {})
    send(master, "cpu", "8086", {})
    expected = [("feature.node.kubernetes.io/gpu-without-labels", "NoSchedule")]
    wait_for(lambda: taints(master, "gpu") == expected, "the taint")
    assert taints(master, "cpu") == []
    send(master, "gpu", "10de", {"nvidia.com/gpu.count": "8"})
    wait_for(lambda: taints(master, "gpu") == [], "the end of the taint")
    assert node(master.admin, "gpu")["metadata"]["labels"]["nvidia.com/gpu.count"] == "8"
