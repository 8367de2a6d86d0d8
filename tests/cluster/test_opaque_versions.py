"""resourceVersions that are no numbers, as an API server other than Kubernetes' own may send them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.kube import watch_status
from gfd.kube.client import Api
from gfd.kube.nfd import API_VERSION
from gfd.kube.object_watcher import ObjectWatcher
from gfd.publishing.drift import Drift
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.nodes_command import through, watching
from tests.cluster.objects import NODES, delete, make_node, merge, namespace, node
from tests.cluster.proxy import Proxy

pytestmark = pytest.mark.cluster

NAME = "opaque"
FEATURE = f"/apis/{API_VERSION}/namespaces/default/nodefeatures/nvidia-features-for-{NAME}"
COUNT, PRODUCT = "nvidia.com/gpu.count", "nvidia.com/gpu.product"


@pytest.fixture
def kubeconfig(plane: ControlPlane, proxy: Proxy, tmp_path: Path) -> Iterator[Path]:
    """A way to the API server on which no resourceVersion is a number, and a Node."""
    ensure_node_feature(plane)
    namespace(plane.admin, "default")
    proxy.has_opaque_versions = True
    make_node(plane.admin, NAME)
    yield through(proxy, tmp_path)
    delete(plane.admin, f"{NODES}/{NAME}")
    delete(plane.admin, FEATURE)


def make_sink(kind: str, api: Api) -> Any:
    if kind == "node":
        return NodeSink(
            api, node_name=NAME, is_forcing=True, as_annotations=None, resync_s=None, warn=pytest.fail
        )
    client = NodeFeatureClient(api, node_name=NAME, namespace="default", pod_name=None)
    return NodeFeatureSink(client, resync_s=None, warn=pytest.fail)


@pytest.mark.parametrize("kind", ["node", "nodefeature"])
def test_publish_repair_and_withdraw(
    plane: ControlPlane, kubeconfig: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[tuple[str, str]] = []
    monkeypatch.setattr(watch_status, "_listeners", [lambda *words: problems.append(words)])
    api = Api(kubeconfig, qps=1000, burst=1000)
    path = f"{NODES}/{NAME}" if kind == "node" else FEATURE

    def read_labels() -> dict[str, str]:
        found = plane.admin.request("GET", path)
        return dict((found["metadata"] if kind == "node" else found["spec"]).get("labels") or {})

    sink, drifts = make_sink(kind, api), list[Drift]()
    sink.watch(drifts.append)
    for count in range(20):
        assert sink.publish({COUNT: str(count), PRODUCT: "A100"})
        assert not sink.publish({COUNT: str(count), PRODUCT: "A100"})
    # The events of these writes come after the responses; none of them is somebody else's.
    time.sleep(0.5)
    assert drifts == []
    if kind == "node":
        merge(plane.admin, path, "other", labels={COUNT: None})
    else:
        body = {"spec": {"labels": None}}
        plane.admin.request("PATCH", path, body, content_type="application/merge-patch+json")
    wait_for(lambda: drifts, "the change")
    assert sink.publish({COUNT: "20", PRODUCT: "A100"})
    assert read_labels() == {COUNT: "20", PRODUCT: "A100"}
    sink.close()
    # A second one starts with a version of its own, and shares nothing with the first.
    after = make_sink(kind, api)
    after.watch(drifts.append)
    assert not after.publish({COUNT: "20", PRODUCT: "A100"})
    assert after.withdraw()
    assert problems == []


def test_nodes_are_watched(plane: ControlPlane, kubeconfig: Path, tmp_path: Path) -> None:
    merge(plane.admin, f"{NODES}/{NAME}", "gfd", labels={COUNT: "1", PRODUCT: "A100", "test": NAME})
    with watching(tmp_path, kubeconfig, "-l", f"test={NAME}", "-o=json") as seen:

        def events() -> list[tuple[str, str]]:
            return [(each["event"], each["product"]) for each in map(json.loads, seen.lines)]

        wait_for(lambda: events() == [("ADDED", "A100")], "the node")
        merge(plane.admin, f"{NODES}/{NAME}", "gfd", labels={PRODUCT: "T4"})
        wait_for(lambda: events()[1:] == [("MODIFIED", "T4")], "its change")
        delete(plane.admin, f"{NODES}/{NAME}")
        wait_for(lambda: events()[2:] == [("DELETED", "T4")], "its end")


def test_a_version_that_the_server_refuses(plane: ControlPlane) -> None:
    """gfd lists again: etcd may have been replaced by another store."""
    make_node(plane.admin, NAME)
    seen: list[Any] = []
    watcher = ObjectWatcher(plane.admin, NODES, NAME, seen.append)
    watcher.start("opaque")
    wait_for(lambda: seen, "the list")
    assert seen[0]["resourceVersion"] == node(plane.admin, NAME)["metadata"]["resourceVersion"]
    watcher.close()
    delete(plane.admin, f"{NODES}/{NAME}")
