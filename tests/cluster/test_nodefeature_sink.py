"""The NodeFeature object, on a real API server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from gfd.errors import PublishError
from gfd.kube.nfd import API_VERSION
from gfd.publishing.drift import Drift
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from tests.cluster.conftest import CRD, define_node_feature, ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import delete, merge, namespace

pytestmark = pytest.mark.cluster

LABELS = {"nvidia.com/gpu.count": "1", "nvidia.com/gfd.timestamp": "1"}
FEATURES: dict[str, Any] = {"attributes": {}, "flags": {}, "instances": {}}
NUMBERS = itertools.count(1)


class Place:
    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.node = f"n{next(NUMBERS)}"
        self.collection = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures"
        self.path = f"{self.collection}/nvidia-features-for-{self.node}"

    def sink(self, *, resync_s: float = 3600, **options: Any) -> NodeFeatureSink:
        given = {"node_name": self.node, "namespace": "gfd", "pod_name": None}
        client = NodeFeatureClient(self.plane.admin, **(given | options))
        return NodeFeatureSink(client, resync_s=resync_s, warn=pytest.fail)

    @property
    def object(self) -> dict[str, Any]:
        return self.plane.admin.request("GET", self.path)

    @property
    def facts(self) -> dict[str, Any]:
        found = self.object
        names = ("labels", "ownerReferences")
        metadata = {name: found["metadata"][name] for name in names if name in found["metadata"]}
        return {"metadata": metadata, "spec": found["spec"]}

    def expected(self, labels: dict[str, str], **metadata: Any) -> dict[str, Any]:
        own = {"nfd.node.kubernetes.io/node-name": self.node}
        return {"metadata": {"labels": own, **metadata}, "spec": {"features": FEATURES, "labels": labels}}


@pytest.fixture(scope="module")
def defined(each_plane: ControlPlane) -> ControlPlane:
    namespace(each_plane.admin, "gfd")
    ensure_node_feature(each_plane)
    return each_plane


def test_missing_api(defined: ControlPlane) -> None:
    defined.kubectl("delete", "crd", CRD)
    try:
        with pytest.raises(PublishError) as caught:
            Place(defined).sink().publish(LABELS)
    finally:
        define_node_feature(defined)
    assert str(caught.value).endswith(
        f"the API server does not know {API_VERSION}; install NFD, or choose another --sink"
    )
    assert caught.value.retryable


@pytest.fixture
def place(defined: ControlPlane) -> Iterator[Place]:
    made = Place(defined)
    yield made
    delete(defined.admin, made.path)


def test_publish_change_and_withdraw(place: Place) -> None:
    sink = place.sink()
    assert not sink.has_labels()
    assert sink.publish(LABELS)
    assert place.facts == place.expected(LABELS)
    assert sink.has_labels()
    asked = len(place.plane.requests())
    assert not sink.publish(LABELS)
    assert not sink.publish(LABELS | {"nvidia.com/gfd.timestamp": "2"})
    assert not sink.publish(LABELS)
    assert len(place.plane.requests()) == asked
    assert sink.publish({"nvidia.com/gpu.count": "2"})
    assert place.facts == place.expected({"nvidia.com/gpu.count": "2"})
    assert not place.sink().publish({"nvidia.com/gpu.count": "2"})
    assert sink.withdraw()
    assert not sink.withdraw()
    assert not sink.has_labels()


def test_object_of_the_original_is_replaced(place: Place) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "name": "gfd-x", "uid": "11111111-1111-1111-1111-111111111111"}
    metadata = {
        "name": f"nvidia-features-for-{place.node}",
        "labels": {"nfd.node.kubernetes.io/node-name": place.node},
        "ownerReferences": [pod],
    }
    spec = {"features": FEATURES, "labels": {"nvidia.com/stale": "true"}}
    body = {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata, "spec": spec}
    place.plane.admin.request("POST", place.collection, body)
    assert place.sink().publish(LABELS)
    assert place.facts == place.expected(LABELS)


def test_owner_is_the_daemon_set(place: Place) -> None:
    admin = place.plane.admin
    labels = {"app": "gfd"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "gfd", "image": "gfd"}]},
    }
    daemon_set = admin.request(
        "POST",
        "/apis/apps/v1/namespaces/gfd/daemonsets",
        {"metadata": {"name": "gfd"}, "spec": {"selector": {"matchLabels": labels}, "template": template}},
    )
    owner = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "name": "gfd",
        "uid": daemon_set["metadata"]["uid"],
    }
    reference = owner | {"controller": True, "blockOwnerDeletion": True}
    pod = {"metadata": {"name": "gfd-1", "labels": labels, "ownerReferences": [reference]}}
    admin.request("POST", "/api/v1/namespaces/gfd/pods", pod | {"spec": template["spec"]})
    sink = place.sink(pod_name="gfd-1")
    assert sink.publish(LABELS)
    assert place.facts == place.expected(LABELS, ownerReferences=[owner])
    assert not place.sink(pod_name="gfd-1").publish(LABELS)
    with pytest.raises(
        PublishError, match="set --pod-name to gfd's own pod in --namespace, or leave it empty"
    ):
        place.sink(pod_name="gfd-2").publish(LABELS)
    # Tests of manifests apply a DaemonSet of this name with another selector.
    delete(admin, "/apis/apps/v1/namespaces/gfd/daemonsets/gfd")


def test_concurrent_writes_and_deletions(place: Place) -> None:
    sink = place.sink()
    sink.publish(LABELS)
    merge(place.plane.admin, place.path, "someone", labels={"color": "red"})
    assert sink.publish({"nvidia.com/gpu.count": "2"})
    assert place.facts == place.expected({"nvidia.com/gpu.count": "2"})
    delete(place.plane.admin, place.path)
    assert sink.publish(LABELS)
    assert place.facts == place.expected(LABELS)


def test_drift_is_reported(place: Place) -> None:
    calls: list[Drift] = []
    sink = place.sink()
    sink.watch(calls.append)
    sink.publish(LABELS)
    kind = "application/merge-patch+json"
    body = {"spec": {"labels": {"nvidia.com/gpu.count": "9"}}}
    query = {"fieldManager": "gfd-person"}
    place.plane.admin.request("PATCH", place.path, body, content_type=kind, query=query)
    wait_for(lambda: calls, "word of a change", 5)
    assert calls == [Drift(sink="nodefeature", keys=("nvidia.com/gpu.count",), writer="gfd-person")]
    assert sink.publish(LABELS)
    assert place.facts == place.expected(LABELS)
    delete(place.plane.admin, place.path)
    wait_for(lambda: len(calls) > 1, "word of the deletion", 5)
    assert calls[1:] == [Drift(sink="nodefeature", what="deleted")]
    assert sink.publish(LABELS)
    assert place.facts == place.expected(LABELS)
    sink.close()


def test_missing_namespace(defined: ControlPlane) -> None:
    with pytest.raises(PublishError, match="there is no namespace nowhere; create it, or set --namespace"):
        Place(defined).sink(namespace="nowhere").publish(LABELS)
