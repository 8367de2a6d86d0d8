"""The Node condition and events on a real API server, with the policy in force and an agent's token."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import APPLY
from gfd.publishing.node_condition import TYPE, NodeCondition, NodeConditionClient, is_held
from gfd.publishing.node_events import PATH as EVENTS
from gfd.publishing.node_events import NodeEvent, NodeEventRecorder
from gfd.publishing.sinks.node import NodeSink
from gfd.simulation import machines
from tests.agent.running import Service, serve
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.attempts import MERGE, STRATEGIC
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, namespace, node
from tests.standin import Fault, from_inventory

pytestmark = pytest.mark.cluster

COMPONENTS = Path(__file__).parents[2] / "manifests" / "components"
OWN, OTHER = "ready-own", "ready-other"
STATUS = f"{NODES}/{OWN}/status"
LOST = NodeCondition(
    is_true=False, reason="GPUFailed", message="GPU 1 is lost", heartbeat_at_s=1e9, transition_at_s=1e9
)
FULL: dict[str, Any] = {
    "capacity": {"cpu": "8", "nvidia.com/gpu": "8"},
    "allocatable": {"cpu": "8", "nvidia.com/gpu": "8"},
    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
    "conditions": [
        {"type": "MemoryPressure", "status": "False", "reason": "Enough", "message": "m"},
        {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"},
    ],
}


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Iterator[Agent]:
    agents.install(plane, COMPONENTS / "node", COMPONENTS / "node-condition")
    for name in (OWN, OTHER):
        delete(plane.admin, f"{NODES}/{name}")
        make_node(plane.admin, name, labels={"zone": "a"}, annotations={"a": "b"})
        write_as_kubelet(plane, name, FULL)
    started = agents.start(plane, OWN)
    wait_for(lambda: is_denied(started, OTHER, {"conditions": []}), "the policy about the status")
    wait_for(lambda: not creates(started, event("Pod"), is_dry=True), "the policy about events")
    yield started
    for name in (OWN, OTHER):
        delete(plane.admin, f"{NODES}/{name}")
    plane.kubectl("delete", "events", "--all", "-n", "default")


def write_as_kubelet(plane: ControlPlane, name: str, status: dict[str, Any]) -> None:
    plane.admin.request(
        "PATCH",
        f"{NODES}/{name}/status",
        {"status": status},
        content_type=STRATEGIC,
        query={"fieldManager": "kubelet"},
    )


def patch(agent: Agent, name: str, body: dict[str, Any], kind: str, manager: str = "gfd") -> ApiError | None:
    query = {"fieldManager": manager, "dryRun": "All"} | ({"force": "true"} if kind == APPLY else {})
    if kind == APPLY:
        metadata = {"name": name, **body.get("metadata", {})}
        body = {"apiVersion": "v1", "kind": "Node", **body, "metadata": metadata}
    try:
        agent.api.request("PATCH", f"{NODES}/{name}/status", body, content_type=kind, query=query)
    except ApiError as error:
        return error
    return None


def is_denied(agent: Agent, name: str, status: dict[str, Any]) -> bool:
    error = patch(agent, name, {"status": status}, MERGE)
    return error is not None and error.status == 403


def conditions(plane: ControlPlane, name: str = OWN) -> dict[str, dict[str, Any]]:
    found = node(plane.admin, name)["status"].get("conditions") or []
    assert len({each["type"] for each in found}) == len(found)
    return {each["type"]: each for each in found}


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


def own_condition(**changes: Any) -> dict[str, Any]:
    return {"type": TYPE, "status": "False", "reason": "A", "message": "b", **changes}


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


def event(kind: str = "Node", name: str = OWN, **changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"generateName": "x.", "namespace": "default"},
        "involvedObject": {"apiVersion": "v1", "kind": kind, "name": name},
        "reason": "A",
        "message": "b",
        "type": "Warning",
        "reportingComponent": "gfd",
        "reportingInstance": "x",
        **changes,
    }


def creates(agent: Agent, body: dict[str, Any], *, is_dry: bool) -> bool:
    try:
        agent.api.request("POST", EVENTS, body, query={"dryRun": "All"} if is_dry else {})
    except ApiError as error:
        return error.status != 403
    return True


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


def command(*words: str, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "GFD_NODE_CONDITION": "true"}
    environ.pop("NODE_NAME", None)
    gfd = (sys.executable, "-m", "gfd", *words)
    return subprocess.run(gfd, env=environ, capture_output=True, text=True, check=False)


def status_of(plane: ControlPlane) -> tuple[str, str] | None:
    found = conditions(plane).get(TYPE)
    return (found["status"], found["reason"]) if found else None


def reload(service: Service, *, is_on: bool) -> None:
    config = f"version: v1\nflags:\n  gfd:\n    nodeCondition: {str(is_on).lower()}\n"
    (service.folder / "config.yaml").write_text(config)


def test_a_service_with_the_file_sink(plane: ControlPlane, agent: Agent, tmp_path: Path) -> None:
    """A GPU has failed and recovers; the option is switched off and on; people look and clean up."""
    two = from_inventory(machines.read("dgx-a100", "all-disabled"))
    lost = replace(two, faults=(Fault(function="nvmlDeviceGetName", gpu=0, error=15),))
    arguments = (
        *("--sink=file", f"--node-name={OWN}", f"--kubeconfig={agent.kubeconfig}"),
        *("--fail-on-init-error=false", f"--config-file={tmp_path / 'config.yaml'}"),
    )
    (tmp_path / "config.yaml").write_text("version: v1\nflags:\n  gfd:\n    nodeCondition: true\n")
    with serve(tmp_path, *arguments, machine=lost) as service:
        wait_for(lambda: status_of(plane) == ("False", "GPUFailed"), "the condition", 20)
        failed = conditions(plane)[TYPE]
        assert failed["message"].startswith("1 of 8 GPUs cannot be read: GPU 0 (")
        doctor = command(
            *("doctor", "--sink=file", f"--node-name={OWN}", "--simulate=mig-doc"),
            kubeconfig=agent.kubeconfig,
        )
        assert "nvidia.com/GPUReady is False since" in doctor.stdout
        assert "allowed: get nodes/status, patch nodes/status, create events, patch events" in doctor.stdout
        assert "'gfd-node-condition' refuses a foreign condition on the Node" in doctor.stdout
        service.play(two)
        wait_for(lambda: status_of(plane) == ("True", "AllGPUsRead"), "the recovery", 30)
        assert conditions(plane)[TYPE]["lastTransitionTime"] > failed["lastTransitionTime"]
        shown = plane.kubectl("describe", "node", OWN)
        assert "GPUFailed" in shown
        assert "GPURecovered" in shown
        reload(service, is_on=False)
        wait_for(lambda: status_of(plane) is None, "the removal", 20)
        reload(service, is_on=True)
        wait_for(lambda: status_of(plane) == ("True", "AllGPUsRead"), "the condition again", 20)
        assert service.end()[0] == 0
    # It stays when the service ends.
    assert status_of(plane) == ("True", "AllGPUsRead")
    done = command(
        *("cleanup", "--sink=file", "-o", str(service.file), f"--node-name={OWN}"),
        kubeconfig=agent.kubeconfig,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{service.file}: removed\nnodes/{OWN} condition {TYPE}: removed\n"
    assert status_of(plane) is None


def test_cleanup_of_all_nodes(plane: ControlPlane, agent: Agent) -> None:
    NodeConditionClient(agent.api, OWN).apply(LOST)
    NodeConditionClient(plane.admin, OTHER).apply(LOST)
    words = ("cleanup", "--sink=node", "--all-nodes")
    done = command(*words, kubeconfig=plane.kubeconfig)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [
        f"nodes/{name} condition {TYPE}: removed" for name in (OTHER, OWN)
    ]
    assert TYPE not in conditions(plane) | conditions(plane, OTHER)
    done = command(*words, kubeconfig=plane.kubeconfig)
    assert done.stdout.endswith("--node-condition: nothing to remove: gfd holds no condition of any Node\n")
    refused = command(*words, kubeconfig=agent.kubeconfig)
    assert refused.returncode == 0, "the sink node lets an agent list the Nodes"


def test_missing_rights_and_token(plane: ControlPlane, agent: Agent) -> None:
    namespace(plane.admin, "plain")
    plane.kubectl("-n", "plain", "create", "serviceaccount", "plain")
    plain = agents.start(plane, OWN, namespace="plain", account="plain")
    with pytest.raises(ApiError, match=r"the verb patch on nodes/status is granted by manifests/components/"):
        NodeConditionClient(plain.api, OWN).apply(LOST)
    with pytest.raises(ApiError, match="this needs the verb create and patch on events"):
        NodeEventRecorder(plain.api, OWN).record(NodeEvent(type="Normal", reason="A", message="b"), "1")
    nothing = plane.write_kubeconfig("nothing", token="wrong")
    with pytest.raises(ApiError, match="--node-condition needs a token, whatever the sink"):
        NodeConditionClient(agents.connect(nothing), OWN).read()
