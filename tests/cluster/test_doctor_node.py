"""The checks of gfd doctor on NFD, the Node, duplicates and the operator, on a real API server."""

from __future__ import annotations

import pytest

from gfd.kube.nfd import API_VERSION
from gfd.tools.doctor.result import fail, ok, skip, warn
from tests.cluster.conftest import CRD, define_node_feature
from tests.cluster.controlplane import wait_for
from tests.cluster.doctor_command import LABELS, AgentNode, gfd
from tests.cluster.objects import delete, merge
from tests.cluster.test_rights import COMPONENTS

pytestmark = pytest.mark.cluster


def test_the_labels_on_the_node(agent_node: AgentNode) -> None:
    step = "check that gfd runs on this node with these options; gfd diff shows what it would change"
    nothing = "of 2 labels, the Node has 2 missing (nvidia.com/gpu.count, nvidia.com/gpu.product)"
    assert agent_node.run_check("Node", sink="node") == fail(nothing, step)
    agent_node.label(**LABELS)
    assert agent_node.run_check("Node", sink="node") == ok("all 2 labels are on the Node")
    agent_node.label(**{"nvidia.com/gpu.count": "2"})
    waits = f"{step}; if that is nothing, NFD has not copied the labels to the Node yet"
    different = "of 2 labels, the Node has 1 different (nvidia.com/gpu.count)"
    assert agent_node.run_check("Node", sink="file") == fail(different, waits)
    annotated = agent_node.run_check("Node", sink="node", as_annotations="nvidia.com/gpu.count")
    assert annotated.seen == different
    merge(agent_node.plane.admin, agent_node.path, "x", annotations={"nvidia.com/gpu.count": "1"})
    annotated = agent_node.run_check("Node", sink="node", as_annotations="nvidia.com/gpu.count")
    assert annotated == ok("all 2 labels are on the Node")
    result = agent_node.run_check("Node", sink="node", node_name="nobody")
    assert result == fail("there is no Node nobody", "set NODE_NAME to a name in kubectl get nodes")
    assert agent_node.run_check("Node", sink="file", node_name=None).seen.startswith(
        "unknown: the node name is unknown; set NODE_NAME"
    )
    assert agent_node.run_check("Node", sink="stdout") == skip("this machine publishes nothing")


def test_labels_that_are_published_twice(agent_node: AgentNode) -> None:
    step = "run gfd cleanup --sink … or gfd cleanup --from-original, or stop the other program"
    fine = ok("no label is published twice")
    assert agent_node.run_check("doubled", sink="node") == fine
    assert agent_node.run_check("doubled", sink="file", is_operator=True) == fine
    assert gfd(agent_node, "--oneshot")[0] == 0
    both = "nvidia.com/gpu.count, nvidia.com/gpu.product"
    held = "gfd also owns them on the Node, from an earlier --sink node"
    said = fail(f"2 of 2 labels ({both}): {held}", step)
    assert agent_node.run_check("doubled", sink="file", is_operator=True) == said
    names = {"nfd.node.kubernetes.io/feature-labels": "nvidia.com/gpu.count"}
    merge(agent_node.plane.admin, agent_node.path, "nfd-master", annotations=names)
    said = fail("1 of 2 labels (nvidia.com/gpu.count): NFD publishes them, too", step)
    assert agent_node.run_check("doubled", sink="node") == said


def test_node_features_with_the_same_labels(agent_node: AgentNode) -> None:
    name = f"nvidia-features-for-{agent_node.node}"
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "11111111-1111-1111-1111-111111111111"}
    agent_node.add_feature(name)
    agent_node.add_feature(
        agent_node.node, where="other", annotations={"nfd.node.kubernetes.io/worker.version": "v0.19.0"}
    )
    # Without the binding, an agent sees only its own namespace and no Node.
    agent_node.plane.kubectl("delete", "clusterrolebinding", "gfd")
    try:
        seen = "no duplicates found, but gfd cannot read all: nodes "
        said = wait_for(
            lambda: (
                (found := agent_node.run_check("doubled", sink="nodefeature")).state == "skip" and found.seen
            ),
            "the Node to be out of sight",
        )
        assert said.startswith(seen)
    finally:
        agent_node.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "rbac.yaml"))
    two = f"other NodeFeatures have them, too: other/{agent_node.node}"
    assert agent_node.run_check("doubled", sink="nodefeature", is_operator=True).seen == two
    one = f"other NodeFeatures have them, too: gfd/{name}"
    assert agent_node.run_check("doubled", sink="file", is_operator=True).seen == one
    agent_node.add_feature(name, where="other", ownerReferences=[owner])
    result = agent_node.run_check("doubled", sink="file", is_operator=True)
    assert result.seen == f"{one}, other/{name} (left by gpu-feature-discovery)"


def test_the_operator(agent_node: AgentNode) -> None:
    agent_node.label(**{"nvidia.com/gpu.deploy.driver": "true"})
    there = "the GPU operator is installed; it does not run gpu-feature-discovery on this node"
    assert agent_node.run_check("operator", sink="node") == ok(there)
    agent_node.label(**{"nvidia.com/gpu.deploy.gpu-feature-discovery": "true"})
    step = "set gfd.enabled=false in the operator's ClusterPolicy, or stop gfd on this node"
    runs = "the GPU operator runs its own gpu-feature-discovery on this node"
    assert agent_node.run_check("operator", sink="node") == warn(runs, step)
    agent_node.label(
        **{"nvidia.com/gpu.deploy.gpu-feature-discovery": None, "nvidia.com/gpu.deploy.driver": None}
    )
    assert agent_node.run_check("operator", sink="node") == ok("the GPU operator is not installed")
    schema = {"openAPIV3Schema": {"type": "object"}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusterpolicies.nvidia.com"},
        "spec": {
            "group": "nvidia.com",
            "scope": "Cluster",
            "names": {"kind": "ClusterPolicy", "plural": "clusterpolicies", "singular": "clusterpolicy"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    agent_node.plane.admin.request("POST", definitions, crd)
    try:
        wait_for(lambda: agent_node.run_check("operator", sink="node") == ok(there), "the ClusterPolicy API")
        unseen = agent_node.run_check("operator", sink="file", node_name=None)
        maybe = "the GPU operator is installed and may run its own gpu-feature-discovery here"
        assert unseen == warn(maybe, step)
    finally:
        delete(agent_node.plane.admin, f"{definitions}/clusterpolicies.nvidia.com")


def test_nfd(agent_node: AgentNode) -> None:
    admin = agent_node.plane.admin
    known = f"NodeFeature ({API_VERSION}) is known"
    result = agent_node.run_check("NFD", sink="nodefeature")
    assert result.state == "ok"
    untold = "the version of nfd-master and nfd-worker is unknown: pods is forbidden: "
    assert result.seen.startswith(f"{known}; {untold}")
    assert result.seen.count("forbidden") == 1
    lacks = "no nfd-master is ready: no pod has the labels of NFD's chart or manifests"
    step = "nfd-master labels the Nodes; install NFD, or use --sink node"
    assert agent_node.run_check("NFD", sink="file", is_operator=True) == warn(f"{known}; {lacks}", step)
    step = "nfd-master labels the Nodes; check its pod"
    for program, labels in (("nfd-master", {"app": "nfd-master"}), ("nfd-worker", {})):
        container = {"name": program, "image": f"registry.k8s.io/nfd/{program}:v0.19.0", "command": [program]}
        spec = {"nodeName": agent_node.node, "containers": [container]}
        body = {"metadata": {"name": program, "labels": labels}, "spec": spec}
        delete(admin, f"/api/v1/namespaces/other/pods/{program}")
        admin.request("POST", "/api/v1/namespaces/other/pods", body)
    versions = "nfd-master nfd-master:v0.19.0; nfd-worker nfd-worker:v0.19.0"
    lacks = "no nfd-master is ready: other/nfd-master"
    assert agent_node.run_check("NFD", sink="file", is_operator=True) == warn(
        f"{known}; {versions}; {lacks}", step
    )
    status = {
        "containerStatuses": [
            {"name": "nfd-master", "ready": True, "restartCount": 0, "image": "", "imageID": ""}
        ]
    }
    path = "/api/v1/namespaces/other/pods/nfd-master/status"
    admin.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    assert agent_node.run_check("NFD", sink="file", is_operator=True) == ok(f"{known}; {versions}")
    for program in ("nfd-master", "nfd-worker"):
        delete(admin, f"/api/v1/namespaces/other/pods/{program}")


def test_nfd_is_missing(agent_node: AgentNode) -> None:
    agent_node.plane.kubectl("delete", "crd", CRD)
    try:
        unknown = f"the API server does not know NodeFeature ({API_VERSION})"
        step = "install NFD (0.14 or later), or use --sink node"
        assert agent_node.run_check("NFD", sink="nodefeature") == fail(unknown, step)
        assert agent_node.run_check("NFD", sink="node") == ok("not installed, not needed")
        assert agent_node.run_check("doubled", sink="file", is_operator=True) == ok(
            "no label is published twice"
        )
        result = agent_node.run_check("policy", sink="nodefeature")
        assert result.state == "skip"
        assert result.seen.startswith("unknown: ")
    finally:
        define_node_feature(agent_node.plane)


def test_the_worker(agent_node: AgentNode) -> None:
    admin = agent_node.plane.admin
    step = "install NFD, or add tolerations for this node's taints to the nfd-worker DaemonSet"
    assert agent_node.run_check("nfd-worker", sink="file", is_operator=True) == fail(
        "no nfd-worker runs on this node", step
    )
    result = agent_node.run_check("nfd-worker", sink="file")
    said = "no nfd-worker has read a label, and gfd cannot list the nfd-workers: pods is forbidden"
    assert (result.state, result.seen[: len(said)]) == ("skip", said)
    container = {"name": "nfd-worker", "image": "nfd:v0.19.0"}
    body = {"metadata": {"name": "w"}, "spec": {"nodeName": agent_node.node, "containers": [container]}}
    admin.request("POST", "/api/v1/namespaces/other/pods", body)
    step = "mount the same host folder into both pods, and enable nfd-worker's label source local"
    assert agent_node.run_check("nfd-worker", sink="file", is_operator=True) == fail(
        "other/w has read none of the labels", step
    )
    delete(admin, "/api/v1/namespaces/other/pods/w")
    agent_node.add_feature(
        agent_node.node, where="other", annotations={"nfd.node.kubernetes.io/worker.version": "v0.19.0"}
    )
    result = agent_node.run_check("nfd-worker", sink="file", is_operator=True)
    assert result == ok(f"v0.19.0 has read 2 of 2 labels (other/{agent_node.node})")
