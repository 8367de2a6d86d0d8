"""What an agent may do with its token, and what it is told of the rest: its rights and the policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.errors import ApiError
from gfd.kube.client import APPLY, Api
from gfd.kube.nfd import API_VERSION
from gfd.labels.templates import Templates
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from gfd.tools.explain.catalog import LabelCatalog
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, merge, node_labels

pytestmark = pytest.mark.cluster

COMPONENTS = Path(__file__).parents[2] / "manifests" / "components"
FEATURES = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures"
OWN_FEATURE = f"{FEATURES}/nvidia-features-for-mine"
LABELS = {"nvidia.com/gpu.count": "1", "nvidia.com/gpu.product": "A100-PCIE-40GB"}
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def agent(plane: ControlPlane) -> Agent:
    ensure_node_feature(plane)
    agents.install(plane, COMPONENTS / "node", COMPONENTS / "nodefeature")
    for name in ("mine", "other"):
        delete(plane.admin, f"{NODES}/{name}")
        labels = {"zone": "a", "nvidia.com/mig.config": "all-1g.5gb", "nvidia.com/gpu.present": "true"}
        make_node(plane.admin, name, labels=labels)
    started = agents.start(plane, "mine")

    def is_in_force() -> bool:
        answers = [answer(started.api, *case, is_dry=True) for case in (CASES[0], FEATURE_CASES[0])]
        return all(error is not None and error.status == 403 for error in answers)

    wait_for(is_in_force, "the policies")
    return started


def answer(
    api: Api, method: str, path: str, body: Mapping[str, Any] | None, kind: str, *, is_dry: bool = False
) -> ApiError | None:
    try:
        query = {"fieldManager": "gfd"} | ({"force": "true"} if kind == APPLY else {})
        query |= {"dryRun": "All"} if is_dry else {}
        api.request(method, path, body, content_type=kind, query=query)
    except ApiError as error:
        return error
    return None


def status_error(api: Api, method: str, path: str, body: Mapping[str, Any] | None, kind: str) -> str:
    error = answer(api, method, path, body, kind)
    if error is None:
        return ""
    assert (error.status, error.kind) == (403, "Forbidden")
    return str(error)


def node_patch(name: str, **changes: Any) -> tuple[str, str, dict[str, Any], str]:
    return ("PATCH", f"{NODES}/{name}", changes, MERGE)


DENIED = "ValidatingAdmissionPolicy 'gfd-node' with binding 'gfd-node' denied request: "
BY_APPLY = "it writes by server-side apply as gfd"

CASES = [
    node_patch("other", metadata={"labels": LABELS}),
    node_patch("mine", metadata={"labels": {"nvidia.com/mig.config": "all-disabled"}}),
    node_patch("mine", metadata={"labels": {"nvidia.com/gpu.present": None}}),
    node_patch("mine", metadata={"labels": {"nvidia.com/gpu.deploy.driver": "false"}}),
    node_patch("mine", metadata={"labels": {"node-role.kubernetes.io/control-plane": ""}}),
    node_patch("mine", metadata={"labels": {"zone": None, "nvidia.com/gpu.count": "1"}}),
    node_patch("mine", metadata={"annotations": {"nvidia.com/gpu.count": "1"}}),
    node_patch("mine", metadata={"labels": {"nvidia.com/gpu.count": "1"}}),
    node_patch("mine", metadata={"managedFields": [{}]}),
    node_patch("mine", metadata={"finalizers": ["example.com/x"]}),
    node_patch("mine", spec={"unschedulable": True}),
    node_patch("mine", spec={"taints": [{"key": "a", "effect": "NoExecute"}]}),
]
SAID = [
    f"{DENIED}gfd on node mine may not change node other",
    f"{DENIED}gfd may not change the labels nvidia.com/mig.config",
    f"{DENIED}gfd may not change the labels nvidia.com/gpu.present",
    f"{DENIED}gfd may not change the labels nvidia.com/gpu.deploy.driver",
    f"{DENIED}gfd may not change the labels node-role.kubernetes.io/control-plane",
    f"{DENIED}gfd may not change the labels zone",
    f"{DENIED}gfd may not change the annotations nvidia.com/gpu.count",
    *[f"{DENIED}gfd may not change what other managers hold (managedFields); {BY_APPLY}"] * 2,
    *[f"{DENIED}gfd may change labels only, not spec, taints, finalizers or owners"] * 3,
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_forbidden_requests_for_nodes(agent: Agent, number: int) -> None:
    assert status_error(agent.api, *CASES[number]).endswith(SAID[number])


def feature(node: str = "mine", name: str = "", **changes: Any) -> dict[str, Any]:
    metadata = {
        "name": name or f"nvidia-features-for-{node}",
        "labels": {"nfd.node.kubernetes.io/node-name": node},
        **changes.pop("metadata", {}),
    }
    spec = {"features": {}, "labels": LABELS, **changes}
    return {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata, "spec": spec}


def creation(body: dict[str, Any]) -> tuple[str, str, dict[str, Any], str]:
    return ("POST", FEATURES, body, "application/json")


FEATURE_DENIED = "ValidatingAdmissionPolicy 'gfd-nodefeature' with binding 'gfd-nodefeature' denied request: "
GENERATED = feature(metadata={"generateName": "nvidia-features-for-"})
del GENERATED["metadata"]["name"]
OWNED = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "11111111-1111-1111-1111-111111111111"}
NODE_LABEL = {"nfd.node.kubernetes.io/node-name": "mine"}

FEATURE_CASES = [
    creation(feature(labels={"nvidia.com/mig.config": "x"})),
    creation(feature("other")),
    creation(feature(name="mine")),
    creation(GENERATED),
    creation(feature(metadata={"labels": {"nfd.node.kubernetes.io/node-name": "other"}})),
    creation(feature(metadata={"labels": NODE_LABEL | {"app": "x"}})),
    creation(feature(features={"flags": {"cpu.cpuid": {"elements": {}}}})),
    creation(feature(metadata={"ownerReferences": [OWNED]})),
    creation(feature(metadata={"finalizers": ["example.com/x"]})),
]
ONLY = "gfd on node mine may only create NodeFeature nvidia-features-for-mine"
ONE_LABEL = "the only label of the object must be nfd.node.kubernetes.io/node-name=mine"
OWNER = (
    "the object may keep its owners or be owned by gfd's own DaemonSet, which neither controls nor blocks, "
    "and have neither annotations nor finalizers"
)
FEATURE_SAID = [
    "gfd may not publish the labels nvidia.com/mig.config",
    *[ONLY] * 3,
    *[ONE_LABEL] * 2,
    "gfd publishes labels only, no features",
    *[OWNER] * 2,
]


@pytest.mark.parametrize("number", range(len(FEATURE_CASES)))
def test_forbidden_requests_for_node_features(agent: Agent, number: int) -> None:
    said = status_error(agent.api, *FEATURE_CASES[number])
    assert said.endswith(f"{FEATURE_DENIED}{FEATURE_SAID[number]}")


def test_object_of_another_agent(plane: ControlPlane, agent: Agent) -> None:
    body = feature("other")
    made = plane.admin.request("POST", FEATURES, body)
    path = f"{FEATURES}/nvidia-features-for-other"
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    for method, sent in (("PUT", body), ("DELETE", None)):
        said = status_error(agent.api, method, path, sent, "application/json")
        expected = "gfd on node mine may not change NodeFeature nvidia-features-for-other"
        assert said.endswith(FEATURE_DENIED + expected)
    delete(plane.admin, path)


def test_requests_that_no_role_grants(agent: Agent) -> None:
    """Rights, not policies: an agent cannot even ask."""
    plain = "application/json"
    for method, path, body, kind in (
        ("DELETE", f"{NODES}/mine", None, plain),
        ("POST", NODES, {"metadata": {"name": "new"}}, plain),
        ("PATCH", f"{NODES}/new", {"metadata": {"labels": LABELS}}, MERGE),
        ("PATCH", f"{NODES}/mine/status", {"status": {"capacity": {"nvidia.com/gpu": "8"}}}, MERGE),
        ("GET", "/api/v1/secrets", None, plain),
        ("GET", "/api/v1/namespaces/default/pods", None, plain),
        ("POST", f"{agents.PODS}/{agent.pod}/eviction", {}, plain),
    ):
        error = answer(agent.api, method, path, body, kind)
        assert error is not None, f"{method} {path} is allowed"
        assert error.status == (404 if path.endswith("/new") else 403)


def test_token_bound_to_no_pod(plane: ControlPlane, agent: Agent) -> None:
    api = agents.connect(plane.write_kubeconfig("unbound", token=agents.token(plane, None)))
    expected = "gfd's token must be bound to a pod on a node"
    labels = {"nvidia.com/gpu.count": "5"}
    assert status_error(api, *node_patch("mine", metadata={"labels": labels})).endswith(DENIED + expected)
    assert status_error(api, *creation(feature())).endswith(FEATURE_DENIED + expected)


def test_allowed_requests(plane: ControlPlane, agent: Agent) -> None:
    told: list[str] = []
    merge(plane.admin, f"{NODES}/mine", "kubectl-label", labels={"nvidia.com/gpu.count": "9"})
    sink = NodeSink(
        agent.api, node_name="mine", is_forcing=True, as_annotations=None, resync_s=None, warn=told.append
    )
    assert sink.publish(LABELS)
    assert told == ["nodes/mine: taking over keys from field manager kubectl-label: nvidia.com/gpu.count"]
    kept = {"zone": "a", "nvidia.com/mig.config": "all-1g.5gb", "nvidia.com/gpu.present": "true"}
    assert node_labels(plane.admin, "mine") == kept | LABELS
    assert sink.withdraw()
    assert node_labels(plane.admin, "mine") == kept
    client = NodeFeatureClient(agent.api, node_name="mine", namespace="gfd", pod_name=agent.pod)
    own = NodeFeatureSink(client, resync_s=None, warn=print)
    assert own.publish(LABELS)
    assert own.publish({"nvidia.com/mig-1g.5gb.count": "7"})
    assert plane.admin.request("GET", OWN_FEATURE)["spec"]["labels"] == {"nvidia.com/mig-1g.5gb.count": "7"}
    assert own.withdraw()


def golden_keys() -> set[str]:
    """Return all keys that gfd renders for the machines of the golden files."""
    golden = Path(__file__).parents[1] / "golden"
    return {
        line.partition("=")[0].strip()
        for file in golden.glob("*.txt")
        for line in file.read_text().splitlines()
        if line.strip().startswith("nvidia.com/") and "=" in line
    }


EXAMPLES = {
    "<resource>": "gpu",
    "<product>": "Tesla-T4",
    "<profile>": "1g.10gb.me",
    "<numa_node>": "10",
}


def catalog_keys() -> set[str]:
    """Return an example of every key that gfd's templates can write."""
    keys = {line.pattern for line in LabelCatalog(Templates()).lines}
    for placeholder, example in EXAMPLES.items():
        keys = {key.replace(placeholder, example) for key in keys}
    assert not any("<" in key for key in keys)
    return keys


def literals(component: str) -> list[str]:
    """Return the regular expressions of a policy: keys of gfd, reserved ones, those of NFD, and so on."""
    policy, _ = yaml.safe_load_all((COMPONENTS / component / "policy.yaml").read_text())
    text = "".join(each["expression"] for each in policy["spec"]["variables"])
    # Literals all of them: a pattern in a variable would be compiled for each key of each write.
    patterns = re.findall(r"matches\(\s*r'(.*?)'\)", text)
    assert len(patterns) == text.count("matches(")
    return patterns


def test_policies_allow_exactly_the_rendered_keys() -> None:
    keys = golden_keys() | catalog_keys()
    assert len(keys) > 100
    patterns = literals("nodefeature")
    assert literals("node") == [*patterns, *patterns, "^$"]
    own, reserved, nfd = (re.compile(each) for each in patterns)
    assert [key for key in sorted(keys) if not own.match(key) or reserved.match(key)] == []
    for key in ("count", "gpu.count.", "device-plugin.config", "gpu.numa-node.x", "gpu.power.limit.max"):
        assert not own.match(f"nvidia.com/{key}"), key
    assert nfd.match("feature.node.kubernetes.io/x")
