"""What kustomize and Helm render, made on a control plane, with an agent as the DaemonSet would run it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import agents, programs
from tests.cluster.agents import Agent
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import delete

MANIFESTS = Path(__file__).parents[2] / "manifests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
COLLECTIONS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
}
Object = dict[str, Any]


def kustomized(folder: Path, sink: str, kustomization: str) -> list[Object]:
    overlay = os.path.relpath(MANIFESTS / "overlays" / sink, folder.resolve())
    (folder / "kustomization.yaml").write_text(f"{kustomization}resources: [{overlay}]\n")
    return run("kubectl", "kustomize", str(folder))


def released(sink: str, name: str, where: str, *options: str) -> list[Object]:
    given = (f"--set=sink={sink}", *options, "--kube-version=1.30.0", "--no-hooks")
    return run("helm", "template", name, str(MANIFESTS / "helm" / "gfd"), f"--namespace={where}", *given)


def run(program: str, *arguments: str) -> list[Object]:
    command = (str(programs.find(program)), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def install(cluster: ControlPlane, objects: list[Object], node: str, made: list[str]) -> Agent:
    """Make accounts, rights and policies, and an agent on a Node as the DaemonSet would run it.

    Paths of what is made are appended to ``made``, and what is there already is not made again.
    """
    for each in objects:
        if each["kind"] in COLLECTIONS:
            metadata = each["metadata"]
            collection = COLLECTIONS[each["kind"]].format(metadata.get("namespace"))
            path = f"{collection}/{metadata['name']}"
            if path not in made:
                delete(cluster.admin, path)
                cluster.admin.request("POST", collection, each)
                made.append(path)
    daemon_set = next(each for each in objects if each["kind"] == "DaemonSet")
    return agents.start(
        cluster,
        node,
        namespace=daemon_set["metadata"]["namespace"],
        account=daemon_set["spec"]["template"]["spec"]["serviceAccountName"],
        daemon_set=daemon_set["metadata"]["name"],
    )
