"""Who gfd is to the API server: a pod's service account, a kubeconfig, and what is wrong with either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.client import Api
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, delete, make_node, merge, node_labels
from tests.cluster.test_rights import COMPONENTS

pytestmark = pytest.mark.cluster

COUNT = "nvidia.com/gpu.count"
SIMULATED = ("--oneshot", "--simulate=mig-doc", "--mig=all-1g.5gb", "--mig-strategy=single", "--sink=node")


@pytest.fixture
def agent(plane: ControlPlane) -> Iterator[Agent]:
    agents.install(plane, COMPONENTS / "node")
    make_node(plane.admin, "who")
    yield agents.start(plane, "who")
    delete(plane.admin, f"{NODES}/who")


def run(*command: str, **environ: str) -> tuple[int, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=outside | environ)
    return done.returncode, done.stderr


def gfd(kubeconfig: Path, *words: str, **environ: str) -> tuple[int, str]:
    given = (*SIMULATED, "--node-name=who", f"--kubeconfig={kubeconfig}")
    return run(sys.executable, "-m", "gfd", *given, *words, **environ)


def test_in_a_pod(plane: ControlPlane, agent: Agent) -> None:
    """A mount namespace of its own shows the token where a pod has it."""
    command = (*agents.pod_prefix(), *(sys.executable, "-m", "gfd"), *SIMULATED)
    pod = agents.pod_environment(plane, agent) | {"NODE_NAME": "who"}
    assert run(*command, **pod) == (0, "")
    assert node_labels(plane.admin, "who")[COUNT] == "7"
    code, said = run(*command, **pod | {"CA": str(plane.home / "key.pem")})
    assert code == 1
    failed = f"the TLS connection to {plane.host} failed: no certificate or crl found"
    advice = "check the certificates in the pod's service account"
    assert said == f"gfd: sink node: nodes/who: {failed}; {advice}\n"
    code, said = run(sys.executable, "-m", "gfd", *SIMULATED, NODE_NAME="who", HOME="/nowhere")
    assert code == 1
    assert said.startswith(
        "gfd: sink node: nodes/who: kubeconfig /nowhere/.kube/config: there is no such file, "
    )
    assert said.endswith("not running in a pod; pass --kubeconfig\n")


def test_kubeconfig_with_contexts_and_an_exec_plugin(plane: ControlPlane, agent: Agent) -> None:
    content: dict[str, Any] = json.loads(agent.kubeconfig.read_text())
    plugin = plane.home / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\", \\"kind\\": \\"ExecCredential\\",'
        f' \\"status\\": {{\\"token\\": \\"$(cat {agent.token_file})\\"}}}}"\n'
    )
    plugin.chmod(0o755)
    api = "client.authentication.k8s.io/v1"
    command = {"apiVersion": api, "command": str(plugin), "interactiveMode": "Never"}
    content["users"].append({"name": "plugin", "user": {"exec": command}})
    content["contexts"].append({"name": "other", "context": {"cluster": "test", "user": "plugin"}})
    content["users"][0]["user"] = {"token": "nonsense"}
    path = plane.home / "exec.kubeconfig"
    path.write_text(json.dumps(content | {"current-context": "other"}))
    assert gfd(path) == (0, "")
    assert node_labels(plane.admin, "who")[COUNT] == "7"
    assert gfd(path, "--context=test")[0] == 1
    # An editor ends a file with a newline, and kubectl does not mind.
    agent.token_file.write_text(f"{agent.token_file.read_text().strip()}\n")
    assert gfd(agent.kubeconfig) == (0, "")
    path.write_text(json.dumps(content))
    assert gfd(path, "--context=other") == (0, "")
    code, said = gfd(path)
    assert code == 1
    assert said.startswith("gfd: sink node: nodes/who: Unauthorized; the API server rejects the token")


def test_impersonation(plane: ControlPlane) -> None:
    """Another user's rights count, as with kubectl --as."""
    content: dict[str, Any] = json.loads(plane.kubeconfig.read_text())
    extra = {"Example.org/Scopes": ["view", "edit"]}
    content["users"][0]["user"] |= {
        "as": "jane",
        "as-uid": "7",
        "as-groups": ["a", "b"],
        "as-user-extra": extra,
    }
    path = plane.home / "jane.kubeconfig"
    path.write_text(json.dumps(content))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = Api(path, qps=10, burst=10).request(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review
    )
    assert answer["status"]["userInfo"] == {
        "username": "jane",
        "uid": "7",
        "groups": ["a", "b", "system:authenticated"],
        "extra": {"example.org/scopes": ["view", "edit"]},
    }
    code, said = run(sys.executable, "-m", "gfd", "nodes", f"--kubeconfig={path}")
    assert code == 1
    assert 'User "jane" cannot list resource "nodes"' in said


def test_replaced_certificate_authority(plane: ControlPlane, agent: Agent) -> None:
    content: dict[str, Any] = json.loads(agent.kubeconfig.read_text())
    other = plane.home / "other.crt"
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2"),
            *("-keyout", str(plane.home / "other.key"), "-out", str(other)),
        ),
        check=True,
        capture_output=True,
    )
    content["clusters"][0]["cluster"]["certificate-authority"] = str(other)
    path = plane.home / "ca.kubeconfig"
    path.write_text(json.dumps(content))
    code, said = gfd(path)
    assert code == 1
    assert f"the certificate of {plane.host} is not trusted: " in said
    assert f"; check the certificate authority in kubeconfig {path}" in said


PLUGIN = """{
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "s", "user": "u"}}],
    "clusters": [{"name": "s", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [
        {
            "name": "u",
            "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "%s"}}
        }
    ]
}"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be used: "),
        ("{", "cannot be used: "),
        ("a: b", "has no contexts; set another with --kubeconfig\n"),
        (
            '{"contexts": [{"name": "x", "context": {"cluster": "y"}}]}',
            "has no current context; choose one with --context: x\n",
        ),
        ('{"current-context": "gone", "contexts": [], "clusters": [], "users": []}', "has no context 'gone'"),
        (
            PLUGIN % "gone-\\u001b",
            "cannot be used: its exec plugin failed: [Errno 2] No such file or directory: 'gone-\\x1b'\n",
        ),
        (PLUGIN % "false", "cannot be used: its exec plugin failed: exec: process returned 1"),
        (PLUGIN % "true", "cannot be used: its exec plugin failed: "),
    ],
)
def test_broken_kubeconfig(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    code, said = gfd(path)
    assert code == 1
    assert said.startswith(f"gfd: sink node: nodes/who: kubeconfig {path} {reason}")
    assert said.count("\n") == 1


def test_bad_input(plane: ControlPlane, agent: Agent, tmp_path: Path) -> None:
    """One clear line each; the other sinks go on."""
    gone = f"kubeconfig {tmp_path}/gone: there is no such file; set another with --kubeconfig"
    assert gfd(tmp_path / "gone") == (1, f"gfd: sink node: nodes/who: {gone}\n")
    hint = "there is no Node nobody; set NODE_NAME to a name in kubectl get nodes"
    nobody = f"gfd: sink node: nodes/nobody: {hint}\n"
    assert gfd(agent.kubeconfig, "--node-name=nobody") == (1, nobody)
    command = (sys.executable, "-m", "gfd", *SIMULATED[:-1], "--sink=node,stdout", "--node-name=nobody")
    done = subprocess.run(
        (*command, f"--kubeconfig={agent.kubeconfig}"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{COUNT}=7\n" in done.stdout
    # What NFD publishes is left to it, and said.
    listed = {"nfd.node.kubernetes.io/feature-labels": COUNT}
    merge(plane.admin, f"{NODES}/who", "nfd-master", labels={COUNT: "1"}, annotations=listed)
    code, said = gfd(agent.kubeconfig)
    assert code == 1
    advice = "gfd cleanup --all-nodes --sink nodefeature --namespace default"
    assert said.endswith(f": NFD publishes {COUNT}; on a machine with kubectl, run {advice!r}\n")
    assert node_labels(plane.admin, "who")[COUNT] == "1"
