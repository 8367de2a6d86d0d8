"""``--allocation`` on a real API server: who gives GPUs to pods, and who writes gpu.clique."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.config.model import LoadedConfig
from gfd.config.node_config import ConfigLoader
from gfd.errors import ApiError
from gfd.kube.allocation import GRANT, is_allocated_by_dra
from gfd.kube.paths import RESOURCE_SLICES
from gfd.publishing.sinks.node import NodeSink
from gfd.simulation import machines
from tests.agent.running import serve
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, apply_node, delete, make_node, merge, node_labels
from tests.cluster.test_rights import COMPONENTS
from tests.clusterview.dra.objects import make_gpu, make_slice
from tests.standin import from_inventory

pytestmark = pytest.mark.cluster

NODE = "allocated"
SLICE = f"{RESOURCE_SLICES}/{NODE}-gpu.nvidia.com-1"
MIG = from_inventory(machines.read("mig-doc", "all-1g.5gb"))


@pytest.fixture
def node(plane: ControlPlane) -> Iterator[ControlPlane]:
    make_node(plane.admin, NODE)
    yield plane
    delete(plane.admin, SLICE)
    delete(plane.admin, f"{NODES}/{NODE}")


def offer(plane: ControlPlane, **amounts: str) -> None:
    """Let the device plugin offer resources of NVIDIA."""
    resources = {f"nvidia.com/{name.replace('_', '-')}": amount for name, amount in amounts.items()}
    plane.admin.request(
        "PATCH",
        f"{NODES}/{NODE}/status",
        {"status": {"capacity": resources, "allocatable": resources}},
        content_type="application/merge-patch+json",
    )


def add_slice(plane: ControlPlane, **spec: Any) -> None:
    plane.admin.request("POST", RESOURCE_SLICES, make_slice(NODE, make_gpu(0), **spec))


def test_who_allocates(node: ControlPlane) -> None:
    def ask() -> bool:
        return is_allocated_by_dra(node.admin, NODE)

    assert not ask()
    add_slice(node, driver="compute-domain.nvidia.com")
    assert not ask()
    delete(node.admin, SLICE)
    add_slice(node)
    assert ask()
    assert not is_allocated_by_dra(node.admin, "another")
    offer(node, gpu="0", mig_1g="0", other="3")
    assert ask()
    offer(node, mig_1g="1")
    assert not ask()
    offer(node, mig_1g="0", gpu="8")
    assert not ask()


def load_auto(loader: ConfigLoader) -> tuple[bool, LoadedConfig]:
    loaded = loader()
    return loaded.config.has_device_plugin, loaded


def test_what_is_missing_is_named(node: ControlPlane) -> None:
    """Without rights gfd keeps the answer that it had, first the device plugin."""
    remove_rights(node)
    agents.install(node)
    agent = agents.start(node, NODE)
    add_slice(node)
    values = {"allocation": "auto", "node_name": NODE, "kubeconfig": str(agent.kubeconfig)}
    loader = ConfigLoader(values, {})
    has_plugin, loaded = load_auto(loader)
    assert has_plugin
    (warning,) = loaded.warnings
    assert warning.startswith("--allocation auto cannot ask the cluster, so it is device-plugin: ")
    right = "grant the verb list on resourceslices.resource.k8s.io"
    assert warning.endswith(f"; {right}, as {GRANT} does")
    node.kubectl(
        "create", "clusterrole", "slices", "--verb=list", "--resource=resourceslices.resource.k8s.io"
    )
    node.kubectl("create", "clusterrole", "a-node", "--verb=get", "--resource=nodes")
    try:
        bind(node, "slices")
        wait_for(lambda: "get on nodes" in loader().warnings[0], "the first right")
        bind(node, "a-node")
        wait_for(lambda: loader().warnings == (), "the second right")
        assert not load_auto(loader)[0]
        node.kubectl("delete", "clusterrolebinding", "slices")
        wait_for(lambda: loader().warnings, "the right to be gone")
        has_plugin, loaded = load_auto(loader)
        assert not has_plugin
        assert "so it is dra, as before: " in loaded.warnings[0]
    finally:
        for name in ("slices", "a-node"):
            node.kubectl("delete", "--ignore-not-found", f"clusterrole/{name}", f"clusterrolebinding/{name}")


def test_the_component_grants_these_rights_only(node: ControlPlane) -> None:
    remove_rights(node)
    agents.install(node, COMPONENTS / "allocation-auto")
    agent = agents.start(node, NODE)
    add_slice(node)

    def ask() -> bool:
        try:
            return is_allocated_by_dra(agent.api, NODE)
        except ApiError:
            return False

    wait_for(ask, "the rights")
    for method, path in (
        ("GET", NODES),
        ("GET", f"{NODES}?watch=true"),
        ("PATCH", f"{NODES}/{NODE}"),
        ("GET", SLICE),
        ("GET", f"{RESOURCE_SLICES}?watch=true"),
        ("DELETE", SLICE),
        ("GET", "/apis/resource.k8s.io/v1/resourceclaims"),
        ("GET", "/api/v1/pods"),
    ):
        with pytest.raises(ApiError) as caught:
            agent.api.request(method, path, {} if method == "PATCH" else None)
        assert caught.value.status == 403, (method, path)
    remove_rights(node)


def remove_rights(plane: ControlPlane) -> None:
    """Take away the rights in all namespaces that other tests gave the account of gfd."""
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    for each in plane.admin.list(bindings):
        subjects = [(one.get("namespace"), one["name"]) for one in each.get("subjects") or ()]
        if (agents.NAMESPACE, "gfd") in subjects:
            delete(plane.admin, f"{bindings}/{each['metadata']['name']}")


def bind(plane: ControlPlane, role: str) -> None:
    plane.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", "--serviceaccount=gfd:gfd")


def test_the_service_asks_again_at_the_resync(node: ControlPlane, tmp_path: Path) -> None:
    given = ("--allocation=auto", f"--node-name={NODE}", f"--kubeconfig={node.kubeconfig}", "--resync=1s")
    offer(node, gpu="1")
    add_slice(node)
    with serve(tmp_path, *given, machine=MIG) as service:
        wait_for(lambda: "gpu.replicas" in service.labels, "the labels for the device plugin")
        assert "mps.capable" in service.labels
        offer(node, gpu="0")
        wait_for(lambda: "mig-1g.5gb.count" in service.labels, "the labels for DRA")
        assert "gpu.count" in service.labels
        assert not [key for key in service.labels if key.endswith(("replicas", "strategy", "mps.capable"))]
        delete(node.admin, SLICE)
        wait_for(lambda: "gpu.replicas" in service.labels, "the labels for the device plugin")
        assert "mig-1g.5gb.count" not in service.labels
        assert not service.log("config.rejected")


def test_a_cluster_without_the_api(oldest: ControlPlane) -> None:
    assert not is_allocated_by_dra(oldest.admin, "nobody")


def labels_zone(agent: agents.Agent) -> bool:
    """Return whether gfd may set a label that is not its own; the policy takes effect after a moment."""
    try:
        apply_node(agent.api, NODE, "gfd", is_dry=True, labels={"zone": "x"})
    except ApiError:
        return False
    return True


@pytest.mark.parametrize("leaves_clique", [True, False])
def test_the_clique_belongs_to_the_driver_that_writes_it(node: ControlPlane, leaves_clique: bool) -> None:
    agents.install(node, COMPONENTS / "node")
    agent = agents.start(node, NODE)
    clique = "nvidia.com/gpu.clique"
    path = f"{NODES}/{NODE}"
    # The server records managers from the first apply on.
    apply_node(node.admin, NODE, "someone", annotations={"example.com/a": "b"})
    merge(node.admin, path, "compute-domain-kubelet-plugin", labels={clique: "uuid.1"})
    wait_for(lambda: not labels_zone(agent), "the policy")
    taken: list[str] = []
    labels = {clique: "uuid.2", "nvidia.com/gpu.count": "8"}

    def publish() -> None:
        NodeSink(
            agent.api,
            node_name=NODE,
            is_forcing=True,
            as_annotations=None,
            resync_s=None,
            warn=taken.append,
            leaves_clique=leaves_clique,
        ).publish(labels)

    publish()
    expected = "uuid.1" if leaves_clique else "uuid.2"
    found = node_labels(node.admin, NODE)
    assert (found[clique], found["nvidia.com/gpu.count"]) == (expected, "8")
    assert bool(taken) is not leaves_clique
    if leaves_clique:
        merge(node.admin, path, "compute-domain-kubelet-plugin", labels={clique: None})
        publish()
        assert node_labels(node.admin, NODE)[clique] == "uuid.2"


def test_an_answer_of_another_kind_is_an_error(node: ControlPlane) -> None:
    add_slice(node)
    delete(node.admin, f"{NODES}/{NODE}")
    with pytest.raises(ApiError, match="not found"):
        is_allocated_by_dra(node.admin, NODE)
