"""The Node condition and events on a real API server, with the policy in force and an agent's token."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import APPLY
from gfd.publishing.node_condition import TYPE, NodeCondition, NodeConditionClient, is_held
from gfd.publishing.node_events import PATH as EVENTS
from gfd.publishing.node_events import NodeEvent, NodeEventRecorder
from gfd.publishing.sinks.node import NodeSink
from tests.cluster.agents import Agent
from tests.cluster.attempts import MERGE, STRATEGIC
from tests.cluster.controlplane import ControlPlane
from tests.cluster.gpu_condition import (
    FULL,
    LOST,
    OTHER,
    OWN,
    STATUS,
    conditions,
    creates,
    event,
    own_condition,
    patch,
    run_agent,
    write_as_kubelet,
)
from tests.cluster.objects import NODES, delete, make_node, node

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Iterator[Agent]:
    yield from run_agent(plane)


def test_condition_is_set_and_removed_beside_those_of_the_kubelet(plane: ControlPlane, agent: Agent) -> None:
    client = NodeConditionClient(agent.api, OWN)
    sink = NodeSink(
        agent.api, node_name=OWN, is_forcing=True, as_annotations=None, resync_s=None, warn=lambda _: None
    )
    before = node(plane.admin, OWN)["status"]
    assert client.read() is None
    assert client.apply(LOST) == node(plane.admin, OWN)["metadata"]["uid"]
    assert client.read() == LOST
    assert conditions(plane)[TYPE] == {
        "type": TYPE,
        "status": "False",
        "reason": "GPUFailed",
        "message": "GPU 1 is lost",
        "lastHeartbeatTime": "2001-09-09T01:46:40Z",
        "lastTransitionTime": "2001-09-09T01:46:40Z",
    }
    # The kubelet writes its conditions, and the sink its labels: neither disturbs the condition, nor it them.
    changed = copy.deepcopy(FULL["conditions"])
    changed[1]["status"] = "False"
    write_as_kubelet(plane, OWN, {"conditions": changed, "allocatable": {"nvidia.com/gpu": "7"}})
    assert sink.publish({"nvidia.com/gpu.count": "1"})
    assert client.read() == LOST
    client.apply(
        NodeCondition(is_true=True, reason="AllGPUsRead", message="", heartbeat_at_s=2e9, transition_at_s=2e9)
    )
    assert node(plane.admin, OWN)["metadata"]["labels"]["nvidia.com/gpu.count"] == "1"
    assert sink.withdraw()
    found = conditions(plane)
    assert (found["Ready"]["status"], found[TYPE]["status"]) == ("False", "True")
    assert node(plane.admin, OWN)["status"]["allocatable"]["nvidia.com/gpu"] == "7"
    assert is_held(node(plane.admin, OWN)["metadata"])
    assert client.withdraw()
    assert not client.withdraw()
    assert not is_held(node(plane.admin, OWN)["metadata"])
    write_as_kubelet(plane, OWN, FULL)
    assert node(plane.admin, OWN)["status"] == before


def test_condition_of_somebody_else_is_taken_over(plane: ControlPlane, agent: Agent) -> None:
    item = {"type": TYPE, "status": "Unknown", "reason": "ByHand", "message": "x"}
    plane.admin.request(
        "PATCH",
        STATUS,
        {"status": {"conditions": [item]}},
        content_type=STRATEGIC,
        query={"fieldManager": "kubectl-edit"},
    )
    client = NodeConditionClient(agent.api, OWN)
    found = client.read()
    assert found is not None
    assert (found.is_true, found.heartbeat_at_s) == (False, 0.0)
    client.apply(LOST)
    assert client.read() == LOST
    assert client.withdraw()
    assert TYPE not in conditions(plane)


def test_node_without_any_condition(plane: ControlPlane, agent: Agent) -> None:
    delete(plane.admin, f"{NODES}/{OWN}")
    client = NodeConditionClient(agent.api, OWN)
    with pytest.raises(ApiError, match="there is no such Node; set NODE_NAME to a name in kubectl get nodes"):
        client.apply(LOST)
    assert not client.withdraw()
    with pytest.raises(ApiError):
        node(plane.admin, OWN)
    made = make_node(plane.admin, OWN, labels={"zone": "a"}, annotations={"a": "b"})
    try:
        assert client.apply(LOST) == made["metadata"]["uid"]
        assert conditions(plane) != {}
        assert client.withdraw()
    finally:
        write_as_kubelet(plane, OWN, FULL)


def hostile_bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    ready = {"type": "Ready", "status": "False", "reason": "x", "message": "x"}
    for what, status in {
        "capacity": {"capacity": {"nvidia.com/gpu": "80"}},
        "allocatable": {"allocatable": {"cpu": "1", "nvidia.com/gpu": "0"}},
        "address": {"addresses": [{"type": "InternalIP", "address": "10.9.9.9"}]},
        "images": {"images": [{"names": ["evil"], "sizeBytes": 1}]},
        "kubelet": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}},
        "volumes": {"volumesInUse": ["x"]},
        "ready": {"conditions": [ready]},
        "another condition": {"conditions": [{**ready, "type": "nvidia.com/Other"}]},
        "own and another": {"conditions": [own_condition(), ready]},
        "a long message": {"conditions": [own_condition(message="x" * 1025)]},
        "a status that does not exist": {"conditions": [own_condition(status="Maybe")]},
    }.items():
        yield what, {"status": status}
    for what, metadata in {
        "label": {"labels": {"rack": "1"}},
        "own label": {"labels": {"nvidia.com/gpu.count": "9"}},
        "annotation": {"annotations": {"a": "c"}},
        "finalizer": {"finalizers": ["example.com/x"]},
        "owner": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "1"}]},
    }.items():
        yield what, {"metadata": metadata, "status": {"conditions": [own_condition()]}}


@pytest.mark.parametrize("kind", [MERGE, STRATEGIC, APPLY])
@pytest.mark.parametrize("target", [OWN, OTHER])
def test_attempts_at_a_status(plane: ControlPlane, agent: Agent, kind: str, target: str) -> None:
    before = node(plane.admin, target)
    allowed = []
    attempts = list(hostile_bodies())
    if target == OTHER or kind != APPLY:
        # The own condition, written in the way of another program.
        attempts.append(("the condition", {"status": {"conditions": [own_condition()]}}))
    for what, body in attempts:
        error = patch(agent, target, body, kind)
        if error is None or error.status != 403 or "'gfd-node-condition'" not in str(error):
            allowed.append(f"{what}: {error}")
    assert allowed == []
    assert node(plane.admin, target) == before


def test_other_attempts(plane: ControlPlane, agent: Agent) -> None:
    client = NodeConditionClient(agent.api, OWN)
    client.apply(LOST)
    try:
        for manager in ("kubelet", "kubectl"):
            error = patch(agent, OWN, {"status": {"conditions": [own_condition()]}}, APPLY, manager)
            assert error is not None
            assert error.status == 403
        whole = node(plane.admin, OWN)
        ignored: list[tuple[str, dict[str, Any]]] = [
            (STATUS, {"spec": {"unschedulable": True}}),
            (STATUS, {"metadata": {"managedFields": [{}]}}),
            (f"{NODES}/{OWN}", {"status": {"conditions": [own_condition()]}}),
        ]
        for path, body in ignored:
            agent.api.request("PATCH", path, body, content_type=MERGE, query={"fieldManager": "gfd"})
        denied: list[tuple[str, str, Any]] = [
            ("PUT", STATUS, whole),
            ("POST", NODES, {"metadata": {"name": "ready-new"}}),
            ("DELETE", f"{NODES}/{OWN}", None),
        ]
        for method, path, sent in denied:
            with pytest.raises(ApiError) as caught:
                agent.api.request(method, path, sent)
            assert caught.value.status == 403
        assert node(plane.admin, OWN) == whole
    finally:
        client.withdraw()


def test_events_are_shown_by_kubectl(plane: ControlPlane, agent: Agent) -> None:
    uid = node(plane.admin, OWN)["metadata"]["uid"]
    recorder = NodeEventRecorder(agent.api, OWN)
    lost = NodeEvent(type="Warning", reason="GPUFailed", message="GPU 1 cannot be read: GPU is lost")
    assert recorder.record(lost, uid)
    assert recorder.record(lost, uid)
    assert recorder.record(NodeEvent(type="Normal", reason="GPURecovered", message="GPU 1"), uid)
    shown = plane.kubectl("describe", "node", OWN)
    (line,) = [each for each in shown.splitlines() if "GPUFailed" in each]
    assert "(x2 over" in line
    assert line.split()[0] == "Warning"
    assert line.endswith("GPU 1 cannot be read: GPU is lost")
    assert "GPURecovered" in shown
    # An event that the server has deleted is created again.
    plane.kubectl("delete", "events", "--all", "-n", "default")
    assert recorder.record(lost, uid)
    items = json.loads(plane.kubectl("get", "events", "-n", "default", "-o", "json"))["items"]
    assert [(each["reason"], each["count"]) for each in items] == [("GPUFailed", 1)]


def test_attempts_at_events(plane: ControlPlane, agent: Agent) -> None:
    assert creates(agent, event(), is_dry=True)
    for body in (
        event(name=OTHER),
        event("Pod"),
        event(reportingComponent="kubelet"),
        event(metadata={"generateName": "x.", "namespace": "default", "finalizers": ["example.com/x"]}),
        event(related={"kind": "Pod", "name": "x"}),
    ):
        assert not creates(agent, body, is_dry=True), body
    made = plane.admin.request("POST", EVENTS, event(name=OTHER))
    path = f"{EVENTS}/{made['metadata']['name']}"
    with pytest.raises(ApiError, match="may only record events about that node, as gfd"):
        agent.api.request("PATCH", path, {"count": 9}, content_type=MERGE)


def test_the_oldest_server(oldest: ControlPlane) -> None:
    for agent in run_agent(oldest):
        test_condition_is_set_and_removed_beside_those_of_the_kubelet(oldest, agent)
        test_condition_of_somebody_else_is_taken_over(oldest, agent)
        for kind in (MERGE, STRATEGIC, APPLY):
            test_attempts_at_a_status(oldest, agent, kind, OWN)
        test_attempts_at_events(oldest, agent)
