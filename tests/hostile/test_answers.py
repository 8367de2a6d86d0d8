"""What an API server can answer: each answer is of the shape that its reader relies on, or an ApiError."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.cluster import read_nodes
from gfd.config.loader import load
from gfd.errors import ApiError, GfdError, PublishError
from gfd.kube import body, objects
from gfd.kube.body import MAX_BYTES
from gfd.kube.client import Api
from gfd.kube.field_managers import applied_by, conflicts, held_by_nfd, holders
from gfd.kube.responses import parse, parse_event, parse_status_error
from gfd.kube.schema import Schema
from gfd.publishing.sinks.metadata_drift import detect_node_drift, detect_node_feature_drift
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.tools.doctor.attempt import attempt
from gfd.tools.doctor.checks import policy
from gfd.tools.doctor.cluster import Cluster, Right
from tests.hostile.server import TOKEN, Answer, Hostile, hostile, say, write_kubeconfig

MIB = 1 << 20
NODE = {"metadata": {"name": "n", "uid": "u", "resourceVersion": "1"}}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    (
        *("metadata", "name", "uid", "resourceVersion", "labels", "annotations", "managedFields", "manager"),
        *(
            "operation",
            "subresource",
            "fieldsV1",
            "f:metadata",
            "f:labels",
            "ownerReferences",
            "kind",
            "spec",
        ),
        *("features", "items", "continue", "remainingItemCount", "status", "userInfo", "extra", "message"),
        *("reason", "code", "details", "causes", "field", "retryAfterSeconds", "type", "object", "resources"),
    )
)
KNOWN = st.recursive(
    ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=25,
)
"""JSON that looks a little like what Kubernetes says."""


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(lambda method, path: say(NODE)) as started:
        yield started


def connect(server: Hostile, folder: Path) -> Api:
    return Api(write_kubeconfig(folder / "config", server.url), qps=1000, burst=1000)


def node_sink(api: Api) -> NodeSink:
    return NodeSink(
        api, node_name="n", is_forcing=False, as_annotations=None, resync_s=None, warn=lambda _: None
    )


def feature_sink(api: Api) -> NodeFeatureSink:
    client = NodeFeatureClient(api, node_name="n", namespace="gfd", pod_name="p")
    return NodeFeatureSink(client, resync_s=None)


MISSHAPEN: tuple[Any, ...] = (
    None,
    "text",
    7,
    [],
    {},
    {"metadata": None},
    {"metadata": {}},
    {"metadata": []},
    {"metadata": {"name": "n", "uid": "u", "resourceVersion": "abc"}},
    {"metadata": {"name": "n", "uid": 1, "resourceVersion": "1"}},
    {"metadata": {**NODE["metadata"], "labels": {"a": 1}}},
    {"metadata": {**NODE["metadata"], "managedFields": {}}},
    {"metadata": {**NODE["metadata"], "managedFields": [None]}},
    {"metadata": {**NODE["metadata"], "managedFields": [{"fieldsV1": {"f:metadata": []}}]}},
    {"metadata": {**NODE["metadata"], "annotations": "nvidia.com/gpu"}},
)


@pytest.mark.parametrize("content", MISSHAPEN, ids=repr)
@pytest.mark.parametrize("make", [node_sink, feature_sink])
def test_a_sink_is_told_something_else(
    server: Hostile, tmp_path: Path, make: Callable[[Api], NodeSink | NodeFeatureSink], content: Any
) -> None:
    server.play = lambda method, path: say(content)
    with pytest.raises(PublishError) as caught:
        make(connect(server, tmp_path)).publish({"nvidia.com/gpu.count": "1"})
    assert caught.value.kind == "malformed"
    assert "malformed response: " in str(caught.value)
    with pytest.raises(PublishError):
        make(connect(server, tmp_path)).preview({})


RUBBISH: dict[str, Answer] = {
    "deep": Answer(body=b"[" * 100_000),
    "deep object": Answer(body=b'{"a":' * 100_000),
    "no JSON": Answer(body=b"<html>"),
    "nothing": Answer(body=b""),
    "no UTF-8": Answer(body=b'"\xff"'),
    "UTF-16": Answer(body=json.dumps(NODE).encode("utf-16")),
    "digits": Answer(body=b"9" * 10_000),
    "half a gzip": Answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"{}" * 1000)[:-9]),
    "no gzip": Answer(headers={"Content-Encoding": "gzip"}, body=b"{}"),
    "another packing": Answer(headers={"Content-Encoding": "deflate"}, body=zlib.compress(b"{}")),
    "packed twice": Answer(headers={"Content-Encoding": "gzip, gzip"}, body=gzip.compress(b"{}")),
    "many values": Answer(body=b'{"metadata": {}, "x": [' + b"0," * 250_000 + b"0]}"),
    "no content": Answer(status=204),
    "too short": Answer(headers={"Content-Length": "9"}, body=iter([b"{}"])),
    "no chunks": Answer(headers={"Transfer-Encoding": "chunked"}, body=iter([b"zz\r\n{}\r\n"])),
    "a redirect": Answer(status=307, headers={"Location": "/elsewhere"}),
    "a status of its own": Answer(status=999, body=b"{}"),
    "an empty list": say([], status=500),
    "a Status that is none": say({"kind": "Status", "details": [1], "message": {}, "code": "x"}, status=409),
    "a long Status": say({"kind": "Status", "message": "x" * MIB}, status=500),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_an_answer_that_is_rubbish(server: Hostile, tmp_path: Path, name: str) -> None:
    answer = RUBBISH[name]
    if not isinstance(answer.body, bytes):
        pieces = list(answer.body)
        answer = Answer(status=answer.status, headers=answer.headers, body=pieces)
    server.play = lambda method, path: answer
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert len(str(caught.value)) < 5000
    assert "\n" not in str(caught.value)
    assert "it it" not in str(caught.value)


def test_what_is_said_of_an_answer(server: Hostile, tmp_path: Path) -> None:
    server.play = lambda method, path: RUBBISH["no JSON"]
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert str(caught.value) == (
        "GET /x: malformed response: it is not JSON: Expecting value: line 1 "
        "column 1 (char 0); is there a proxy between gfd and the API server?"
    )


def test_an_answer_without_an_end(server: Hostile, tmp_path: Path) -> None:
    sent = itertools.count()
    server.play = lambda method, path: Answer(body=(bytes(MIB) for _ in sent))
    with pytest.raises(ApiError, match=r"^GET /x: .*: it is larger than 32 MiB; is there a proxy"):
        connect(server, tmp_path).request("GET", "/x")
    # What is on the way in the kernel's buffers has been sent, too.
    assert next(sent) < 48


def test_a_bomb(server: Hostile, tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(128)) + packer.flush()
    assert len(bomb) < MIB
    server.play = lambda method, path: Answer(headers={"Content-Encoding": "gzip"}, body=bomb)
    with pytest.raises(ApiError, match="it is larger than 32 MiB"):
        connect(server, tmp_path).request("GET", "/x")


def test_an_answer_that_trickles(server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_TRANSFER_S", -1.0)
    server.play = lambda method, path: Answer(body=itertools.repeat(b" "))
    with pytest.raises(ApiError, match="it did not end within"):
        connect(server, tmp_path).request("GET", "/x")


def test_the_token_goes_to_nobody_else(server: Hostile, tmp_path: Path) -> None:
    with hostile(lambda method, path: say(NODE)) as other:
        server.play = lambda method, path: Answer(status=301, headers={"Location": f"{other.url}/stolen"})
        with pytest.raises(ApiError) as caught:
            connect(server, tmp_path).request("GET", "/x")
        assert other.seen == []
    assert server.seen[0][2]["authorization"] == f"Bearer {TOKEN}"
    assert str(caught.value) == (
        f"{server.url} redirects GET /x (status 301), which no API server does; set the URL of the API "
        "server itself"
    )


def test_a_connection_is_used_again(server: Hostile, tmp_path: Path) -> None:
    """Also after a refusal."""
    api = connect(server, tmp_path)
    for status in (200, 404, 200):
        server.play = lambda method, path, status=status: say(NODE, status)  # type: ignore[misc]
        attempt(lambda: api.request("GET", "/x"))
    assert api._connection is not None
    pool = api._connection.pool.connection_from_url(server.url)
    assert (pool.num_connections, pool.num_requests) == (1, 3)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("7", 7), ("999999999999", 300), ("9" * 5000, 300), ("-1", None), ("soon", None), ("1e9", None)],
)
def test_how_long_a_server_can_ask_to_be_left_alone(
    server: Hostile, tmp_path: Path, after: str, seconds: float | None
) -> None:
    server.play = lambda method, path: say({"kind": "Status"}, 429, Retry_After=after)
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert caught.value.retry_after_s == seconds
    said = parse_status_error(
        b'{"kind": "Status", "details": {"retryAfterSeconds": 999999999999}}', "GET /x", 429, "", ""
    )
    assert said.retry_after_s == 300


def test_a_list_that_never_ends(server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfd.kube.client.MAX_PAGES", 3)
    page = {"metadata": {"resourceVersion": "1", "continue": "more"}, "items": [NODE]}
    server.play = lambda method, path: say(page)
    with pytest.raises(ApiError, match="the list has more than 3 pages"):
        list(connect(server, tmp_path).list("/api/v1/nodes"))


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
def test_a_list_of_something_else(server: Hostile, tmp_path: Path, page: Any) -> None:
    server.play = lambda method, path: say(page)
    with pytest.raises(ApiError) as caught:
        read_nodes(connect(server, tmp_path))
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("said", ["", "soon", "Tue, 99 Nov 2026 10:00:00 GMT", "x" * 60_000])
def test_a_server_without_a_clock(server: Hostile, tmp_path: Path, said: str) -> None:
    server.play = lambda method, path: Answer(headers={"Date": said}, body=b"{}")
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).date()
    assert str(caught.value) == f"the API server sends no valid Date header: {said[:100]!r}"


WITH_METADATA = {"OBJECT", "RESPONSE", "NODE_FEATURE", "POD", "POLICY", "POLICY_BINDING"}
"""The schemas that check all metadata."""
SCHEMAS = {name: schema for name, schema in vars(objects).items() if name.isupper() and callable(schema)}


@given(KNOWN, st.sampled_from(sorted(SCHEMAS)))
def test_the_gate_lets_through_only_what_can_be_read(content: Any, name: str) -> None:
    schema: Schema = SCHEMAS[name]
    found = attempt(lambda: parse(json.dumps(content).encode(), schema, "GET /x"))
    if isinstance(found, GfdError):
        assert isinstance(found, ApiError)
        return
    metadata = {}
    if name in {"OPTIONAL_METADATA", "METADATA"}:
        metadata = found
    elif name in WITH_METADATA:
        metadata = found.get("metadata") or {}
    applied_by(metadata, "gfd")
    detect_node_drift(metadata, metadata, {"labels": {"a/b": "c"}})
    detect_node_feature_drift(metadata, metadata)
    holders(metadata)
    held_by_nfd(metadata)
    if name == "STATUS":
        conflicts(found.get("details") or {})


@given(KNOWN, st.integers(400, 599), st.text())
def test_every_refusal_can_be_read(content: Any, code: int, after: str) -> None:
    error = parse_status_error(json.dumps(content).encode(), "GET /x", code, "Reason", after)
    assert error.status == code
    conflicts(error.details)
    assert len(error.kind) <= 41


@given(st.binary())
def test_bytes_that_are_anything(data: bytes) -> None:
    found = attempt(lambda: parse(data, objects.OBJECT, "GET /x"))
    assert isinstance(found, ApiError)
    assert parse_status_error(data, "GET /x", 500, "Sorry", "").kind == "500"


@given(KNOWN)
def test_every_event_is_one_or_an_error(content: Any) -> None:
    shapes = objects.events_of(objects.OBJECT)
    found = attempt(lambda: parse_event(json.dumps(content).encode(), shapes, "GET /x"))
    if isinstance(found, dict):
        assert found["object"]["metadata"]["resourceVersion"].isdecimal()
    else:
        assert isinstance(found, ApiError)


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
"""An object and a list in one, that answers every question."""


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """Return :data:`LISTED` with something else somewhere in it."""
    return _spoil(draw, LISTED)


def _spoil(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 9)):
        places: Any = list(value) if isinstance(value, dict) else range(len(value))
        place = draw(st.sampled_from(places))
        changed: Any = value.copy()
        changed[place] = _spoil(draw, value[place])
        return changed
    return draw(ANYTHING)


class Played(Api):
    """A server whose words alone count."""

    def __init__(self, answer: Any) -> None:
        super().__init__(None, qps=1e9, burst=1)
        self._answer = json.dumps(answer).encode()

    def _send(self, *_: Any, **__: Any) -> Any:
        return None

    def _read(self, response: Any, what: str) -> bytes:
        return self._answer


def ask_everything(api: Api) -> list[Any]:
    """Return what all who ask the server make of its answers: facts or errors."""
    cluster = Cluster.__new__(Cluster)
    cluster.api, cluster.config = api, load({"node_name": "n"}, {}).config
    questions: list[Callable[[], Any]] = [
        lambda: cluster.identity,
        lambda: cluster.node,
        lambda: cluster.features,
        lambda: cluster.workers,
        lambda: cluster.serves("a/v1", "b"),
        lambda: cluster.may(Right(verb="get", resource="nodes")),
        lambda: policy._look(cluster),
        lambda: read_nodes(api),
    ]
    for make in (node_sink, feature_sink):
        questions += [partial(make(api).publish, {"a/b": "d"}), partial(make(api).preview, {"a/b": "d"})]
    return [attempt(question) for question in questions]


def test_everything_can_be_asked_of_a_server_that_answers_well() -> None:
    found = ask_everything(Played(LISTED))
    # NFD holds the label of the test, which the sink for Nodes leaves to it.
    assert [type(each).__name__ for each in found if isinstance(each, GfdError)] == ["PublishError"]


@given(spoilt())
def test_whoever_asks_is_told_something_else_somewhere(answer: Any) -> None:
    """Whatever is wrong becomes a GfdError, or does not matter."""
    for found in ask_everything(Played(answer)):
        assert not isinstance(found, GfdError) or isinstance(found, ApiError | PublishError)
    heard = attempt(lambda: parse(json.dumps(answer).encode(), objects.OBJECT, "GET /x"))
    if isinstance(heard, dict):
        metadata, whole = heard["metadata"], WHOLE["metadata"]
        detect_node_drift(whole, metadata, {"labels": {"a/b": "d"}, "annotations": {}})
        detect_node_feature_drift(whole, metadata)
        detect_node_feature_drift(metadata, whole)


def test_the_limit_is_a_limit() -> None:
    assert MAX_BYTES == 32 * MIB
