"""gfd's manifests and agents on a Kubernetes that has no admission policies."""

from __future__ import annotations

import subprocess

import pytest

from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.tools.doctor.result import skip, warn
from tests.cluster import programs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.doctor_command import FEATURES, LABELS, AgentNode
from tests.cluster.installations import install
from tests.cluster.manifests import (
    CHART,
    MANIFESTS,
    OVERLAYS,
    SINKS,
    STRATEGIES,
    check_accepted,
    kustomize,
    render,
)
from tests.cluster.objects import NODES, delete, make_node, node_labels

pytestmark = pytest.mark.cluster

VERSION = f"v{programs.EARLY}"


def has_policy(overlay: str) -> bool:
    return any("Policy" in each["kind"] for each in kustomize(MANIFESTS / "overlays" / overlay))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays(early: ControlPlane, overlay: str) -> None:
    """Those without a policy are accepted, and each field is known."""
    if has_policy(overlay):
        folder = str(MANIFESTS / "overlays" / overlay)
        said = early.kubectl("apply", "--dry-run=server", "-k", folder, is_checked=False)
        # kubectl asks which kinds there are, or tries at once if it remembers an answer.
        refusals = (
            'no matches for kind "ValidatingAdmissionPolicy"',
            "the server could not find the requested",
        )
        assert any(each in said for each in refusals)
        # Policies apart, each field is known, too.
        objects = [
            each for each in kustomize(MANIFESTS / "overlays" / overlay) if "Policy" not in each["kind"]
        ]
    else:
        objects = kustomize(MANIFESTS / "overlays" / overlay)
    check_accepted(early, objects)


def test_some_overlays_have_no_policy() -> None:
    without = {each for each in OVERLAYS if not has_policy(each)}
    files = {"file", "file-single", "file-mixed"}
    assert without == files | {"node-without-policy", "nodefeature-without-policy"}


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_chart_without_policy(early: ControlPlane, sink: str, strategy: str) -> None:
    more = {
        "allNodes": True,
        "config": {"map": {"default": "version: v1\n"}},
        "metrics": {"podMonitor": True, "prometheusRule": True},
        "nvidiaDriverRoot": "/run/nvidia/driver",
        "report": {"enabled": True, "existingClaim": "pages"},
        "resourceQuota": {"pods": 100},
        "runtimeClassName": "nvidia",
        "templates": {"a.j2": "nvidia.com/a=b"},
        "viewRole": True,
    }
    for values in ({}, more):
        objects = render(sink=sink, migStrategy=strategy, policy={"enabled": False}, **values)
        assert not [each for each in objects if "Policy" in each["kind"]]
        check_accepted(early, objects)


def run_helm(plane: ControlPlane, *words: str) -> subprocess.CompletedProcess[str]:
    command = (str(programs.find("helm")), *words, f"--kubeconfig={plane.kubeconfig}", "--namespace=gfd")
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_install_by_helm(early: ControlPlane, sink: str) -> None:
    refused = run_helm(early, "install", "gfd", str(CHART), f"--set=sink={sink}")
    assert refused.returncode == 1
    assert (
        f"policy.enabled: a ValidatingAdmissionPolicy needs Kubernetes 1.30 or newer, and this is {VERSION}"
        "; set policy.enabled=false, or sink=file"
    ) in refused.stderr
    installed = run_helm(early, "install", "gfd", str(CHART), f"--set=sink={sink},policy.enabled=false")
    try:
        assert installed.returncode == 0, installed.stderr
        assert "policy.enabled is false: an attacker who takes over one agent can write " in installed.stdout
        assert (
            f"Kubernetes {VERSION} has no admission policies. After an upgrade to 1.30 or newer, "
            "set policy.enabled=true."
        ) in installed.stdout
        lost = "delete the NodeFeature that the sink nodefeature left"
        assert (lost in installed.stdout) is (sink == "node")
    finally:
        run_helm(early, "uninstall", "gfd")


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_an_agent_with_rights_alone(early: ControlPlane, sink: str) -> None:
    made: list[str] = []
    make_node(early.admin, "early")
    agent = install(early, kustomize(MANIFESTS / "overlays" / f"{sink}-without-policy"), "early", made)
    try:
        if sink == "node":
            own = NodeSink(
                agent.api,
                node_name="early",
                is_forcing=True,
                as_annotations=None,
                resync_s=None,
                warn=pytest.fail,
            )
            assert own.publish(LABELS)
            assert node_labels(early.admin, "early") == LABELS
        else:
            client = NodeFeatureClient(agent.api, node_name="early", namespace="gfd", pod_name=agent.pod)
            assert NodeFeatureSink(client, resync_s=None, warn=pytest.fail).publish(LABELS)
            found = early.admin.request("GET", f"{FEATURES}/nvidia-features-for-early")
            assert found["spec"]["labels"] == LABELS
        doctored = AgentNode(plane=early, node="early", agent=agent)
        step = "apply rbac.yaml and policy.yaml of manifests/components (Kubernetes 1.30 and later)"
        for is_operator in (False, True):
            expected = warn(f"Kubernetes {VERSION} has no admission policies", step)
            assert doctored.run_check("policy", sink=sink, is_operator=is_operator) == expected
            unknown = f"unknown: Kubernetes {VERSION} cannot say it (1.28 and later can)"
            assert doctored.run_check("token", sink=sink, is_operator=is_operator) == skip(unknown)
    finally:
        for path in reversed(made):
            delete(early.admin, path)
        delete(early.admin, f"{FEATURES}/nvidia-features-for-early")
        delete(early.admin, f"{NODES}/early")
