"""The admission policies apply wherever the agent's account is, and whatever its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import APPLY
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.installations import ADMISSION, install, kustomized, released
from tests.cluster.objects import NODES, delete, make_node, namespace
from tests.cluster.test_rights import feature

pytestmark = pytest.mark.cluster

SINKS = ("node", "nodefeature")

KUSTOMIZATIONS = {
    "overlay": "",
    "namespace": "namespace: elsewhere\n",
    "prefix": "namePrefix: x-\n",
    "all": "namespace: elsewhere\nnamePrefix: x-\nnameSuffix: -y\n",
}
RELEASES = {
    "name": ("gpus", "elsewhere"),
    "full name": ("gfd", "elsewhere", "--set=fullnameOverride=labels-of-gpus"),
    "long name": ("gfd", "gfd", f"--set=fullnameOverride={'f' * 60}"),
    "other namespace": ("of-gpus", "elsewhere", "--set=namespaceOverride=gfd"),
}
"""A release's name, namespace and options. The plain one is the same as the overlay: see test_overlays."""
DENIED = "denied request: gfd may not"


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> Iterator[ControlPlane]:
    ensure_node_feature(plane)
    for name in ("gfd", "elsewhere"):
        namespace(plane.admin, name)
    agents.remove_policies(plane)
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
def test_policy_of_another_account(
    cluster: ControlPlane, made: list[str], tmp_path: Path, kustomization: str, release: str
) -> None:
    """Installations in pairs that share no verb, so that no policy stands in for another."""
    text, values = KUSTOMIZATIONS[kustomization], RELEASES[release]
    by_kustomize = [each for sink in SINKS for each in kustomized(tmp_path, sink, text)]
    by_helm = [each for sink in SINKS for each in released(sink, *values)]
    for objects in (by_kustomize, by_helm):
        agent = install(cluster, objects, "here", made)
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
        assert "the object may keep its owners or be owned by gfd's own DaemonSet" in said
        for path in [each for each in made if "bindings/" in each and ADMISSION in each]:
            delete(cluster.admin, path)
        # The API server goes on for a moment; other tests must not meet these policies.
        wait_for(lambda agent=agent: label(agent, "here", "zone") == "", "the end of the first")
        wait_for(
            lambda agent=agent, where=where: publish(agent, where, labels={"zone": "x"}) == "",
            "the end of the second",
        )
