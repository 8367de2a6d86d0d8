"""The admission policies apply wherever the agent's account is, and whatever its name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.cluster.api import APPLY
from gfd.errors import ApiError
from tests.cluster import agents, programs
from tests.cluster.agents import Agent
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, namespace
from tests.cluster.test_rights import feature

pytestmark = pytest.mark.cluster

MANIFESTS = Path(__file__).parents[2] / "manifests"
SINKS = ("node", "nodefeature")
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

KUSTOMIZATIONS = {
    "overlay": "",
    "namespace": "namespace: elsewhere\n",
    "prefix": "namePrefix: x-\n",
    "all": "namespace: elsewhere\nnamePrefix: x-\nnameSuffix: -y\n",
}
RELEASES = {
    "name": ("gpus", "elsewhere", ""),
    "full name": ("gfd", "elsewhere", "fullnameOverride=labels-of-gpus"),
    "long name": ("gfd", "gfd", f"fullnameOverride={'f' * 60}"),
    "other namespace": ("of-gpus", "elsewhere", "namespaceOverride=gfd"),
}
"""A release's name, namespace and value. The plain one is the same as the overlay: see test_manifests."""
DENIED = "denied request: gfd may not"


def kustomized(folder: Path, sink: str, kustomization: str) -> list[Object]:
    overlay = os.path.relpath(MANIFESTS / "overlays" / sink, folder.resolve())
    (folder / "kustomization.yaml").write_text(f"{kustomization}resources: [{overlay}]\n")
    return run("kubectl", "kustomize", str(folder))


def released(sink: str, name: str, where: str, value: str) -> list[Object]:
    given = (f"--set=sink={sink}", f"--set={value}", "--kube-version=1.30.0", "--no-hooks")
    return run("helm", "template", name, str(MANIFESTS / "helm" / "gfd"), f"--namespace={where}", *given)


def run(program: str, *arguments: str) -> list[Object]:
    command = (str(programs.find(program)), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> Iterator[ControlPlane]:
    ensure_node_feature(plane)
    for name in ("gfd", "elsewhere"):
        namespace(plane.admin, name)
    # What other tests installed here would refuse, too.
    plane.kubectl("delete", "validatingadmissionpolicybindings", "--all")
    for name in ("here", "there"):
        make_node(plane.admin, name, labels={"zone": "a"})
    yield plane
    for name in ("here", "there"):
        delete(plane.admin, f"{NODES}/{name}")


@pytest.fixture
def made(cluster: ControlPlane) -> Iterator[list[str]]:
    """Paths of what a test made, for it to append to."""
    paths: list[str] = []
    yield paths
    for path in reversed(paths):
        delete(cluster.admin, path)


def install(cluster: ControlPlane, objects: list[Object], made: list[str]) -> Agent:
    """Make accounts, rights and policies, and an agent as the DaemonSet would run it."""
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
        "here",
        namespace=daemon_set["metadata"]["namespace"],
        account=daemon_set["spec"]["template"]["spec"]["serviceAccountName"],
        daemon_set=daemon_set["metadata"]["name"],
    )


def label(agent: Agent, node: str, key: str) -> str:
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": {key: "x"}}}
    query = {"fieldManager": "gfd", "force": "true", "dryRun": "All"}
    try:
        agent.api.request("PATCH", f"{NODES}/{node}", body, query=query, content_type=APPLY)
    except ApiError as error:
        return str(error)
    return ""


def publish(agent: Agent, where: str, **changes: Any) -> str:
    path = f"/apis/nfd.k8s-sigs.io/v1alpha1/namespaces/{where}/nodefeatures"
    try:
        agent.api.request("POST", path, feature("here", **changes), query={"dryRun": "All"})
    except ApiError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("kustomization", "release"), list(zip(KUSTOMIZATIONS, RELEASES, strict=True)))
def test_a_policy_follows_the_account(
    cluster: ControlPlane, made: list[str], tmp_path: Path, kustomization: str, release: str
) -> None:
    """Installations in pairs that share no verb, so that no policy stands in for another."""
    text, values = KUSTOMIZATIONS[kustomization], RELEASES[release]
    by_kustomize = [each for sink in SINKS for each in kustomized(tmp_path, sink, text)]
    by_helm = [each for sink in SINKS for each in released(sink, *values)]
    for objects in (by_kustomize, by_helm):
        agent = install(cluster, objects, made)
        daemon_set = next(each for each in objects if each["kind"] == "DaemonSet")
        where = daemon_set["metadata"]["namespace"]
        owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "uid": "1"}
        own = owner | {"name": daemon_set["metadata"]["name"]}
        wait_for(lambda agent=agent: DENIED in label(agent, "here", "zone"), "the policy of nodes")
        wait_for(
            lambda agent=agent, where=where: DENIED in publish(agent, where, labels={"zone": "x"}),
            "the policy of NodeFeatures",
        )
        assert "gfd on node here may not change node there" in label(agent, "there", "nvidia.com/gpu.count")
        assert label(agent, "here", "nvidia.com/gpu.count") == ""
        assert publish(agent, where, metadata={"ownerReferences": [own]}) == ""
        foreign = owner | {"name": "gfd-device-plugin"}
        said = publish(agent, where, metadata={"ownerReferences": [foreign]})
        assert "the object may be owned by gfd's own DaemonSet" in said
        for path in [each for each in made if "bindings/" in each and ADMISSION in each]:
            delete(cluster.admin, path)
        # The API server goes on for a moment; other tests must not meet these policies.
        wait_for(lambda agent=agent: label(agent, "here", "zone") == "", "the end of the first")
        wait_for(
            lambda agent=agent, where=where: publish(agent, where, labels={"zone": "x"}) == "",
            "the end of the second",
        )
