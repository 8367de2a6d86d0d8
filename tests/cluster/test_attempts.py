"""Hundreds of requests with an agent's token, on API servers of several versions: each is denied.

What an agent does every day passes on the same servers, so a policy that denies everything fails here, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from gfd.errors import ApiError
from gfd.kube.client import APPLY, Api
from gfd.kube.nfd import NAME_PREFIX, NODE_LABEL
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.attempts import FOREIGN, MERGE, OWN, Attempt, Body
from tests.cluster.attempts.features import FEATURES, feature, feature_attempts, owner
from tests.cluster.attempts.grants import other_attempts
from tests.cluster.attempts.nodes import SCALER, node_attempts
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.installations import MANIFESTS, install, released
from tests.cluster.objects import NODES, delete, make_node, merge, node, node_labels
from tests.cluster.test_rights import golden_keys
from tests.labels.test_syntax import FREE_KEYS, KUBERNETES_KEYS, OPERATOR_KEYS

pytestmark = pytest.mark.cluster

KEPT = {"zone": "a", "nvidia.com/mig.config": "all-1g.5gb", "nvidia.com/gpu.present": "true", "pool": "x"}
LABELS = dict.fromkeys(sorted(golden_keys()), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A control plane with both policies, an agent, and two Nodes that others hold fields of."""

    plane: ControlPlane
    agent: Agent
    api: Api
    """With the agent's token, and as fast as it goes."""

    @property
    def admin(self) -> Api:
        return self.plane.admin

    def denies(self, attempt: Attempt) -> bool:
        error = answer(self.api, attempt, is_dry=True)
        return error is not None and error.status == 403

    def node_sink(self) -> NodeSink:
        return NodeSink(
            self.api,
            node_name=OWN,
            is_forcing=True,
            as_annotations=None,
            resync_s=None,
            warn=lambda text: None,
        )

    def feature_sink(self) -> NodeFeatureSink:
        client = NodeFeatureClient(self.api, node_name=OWN, namespace="gfd", pod_name=self.agent.pod)
        return NodeFeatureSink(client, resync_s=None, warn=print)


@pytest.fixture(scope="module")
def site(with_policies: None, each_plane: ControlPlane) -> Iterator[Site]:
    plane = each_plane
    ensure_node_feature(plane)
    for name in (OWN, FOREIGN):
        make_shared_node(plane.admin, name)
    agents.install(plane, *(MANIFESTS / "components" / sink for sink in ("node", "nodefeature")))
    agent = agents.start(plane, OWN)
    made = Site(plane=plane, agent=agent, api=connect(agent))
    first = [
        next(feature_attempts({FOREIGN: ""})),
        next(node_attempts(node(plane.admin, OWN), OWN)),
    ]
    wait_for(lambda: all(map(made.denies, first)), "the policies")
    yield made
    for name in (OWN, FOREIGN):
        remove_node(plane.admin, name)
        delete(plane.admin, f"{FEATURES}/{NAME_PREFIX}{name}")


def connect(agent: Agent) -> Api:
    return Api(agent.kubeconfig, qps=5000, burst=5000)


def make_shared_node(admin: Api, name: str) -> None:
    """Make a Node of which others hold fields, one of them by server-side apply."""
    remove_node(admin, name)
    kept = {key: value for key, value in KEPT.items() if key != "pool"}
    make_node(admin, name, labels=kept, annotations={"a": "b"})
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"pool": "x"},
            "annotations": {"pool": "x"},
            "finalizers": ["example.com/pool"],
        },
        "spec": {"taints": [{"key": "pool", "effect": "NoSchedule"}]},
    }
    query = {"fieldManager": SCALER, "force": "true"}
    admin.request("PATCH", f"{NODES}/{name}", body, query=query, content_type=APPLY)


def remove_node(admin: Api, name: str) -> None:
    with contextlib.suppress(ApiError):
        merge(admin, f"{NODES}/{name}", "test", finalizers=None)
    delete(admin, f"{NODES}/{name}")


def answer(api: Api, attempt: Attempt, *, is_dry: bool = False) -> ApiError | None:
    query = {"fieldManager": attempt.manager} if attempt.method in {"POST", "PUT", "PATCH"} else {}
    query |= {"force": "true"} if attempt.content_type == APPLY else {}
    query |= {"dryRun": "All"} if is_dry else {}
    try:
        api.request(
            attempt.method, attempt.path, attempt.body, content_type=attempt.content_type, query=query
        )
    except ApiError as error:
        return error
    return None


def assert_denied(api: Api, attempts: list[Attempt], by: str = "") -> None:
    """Assert that each is answered with 403, by a policy of that name or, if empty, by whatever denies it."""
    let_through = []
    for attempt in attempts:
        error = answer(api, attempt)
        said = "allowed" if error is None else f"{error.status} {error}"
        if error is None or error.status != 403 or by not in said:
            let_through.append(f"{attempt}: {said}")
    assert let_through == []


def test_attempts_at_nodes(site: Site) -> None:
    site.node_sink().publish({"nvidia.com/gpu.count": "1", "nvidia.com/gpu.product": "NVIDIA-H200"})
    before = [node(site.admin, name) for name in (OWN, FOREIGN)]
    attempts = [each for whole in before for each in node_attempts(whole, whole["metadata"]["name"])]
    assert len(attempts) > 400
    # Rights alone deny a PUT and a DELETE; everything else is up to the policy.
    by_rights = [each for each in attempts if each.method in {"PUT", "DELETE"}]
    by_policy = [each for each in attempts if each.method == "PATCH"]
    assert_denied(site.api, by_policy, "ValidatingAdmissionPolicy 'gfd-node'")
    assert_denied(site.api, by_rights, "cannot")
    assert [node(site.admin, name) for name in (OWN, FOREIGN)] == before


def test_attempts_at_node_features(site: Site) -> None:
    # Other tests may have left objects.
    site.plane.kubectl("-n", "gfd", "delete", "nodefeatures", "--all")
    versions = {}
    for target in (OWN, FOREIGN):
        delete(site.admin, f"{FEATURES}/{NAME_PREFIX}{target}")
        made = site.admin.request("POST", FEATURES, feature(target))
        versions[target] = made["metadata"]["resourceVersion"]
    attempts = list(feature_attempts(versions))
    assert len(attempts) > 150
    assert_denied(site.api, attempts)
    found = site.admin.request("GET", FEATURES)["items"]
    assert {
        each["metadata"]["labels"][NODE_LABEL]: each["metadata"]["resourceVersion"] for each in found
    } == versions


def test_attempts_at_everything_else(site: Site) -> None:
    attempts = list(other_attempts(site.agent.pod))
    assert len(attempts) > 140
    assert_denied(site.api, attempts, "cannot")


def test_usual_requests_for_nodes(site: Site) -> None:
    merge(site.admin, f"{NODES}/{OWN}", "kubectl-label", labels={"nvidia.com/gpu.count": "9"})
    sink = site.node_sink()
    assert sink.publish(LABELS)
    assert node_labels(site.admin, OWN) == KEPT | LABELS
    assert site.node_sink().publish({"nvidia.com/gpu.count": "2"})
    assert node_labels(site.admin, OWN) == KEPT | {"nvidia.com/gpu.count": "2"}
    assert site.node_sink().withdraw()
    assert node_labels(site.admin, OWN) == KEPT


def test_usual_requests_for_node_features(site: Site) -> None:
    path = f"{FEATURES}/{NAME_PREFIX}{OWN}"
    delete(site.admin, path)
    sink = site.feature_sink()
    assert sink.publish(LABELS)
    assert sink.publish({"nvidia.com/gpu.count": "2"})
    owned = feature(OWN, metadata={"ownerReferences": [owner()]})
    owned["metadata"]["resourceVersion"] = site.admin.request("GET", path)["metadata"]["resourceVersion"]
    site.api.request("PUT", path, owned)
    assert site.feature_sink().withdraw()
    site.api.request("POST", FEATURES, feature(OWN, metadata={"ownerReferences": [owner()]}))
    site.api.request("DELETE", path)


@pytest.mark.parametrize("is_known", [True, False], ids=["managers", "no managers"])
def test_node_without_other_labels(site: Site, is_known: bool) -> None:
    """The first label of a Node, and the last that goes, also where nobody was noted as a manager."""
    remove_node(site.admin, OWN)
    make_node(site.admin, OWN)
    merge(site.admin, f"{NODES}/{OWN}", "kubectl-label", labels={"nvidia.com/gpu.count": "9"})
    if not is_known:
        reset: Body = {"metadata": {"managedFields": [{}]}}
        site.admin.request("PATCH", f"{NODES}/{OWN}", reset, content_type=MERGE)
    try:
        assert site.node_sink().publish(LABELS)
        assert node_labels(site.admin, OWN) == LABELS
        assert site.node_sink().withdraw()
        assert node_labels(site.admin, OWN) == {}
    finally:
        make_shared_node(site.admin, OWN)


ALLOWED = ("example.com", "nvidia.com", "feature.node.kubernetes.io", "vendor.feature.node.kubernetes.io")
NEARLY = (
    "example.community/x",
    "example.com.evil.org/x",
    "examplexcom/x",
    "sub.example.com/x",
    "example.com",
)


@pytest.fixture
def released_agent(site: Site) -> Iterator[Agent]:
    """An agent of a release that allows what the schema of the chart refuses."""
    domains = {key.partition("/")[0] for key in (*OPERATOR_KEYS, *KUBERNETES_KEYS)}
    options = (
        "--skip-schema-validation",
        f"--set=labelPrefixAllow={{{','.join(sorted({*ALLOWED, *domains}))}}}",
        f"--set=templateKeys={{{','.join((*OPERATOR_KEYS, *KUBERNETES_KEYS, 'rack.org/a'))}}}",
        "--set=asAnnotations=.*",
    )
    made: list[str] = []
    objects = [each for sink in ("node", "nodefeature") for each in released(sink, "any", "gfd", *options)]
    agent = install(site.plane, objects, OWN, made)
    try:
        yield agent
    finally:
        for path in reversed(made):
            delete(site.admin, path)


def test_keys_that_no_chart_value_allows(site: Site, released_agent: Agent) -> None:
    api = connect(released_agent)
    delete(site.admin, f"{FEATURES}/{NAME_PREFIX}{OWN}")
    denied = [
        *key_attempts((*OPERATOR_KEYS, *KUBERNETES_KEYS, *NEARLY), "labels"),
        *key_attempts((*OPERATOR_KEYS, *KUBERNETES_KEYS, *NEARLY), "annotations"),
        *(
            Attempt(what=key, method="POST", path=FEATURES, body=feature(OWN, spec={"labels": {key: "x"}}))
            for key in (*OPERATOR_KEYS, *KUBERNETES_KEYS, *NEARLY)
        ),
    ]
    wait_for(
        lambda: all(
            (error := answer(api, each, is_dry=True)) is not None and error.status == 403
            for each in (denied[0], denied[-1])
        ),
        "the policies",
    )
    assert_denied(api, denied, "ValidatingAdmissionPolicy 'any-gfd-node")
    free = ("example.com/x", "rack.org/a", *(key for key in FREE_KEYS if key.startswith(ALLOWED)))
    for kind in ("labels", "annotations"):
        for attempt in key_attempts(free, kind):
            assert answer(api, attempt, is_dry=True) is None, attempt
    body = feature(OWN, spec={"labels": dict.fromkeys(free, "x")})
    assert answer(api, Attempt(what="", method="POST", path=FEATURES, body=body), is_dry=True) is None


def key_attempts(keys: Iterable[str], kind: str) -> Iterator[Attempt]:
    for key in keys:
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": OWN, kind: {key: "x"}}}
        yield Attempt(what=key, method="PATCH", path=f"{NODES}/{OWN}", body=body, content_type=APPLY)


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_manifests_are_accepted(site: Site, sink: str) -> None:
    overlay = str(MANIFESTS / "overlays" / sink)
    site.plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", overlay)
