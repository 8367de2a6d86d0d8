"""Sinks and commands that read malformed objects raise a GfdError and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.cluster import read_nodes
from gfd.config.loader import load
from gfd.errors import ApiError, GfdError, PublishError
from gfd.kube import objects
from gfd.kube.client import Api
from gfd.kube.responses import parse
from gfd.publishing.sinks.metadata_drift import detect_node_drift, detect_node_feature_drift
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.tools.doctor.checks import policy
from gfd.tools.doctor.cluster import Cluster, Permission
from gfd.tools.doctor.outcome import catch_error
from tests.hostile.json_values import ANYTHING
from tests.hostile.server import NODE, Hostile, connect, reply


def node_sink(api: Api) -> NodeSink:
    return NodeSink(
        api, node_name="n", is_forcing=False, as_annotations=None, resync_s=None, warn=lambda _: None
    )


def feature_sink(api: Api) -> NodeFeatureSink:
    client = NodeFeatureClient(api, node_name="n", namespace="gfd", pod_name="p")
    return NodeFeatureSink(client, resync_s=None, warn=print)


MALFORMED: tuple[Any, ...] = (
    None,
    "text",
    7,
    [],
    {},
    {"metadata": None},
    {"metadata": {}},
    {"metadata": []},
    {"metadata": {"name": "n", "uid": "u", "resourceVersion": ""}},
    {"metadata": {"name": "n", "uid": 1, "resourceVersion": "1"}},
    {"metadata": {**NODE["metadata"], "labels": {"a": 1}}},
    {"metadata": {**NODE["metadata"], "managedFields": {}}},
    {"metadata": {**NODE["metadata"], "managedFields": [None]}},
    {"metadata": {**NODE["metadata"], "managedFields": [{"fieldsV1": {"f:metadata": []}}]}},
    {"metadata": {**NODE["metadata"], "annotations": "nvidia.com/gpu"}},
)


@pytest.mark.parametrize("content", MALFORMED, ids=repr)
@pytest.mark.parametrize("make", [node_sink, feature_sink])
def test_malformed_objects_read_by_a_sink(
    server: Hostile, tmp_path: Path, make: Callable[[Api], NodeSink | NodeFeatureSink], content: Any
) -> None:
    server.respond = lambda method, path: reply(content)
    with pytest.raises(PublishError) as caught:
        make(connect(server, tmp_path)).publish({"nvidia.com/gpu.count": "1"})
    assert caught.value.kind == "malformed"
    assert "malformed response: " in str(caught.value)
    with pytest.raises(PublishError):
        make(connect(server, tmp_path)).preview({})


@pytest.mark.parametrize(
    "page",
    [
        None,
        {"items": []},
        {"metadata": {"resourceVersion": "1"}, "items": {}},
        {"metadata": {"resourceVersion": "1"}, "items": [None]},
        {"metadata": {"resourceVersion": "1"}, "items": [{}]},
        {"metadata": {"resourceVersion": "1", "remainingItemCount": "many"}, "items": []},
        {"metadata": {"resourceVersion": "1"}, "items": [{**NODE, "status": {"allocatable": []}}]},
        {"metadata": {"resourceVersion": "1"}, "items": [{**NODE, "spec": "none"}]},
    ],
    ids=repr,
)
def test_malformed_lists_of_nodes(server: Hostile, tmp_path: Path, page: Any) -> None:
    server.respond = lambda method, path: reply(page)
    with pytest.raises(ApiError) as caught:
        read_nodes(connect(server, tmp_path))
    assert caught.value.kind == "malformed"


FIELDS: dict[str, Any] = {"f:metadata": {"f:labels": {"f:a/b": {}}, "f:annotations": {}}}
WHOLE: dict[str, Any] = {
    "metadata": {
        "name": "n",
        "namespace": "gfd",
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "labels": {"a/b": "c", "nvidia.com/gpu.present": "true"},
        "annotations": {"nfd.node.kubernetes.io/feature-labels": "a/b"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}],
        "managedFields": [{"manager": "gfd", "operation": "Apply", "time": "x", "fieldsV1": FIELDS}],
    },
    "spec": {
        "labels": {"a/b": "c"},
        "features": {"flags": {}},
        "taints": [{"key": "k", "effect": "e"}],
        "nodeName": "n",
        "policyName": "p",
        "validationActions": ["Deny"],
        "matchConditions": [{"expression": "system:serviceaccount:gfd:gfd"}],
        "containers": [
            {
                "name": "nfd-worker",
                "image": "i",
                "command": ["nfd-worker"],
                "args": [],
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
            }
        ],
    },
    "status": {
        "allocatable": {"nvidia.com/gpu": "1"},
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "nfd-worker", "ready": True}],
        "userInfo": {"username": "u", "extra": {"authentication.kubernetes.io/node-name": ["n"]}},
        "allowed": True,
    },
    "resources": [{"name": "nodefeatures"}],
    "gitVersion": "v1.37.0",
}
LISTED = {**WHOLE, "items": [WHOLE], "metadata": {**WHOLE["metadata"], "remainingItemCount": 1}}
"""An object that is also a list: a valid response to every request."""


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """Return :data:`LISTED` with one value replaced by any other."""
    return _spoil(draw, LISTED)


def _spoil(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 9)):
        places: Any = list(value) if isinstance(value, dict) else range(len(value))
        place = draw(st.sampled_from(places))
        changed: Any = value.copy()
        changed[place] = _spoil(draw, value[place])
        return changed
    return draw(ANYTHING)


class FixedApi(Api):
    """An API that returns the same response to every request."""

    def __init__(self, answer: Any) -> None:
        super().__init__(None, qps=1e9, burst=1)
        self._answer = json.dumps(answer).encode()

    def _send(self, *_: Any, **__: Any) -> Any:
        return None

    def _read(self, response: Any, what: str) -> bytes:
        return self._answer


def run_all_readers(api: Api) -> list[Any]:
    """Return what each reader of the API returns or raises."""
    cluster = Cluster.__new__(Cluster)
    cluster.api, cluster.config = api, load({"node_name": "n"}, {}).config
    questions: list[Callable[[], Any]] = [
        lambda: cluster.identity,
        lambda: cluster.node,
        lambda: cluster.node_features,
        lambda: cluster.workers,
        lambda: cluster.has_resource("a/v1", "b"),
        lambda: cluster.is_allowed(Permission(verb="get", resource="nodes")),
        lambda: policy._find_policies(cluster),
        lambda: read_nodes(api),
    ]
    for make in (node_sink, feature_sink):
        questions += [partial(make(api).publish, {"a/b": "d"}), partial(make(api).preview, {"a/b": "d"})]
    return [catch_error(question) for question in questions]


def test_all_readers_accept_well_formed_objects() -> None:
    found = run_all_readers(FixedApi(LISTED))
    # NFD holds the label of the test, so the Node sink does not publish it.
    assert [type(each).__name__ for each in found if isinstance(each, GfdError)] == ["PublishError"]


@given(spoilt())
def test_all_readers_report_malformed_objects(answer: Any) -> None:
    """A wrong value becomes an error of gfd, or is not read."""
    for found in run_all_readers(FixedApi(answer)):
        assert not isinstance(found, GfdError) or isinstance(found, ApiError | PublishError)
    heard = catch_error(lambda: parse(json.dumps(answer).encode(), objects.OBJECT, "GET /x"))
    if isinstance(heard, dict):
        metadata, whole = heard["metadata"], WHOLE["metadata"]
        detect_node_drift(whole, metadata, {"labels": {"a/b": "d"}, "annotations": {}})
        detect_node_feature_drift(whole, metadata)
        detect_node_feature_drift(metadata, whole)
