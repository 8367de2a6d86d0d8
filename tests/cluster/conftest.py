from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gfd.errors import ApiError
from tests.cluster import agents, programs
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.doctor_command import AgentNode
from tests.cluster.extender import Extender
from tests.cluster.nodes_command import PODS, make_pod, post
from tests.cluster.objects import NODES, delete, make_node, namespace
from tests.cluster.proxy import Proxy, proxied
from tests.tools import make

CRD = "nodefeatures.nfd.k8s-sigs.io"


def define_node_feature(plane: ControlPlane) -> None:
    """Define NodeFeature as far as gfd can tell the difference."""
    spec = {
        "type": "object",
        "required": ["features"],
        "properties": {
            "features": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    schema = {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": spec}}}
    names = {"kind": "NodeFeature", "plural": "nodefeatures", "singular": "nodefeature"}
    plane.admin.request(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": CRD,
                "annotations": {"api-approved.kubernetes.io": "unapproved, a test's stand-in for NFD's own"},
            },
            "spec": {
                "group": "nfd.k8s-sigs.io",
                "scope": "Namespaced",
                "names": names,
                "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
            },
        },
    )

    def is_served() -> bool:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD}"
        conditions = plane.admin.request("GET", path).get("status", {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    wait_for(is_served, "the NodeFeature API")
    # Established is said before the storage can be written to.
    probe = {"metadata": {"name": "probe", "labels": {}}, "spec": {"features": {}}}
    path = "/apis/nfd.k8s-sigs.io/v1alpha1/namespaces/default/nodefeatures"
    body = {"apiVersion": "nfd.k8s-sigs.io/v1alpha1", "kind": "NodeFeature", **probe}

    def is_writable() -> bool:
        try:
            plane.admin.request("POST", path, body)
        except ApiError:
            return False
        delete(plane.admin, f"{path}/probe")
        return True

    wait_for(is_writable, "the storage of NodeFeatures")


def ensure_node_feature(plane: ControlPlane) -> None:
    """Define NodeFeature unless a test before did."""
    if not plane.kubectl("get", "crd", CRD, "--ignore-not-found"):
        define_node_feature(plane)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        yield started
        started.check()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane for manifests, with a namespace of gfd, and one for each level of Pod Security.

    Nothing else installs gfd here: the selector of a DaemonSet that another test left could not be changed.
    """
    with control_plane(tmp_path_factory.mktemp("manifests")) as started:
        ensure_node_feature(started)
        namespace(started.admin, "gfd")
        for level in ("restricted", "baseline"):
            labels = {"pod-security.kubernetes.io/enforce": level}
            started.admin.request(
                "POST", "/api/v1/namespaces", {"metadata": {"name": level, "labels": labels}}
            )
        yield started
        started.check()


def chosen(config: pytest.Config) -> list[str]:
    """Return the versions of Kubernetes that ``--kubernetes`` names, the newest and the oldest without it."""
    minors = config.getoption("--kubernetes")
    if unknown := sorted(set(minors or ()) - programs.KUBERNETES.keys()):
        raise pytest.UsageError(f"--kubernetes: {unknown[0]} is none of {', '.join(programs.KUBERNETES)}")
    return [programs.KUBERNETES[each] for each in minors] if minors else [programs.NEWEST, programs.OLDEST]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    versions = chosen(metafunc.config)
    with_policies = [each for each in versions if each != programs.EARLY]
    if "each_plane" in metafunc.fixturenames:
        is_for_all = "with_policies" not in metafunc.fixturenames
        values = versions if is_for_all else with_policies
        metafunc.parametrize("each_plane", values, indirect=True, scope="session")
    if "older" in metafunc.fixturenames:
        values = [each for each in with_policies if each != programs.NEWEST]
        metafunc.parametrize("older", values, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--kubernetes``, keep the tests that run on several versions; without it, leave the early out."""
    kept = set()
    if config.getoption("--kubernetes"):
        kept |= {"each_plane", "older"}
    if programs.EARLY in chosen(config):
        kept.add("early")

    def is_kept(item: pytest.Item) -> bool:
        names = set(getattr(item, "fixturenames", ()))
        return bool(names & kept) if config.getoption("--kubernetes") else "early" not in names

    left_out = [each for each in items if not is_kept(each)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if is_kept(each)]


@pytest.fixture(scope="session")
def with_policies() -> None:
    """Ask for versions of Kubernetes that have admission policies."""


@pytest.fixture(scope="session")
def each_plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """The API server of each version of Kubernetes that was chosen."""
    if request.param == programs.NEWEST:
        yield request.getfixturevalue("plane")
        return
    with control_plane(tmp_path_factory.mktemp(request.param), request.param) as started:
        yield started
        started.check()


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server before Kubernetes 1.30."""
    with control_plane(tmp_path_factory.mktemp("early"), programs.EARLY) as started:
        namespace(started.admin, "gfd")
        ensure_node_feature(started)
        yield started
        started.check()


@pytest.fixture(scope="session")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The API server of the oldest Kubernetes with admission policies."""
    with control_plane(tmp_path_factory.mktemp("oldest"), programs.OLDEST) as started:
        yield started
        started.check()


@pytest.fixture(scope="session")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with a scheduler, and with kubelets that kwok plays."""
    with control_plane(tmp_path_factory.mktemp("scheduled")) as started:
        started.start_scheduling()
        yield started
        started.check()


@pytest.fixture
def pair(plane: ControlPlane) -> Iterator[tuple[str, ...]]:
    """Two nodes with GPUs and pods on them; return the words that select them."""
    namespace(plane.admin, "default")
    for name, zone in (("pair-a", "a"), ("pair-b", "b")):
        post(plane.admin, make.node(name, make.gpu_labels() | {"zone": zone, "test": "pair"}, {"gpu": 8}))
        make_pod(plane.admin, f"pod-{name}", name, 3)
    yield ("-l", "test=pair")
    for name in ("pair-a", "pair-b", "pair-c"):
        delete(plane.admin, f"{NODES}/{name}")
        for pod in (f"pod-{name}", f"more-{name}"):
            delete(plane.admin, f"{PODS}/{pod}")


@pytest.fixture
def proxy(plane: ControlPlane, tmp_path: Path) -> Iterator[Proxy]:
    with proxied(plane) as started:
        yield started


_NUMBERS = itertools.count(1)
_COMPONENTS = Path(__file__).parents[2] / "manifests" / "components"


@pytest.fixture(scope="module")
def installed_agents(plane: ControlPlane) -> ControlPlane:
    ensure_node_feature(plane)
    agents.install(plane, _COMPONENTS / "node", _COMPONENTS / "nodefeature")
    namespace(plane.admin, "other")
    return plane


@pytest.fixture
def agent_node(installed_agents: ControlPlane) -> Iterator[AgentNode]:
    name = f"doctored-{next(_NUMBERS)}"
    make_node(installed_agents.admin, name)
    node = AgentNode(plane=installed_agents, node=name, agent=agents.start(installed_agents, name))
    for sink in ("node", "nodefeature"):
        wait_for(lambda sink=sink: node.run_check("policy", sink=sink).state == "ok", "the policies")
    yield node
    delete(installed_agents.admin, node.path)
    for where in ("gfd", "other"):
        installed_agents.kubectl("-n", where, "delete", "nodefeatures", "--all")


@pytest.fixture(scope="module")
def extender() -> Iterator[Extender]:
    with Extender() as started:
        yield started
