"""The service, ``gfd cleanup`` and ``gfd doctor`` with a Node condition on a real API server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.errors import ApiError
from gfd.publishing.node_condition import TYPE, NodeConditionClient
from gfd.publishing.node_events import NodeEvent, NodeEventRecorder
from gfd.simulation import machines
from tests.agent.running import Service, serve
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.gpu_condition import LOST, OTHER, OWN, conditions, run_agent
from tests.cluster.objects import namespace
from tests.standin import Fault, from_inventory

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Iterator[Agent]:
    yield from run_agent(plane)


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
    with pytest.raises(ApiError, match="in a pod, set automountServiceAccountToken: true"):
        NodeConditionClient(agents.connect(nothing), OWN).read()
