"""Agents that set the Node condition, and Nodes as their kubelets have filled them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gfd.errors import ApiError
from gfd.kube.client import APPLY
from gfd.publishing.node_condition import TYPE, NodeCondition
from gfd.publishing.node_events import PATH as EVENTS
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.attempts import MERGE, STRATEGIC
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, node

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


def run_agent(plane: ControlPlane) -> Iterator[Agent]:
    """Yield an agent under the policies, with its Node and another one as their kubelets have filled them."""
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


def own_condition(**changes: Any) -> dict[str, Any]:
    return {"type": TYPE, "status": "False", "reason": "A", "message": "b", **changes}


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
