"""gfd doctor on a real API server, with the token of an agent's pod and with an operator's."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from gfd.tools.doctor.checks import CHECKS, HARDWARE
from gfd.tools.doctor.runner import run_checks
from tests.cluster.controlplane import ADMIN_TOKEN, free_port
from tests.cluster.doctor_command import ACCOUNT, AgentNode, gfd

pytestmark = pytest.mark.cluster


def test_a_healthy_agent(agent_node: AgentNode) -> None:
    assert gfd(agent_node, "--oneshot") == (0, "", "")
    asked = len(agent_node.plane.requests())
    code, out, err = gfd(agent_node, "doctor")
    assert (code, err) == (0, "")
    assert out == (
        "skip  hardware      not checked, because t4 is simulated: GPU, driver, library, NVML, device nodes, "
        "MIG, /proc, facts\n"
        "ok    labels        gfd renders 26 labels\n"
        "skip  feature file  not used with --sink node\n"
        "skip  nfd-worker    the feature file is not used\n"
        "ok    API server    answers, Kubernetes v1.37.2\n"
        "ok    clock         same as the API server\n"
        f"ok    token         {ACCOUNT}, bound to pod {agent_node.agent.pod} on node {agent_node.node}\n"
        "ok    rights        allowed: get nodes, list nodes, watch nodes, patch nodes\n"
        "ok    policy        ValidatingAdmissionPolicy 'gfd-node' refuses a foreign label on the Node\n"
        "ok    NFD           installed, not needed\n"
        "ok    Node          all 26 labels are on the Node\n"
        "ok    doubled       no label is published twice\n"
        "ok    operator      the GPU operator is not installed\n"
        "skip  devices       devices of ResourceSlices are unknown: listing resourceslices is forbidden; "
        "grant the verb list on resourceslices.resource.k8s.io\n"
        "10 ok, 4 skipped\n"
    )
    # It wrote nothing: all other requests are reviews or dry runs.
    requests = agent_node.plane.requests()[asked:]
    others = [each for each in requests if each["verb"] not in {"get", "list"}]
    asking = {each["objectRef"]["resource"] for each in others if each["verb"] == "create"}
    assert asking == {"selfsubjectreviews", "selfsubjectaccessreviews"}
    (dry,) = [each for each in others if each["verb"] != "create"]
    assert "dryRun=All" in dry["requestURI"]


def test_a_bundle_of_an_agent_and_of_an_operator(agent_node: AgentNode, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"published to nodes/{agent_node.node} with {agent_node.agent.token_file.read_text()}\n")
    for name, kubeconfig in (
        ("agent", agent_node.agent.kubeconfig),
        ("operator", agent_node.plane.kubeconfig),
    ):
        path = tmp_path / f"{name}.tar.gz"
        words = (
            "doctor",
            f"--bundle={path}",
            f"--log={log}",
            f"--pod-name={agent_node.agent.pod}",
            "-o",
            "json",
        )
        _, out, err = gfd(agent_node, *words, kubeconfig=kubeconfig)
        assert {each["check"] for each in json.loads(out)} > {"token", "rights", "policy"}
        assert f"gfd: {path} holds contents.txt, snapshot.yaml, config.txt, doctor.txt" in err
        with tarfile.open(path) as archive:
            files = {each.name: archive.extractfile(each).read().decode() for each in archive}  # type: ignore[union-attr]
        text = "".join(files.values())
        token = agent_node.agent.token_file.read_text()
        for secret in (agent_node.node, token, ADMIN_TOKEN, agent_node.agent.pod):
            assert secret not in text
        said = files["gfd-bundle/doctor.txt"]
        assert (
            f"{ACCOUNT}, bound to pod pod-1 on node node-1" in said
            if name == "agent"
            else "you are user-1" in said
        )
        assert files["gfd-bundle/log.txt"] == "published to nodes/node-1 with SECRET\n"
        assert "kubernetes: v1.37.2\n" in files["gfd-bundle/versions.txt"]


def test_an_api_server_that_does_not_answer(agent_node: AgentNode) -> None:
    away = agent_node.plane.home / "away.kubeconfig"
    text = agent_node.agent.kubeconfig.read_text()
    away.write_text(text.replace(str(agent_node.plane.port), str(free_port())))
    context = agent_node.make_context(sink="nodefeature", kubeconfig=str(away))
    context.diffs = ()
    found = dict(run_checks(context, [check for check in CHECKS if check not in HARDWARE]))
    assert found["API server"].state == "fail"
    assert found["API server"].seen.startswith("the API server https://127.0.0.1:")
    assert found["cluster"].state == "skip"
    nobody = str(agent_node.plane.write_kubeconfig("nobody", token="nobody"))
    result = agent_node.run_check("API server", sink="node", kubeconfig=nobody)
    assert (result.state, result.seen) == ("fail", "Unauthorized")
    result = agent_node.run_check("API server", sink="file", kubeconfig=nobody)
    assert (result.state, result.seen) == ("warn", "Unauthorized")
