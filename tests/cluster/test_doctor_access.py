"""The checks of gfd doctor on token, permissions, policy and clock, on a real API server."""

from __future__ import annotations

import pytest

from gfd.tools.doctor.result import fail, ok, skip, warn
from tests.cluster import agents
from tests.cluster.controlplane import wait_for
from tests.cluster.doctor_command import ACCOUNT, AgentNode
from tests.cluster.test_rights import COMPONENTS

pytestmark = pytest.mark.cluster


def test_wrong_tokens(agent_node: AgentNode) -> None:
    plane = agent_node.plane
    unbound = str(plane.write_kubeconfig("unbound", token=agents.token(plane, None)))
    step = "use the token that Kubernetes mounts into the pod; the policy refuses other tokens"
    seen = f"{ACCOUNT}; the token is not bound to a pod on a node"
    assert agent_node.run_check("token", sink="node", kubeconfig=unbound) == warn(seen, step)
    seen = f"the token is bound to node {agent_node.node}, but --node-name is elsewhere"
    step = "set NODE_NAME from spec.nodeName with the downward API"
    assert agent_node.run_check("token", sink="node", node_name="elsewhere") == fail(seen, step)
    said = "you are admin, not an agent; to check an agent, run gfd doctor in its pod"
    assert agent_node.run_check("token", sink="node", is_operator=True) == ok(said)


def test_rights(agent_node: AgentNode) -> None:
    features = ", ".join(
        f"{verb} nodefeatures" for verb in ("get", "list", "watch", "create", "update", "delete")
    )
    pod = agent_node.agent.pod
    assert agent_node.run_check("rights", sink="nodefeature", pod_name=pod) == ok(
        f"allowed: {features}, get pods"
    )
    assert agent_node.run_check("rights", sink="file") == ok("not needed for --sink file")
    missing = "manifests/overlays/nodefeature (Role gfd)"
    step = f"apply {missing}, or run helm upgrade with the same values"
    assert agent_node.run_check("rights", sink="nodefeature", namespace="other") == fail(
        f"not allowed: {features}", step
    )
    with_node = {"sink": "nodefeature,stdout", "config_dir": "/etc"}
    assert agent_node.run_check("rights", **with_node).seen.startswith(
        "allowed: get nodes, list nodes, watch nodes, get node"
    )


def test_missing_permissions(agent_node: AgentNode) -> None:
    agent_node.plane.kubectl("delete", "clusterrolebinding", "gfd")
    try:
        seen = "not allowed: get nodes, list nodes, watch nodes, patch nodes"
        step = "apply manifests/overlays/node (ClusterRole gfd), or run helm upgrade with the same values"
        wait_for(
            lambda: agent_node.run_check("rights", sink="node") == fail(seen, step), "the rights to be gone"
        )
        result = agent_node.run_check("policy", sink="node")
        assert result.state == "skip"
        assert result.seen.startswith("unknown: nodes ")
        assert agent_node.run_check("Node", sink="node").seen.startswith("unknown: nodes ")
        assert agent_node.run_check("doubled", sink="node").seen.startswith(
            "no duplicates found, but gfd cannot read all: nodes "
        )
        assert agent_node.run_check("operator", sink="node") == ok("the GPU operator is not installed")
    finally:
        agent_node.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "rbac.yaml"))


def test_policies(agent_node: AgentNode) -> None:
    refused = (
        "ValidatingAdmissionPolicy 'gfd-node' refuses a foreign label on the Node",
        "ValidatingAdmissionPolicy 'gfd-nodefeature' refuses a foreign NodeFeature",
    )
    assert agent_node.run_check("policy", sink="node,stdout") == ok(refused[0])
    assert agent_node.run_check("policy", sink="nodefeature") == ok(refused[1])
    assert agent_node.run_check("policy", sink="file") == skip("gfd writes nothing to the API server")
    bound = ok("gfd-node, gfd-nodefeature; to test it, run gfd doctor in an agent's pod")
    assert agent_node.run_check("policy", sink="node", is_operator=True) == bound
    agent_node.plane.kubectl("delete", "validatingadmissionpolicybinding", "gfd-node")
    try:
        expected = warn(
            "no policy refuses a foreign label on the Node",
            f"apply rbac.yaml and policy.yaml of manifests/components/node for {ACCOUNT} "
            "(Kubernetes 1.30 and later)",
        )
        wait_for(lambda: agent_node.run_check("policy", sink="node") == expected, "the policy to be gone")
        assert (
            agent_node.plane.kubectl("get", "node", agent_node.node, "-o=jsonpath={.metadata.labels}") == ""
        )
        found = agent_node.run_check("policy", sink="node", is_operator=True)
        assert found == ok("gfd-nodefeature; to test it, run gfd doctor in an agent's pod")
        agent_node.plane.kubectl("delete", "validatingadmissionpolicybinding", "gfd-nodefeature")
        assert agent_node.run_check("policy", sink="node", is_operator=True) == warn(
            "no admission policy for gfd's agents is bound",
            "apply rbac.yaml and policy.yaml of manifests/components (Kubernetes 1.30 and later)",
        )
    finally:
        agent_node.plane.kubectl("apply", "-f", str(COMPONENTS / "nodefeature" / "policy.yaml"))
        agent_node.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "policy.yaml"))


def test_the_policy_of_the_node_condition_beside_that_of_a_sink(agent_node: AgentNode) -> None:
    plane, both = agent_node.plane, {"sink": "node", "node_condition": "true"}
    folder = COMPONENTS / "node-condition"
    refused = "ValidatingAdmissionPolicy 'gfd-node' refuses a foreign label on the Node"
    plane.kubectl("apply", "-f", str(folder / "rbac.yaml"), "-f", str(folder / "policy.yaml"))
    try:
        expected = ok(
            f"{refused}; ValidatingAdmissionPolicy 'gfd-node-condition' refuses a foreign condition on the "
            "Node"
        )
        wait_for(lambda: agent_node.run_check("policy", **both) == expected, "both policies")
        plane.kubectl("delete", "validatingadmissionpolicybinding", "gfd-node-condition")
        missing = warn(
            "no policy refuses a foreign condition on the Node",
            f"apply rbac.yaml and policy.yaml of manifests/components/node-condition for {ACCOUNT} "
            "(Kubernetes 1.30 and later)",
        )
        wait_for(lambda: agent_node.run_check("policy", **both) == missing, "the policy to be gone")
    finally:
        paths = ("-f", str(folder / "rbac.yaml"), "-f", str(folder / "policy.yaml"))
        plane.kubectl("delete", "--ignore-not-found", *paths)


def test_a_wrong_clock(agent_node: AgentNode, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    real = time.time
    for off_s, state in ((3.0, "ok"), (20.0, "warn"), (-100.0, "fail")):
        monkeypatch.setattr("gfd.tools.doctor.cluster.time.time", lambda off_s=off_s: real() + off_s)
        result = agent_node.run_check("clock", sink="node")
        assert result.state == state
        if state != "ok":
            amount, _, words = result.seen.partition(" s ")
            assert abs(float(amount) - abs(off_s)) < 2
            assert words == f"{'ahead of' if off_s > 0 else 'behind'} the API server"
