"""Run ``gfd doctor``, or one of its checks, for a Node and its agent."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gfd.config.loader import load
from gfd.kube.nfd import API_VERSION, NODE_LABEL
from gfd.tools.doctor.checks import CHECKS
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.result import CheckResult
from gfd.tools.doctor.runner import run_checks
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, merge

FEATURES = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures"
LABELS = {"nvidia.com/gpu.count": "1", "nvidia.com/gpu.product": "Tesla-T4"}
NUMBERS = itertools.count(1)
ACCOUNT = "system:serviceaccount:gfd:gfd"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode:
    """A Node and its agent."""

    plane: ControlPlane
    node: str
    agent: agents.Agent

    @property
    def path(self) -> str:
        return f"{NODES}/{self.node}"

    def make_context(self, *, sink: str, is_operator: bool = False, **options: Any) -> Context:
        """Return a context with :data:`LABELS` and the credentials of the agent or of an operator."""
        values = {
            "sinks": sink,
            "node_name": self.node,
            "namespace": "gfd",
            "kubeconfig": str(self.plane.kubeconfig if is_operator else self.agent.kubeconfig),
            "output_file": str(self.plane.home / "gfd"),
            "kube_api_qps": "1000",
            **options,
        }
        context = Context(load(values, {}).config, root=Path("/"))
        context.labels = LABELS
        return context

    def run_check(self, name: str, **options: Any) -> CheckResult:
        (check,) = [each for each in CHECKS if each.name == name]
        ((found, result),) = run_checks(self.make_context(**options), [check])
        assert found == name, result
        return result

    def label(self, **labels: str | None) -> None:
        merge(self.plane.admin, self.path, "kubectl-label", labels=labels)

    def add_feature(self, name: str, *, where: str = "gfd", **metadata: Any) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": "NodeFeature",
            "metadata": {"name": name, "labels": {NODE_LABEL: self.node}, **metadata},
            "spec": {"features": {}, "labels": LABELS},
        }
        path = f"/apis/{API_VERSION}/namespaces/{where}/nodefeatures"
        self.plane.admin.request("POST", path, body)


def gfd(agent_node: AgentNode, *words: str, kubeconfig: Path | None = None) -> tuple[int, str, str]:
    given = (
        *("--simulate=t4", "--sink=node", f"--node-name={agent_node.node}", "--namespace=gfd"),
        f"--kubeconfig={kubeconfig or agent_node.agent.kubeconfig}",
    )
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *words, *given), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr
