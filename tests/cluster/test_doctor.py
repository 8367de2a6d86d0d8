"""gfd doctor on a real API server, with the token of an agent's pod and with an operator's."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gfd.config.loader import load
from gfd.kube.nfd import API_VERSION, NODE_LABEL
from gfd.tools.doctor.checks import CHECKS
from gfd.tools.doctor.context import Site
from gfd.tools.doctor.result import Finding, fail, ok, skip, warn
from gfd.tools.doctor.runner import examine
from tests.cluster import agents
from tests.cluster.conftest import CRD, define_node_feature, ensure_node_feature
from tests.cluster.controlplane import ADMIN_TOKEN, ControlPlane, free_port, wait_for
from tests.cluster.objects import NODES, delete, make_node, merge, namespace
from tests.cluster.test_rights import COMPONENTS

pytestmark = pytest.mark.cluster

FEATURES = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures"
LABELS = {"nvidia.com/gpu.count": "1", "nvidia.com/gpu.product": "Tesla-T4"}
NUMBERS = itertools.count(1)
ACCOUNT = "system:serviceaccount:gfd:gfd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A Node, and the means of the agent on it."""

    plane: ControlPlane
    node: str
    agent: agents.Agent

    @property
    def path(self) -> str:
        return f"{NODES}/{self.node}"

    def site(self, *, sink: str, is_operator: bool = False, **options: Any) -> Site:
        """A site whose machine renders :data:`LABELS`; the agent asks, or an operator."""
        values = {
            "sinks": sink,
            "node_name": self.node,
            "namespace": "gfd",
            "kubeconfig": str(self.plane.kubeconfig if is_operator else self.agent.kubeconfig),
            "output_file": str(self.plane.home / "gfd"),
            "kube_api_qps": "1000",
            **options,
        }
        site = Site(load(values, {}).config, root=Path("/"))
        site.labels = LABELS
        return site

    def ask(self, name: str, **options: Any) -> Finding:
        (check,) = [each for each in CHECKS if each.name == name]
        ((found, finding),) = examine(self.site(**options), [check])
        assert found == name, finding
        return finding

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


@pytest.fixture(scope="module")
def installed(plane: ControlPlane) -> ControlPlane:
    ensure_node_feature(plane)
    agents.install(plane, COMPONENTS / "node", COMPONENTS / "nodefeature")
    namespace(plane.admin, "other")
    return plane


@pytest.fixture
def place(installed: ControlPlane) -> Iterator[Place]:
    name = f"doctored-{next(NUMBERS)}"
    make_node(installed.admin, name)
    made = Place(plane=installed, node=name, agent=agents.start(installed, name))
    for sink in ("node", "nodefeature"):
        wait_for(lambda sink=sink: "refuses" in made.ask("policy", sink=sink).seen, "the policies")
    yield made
    delete(installed.admin, made.path)
    for where in ("gfd", "other"):
        installed.kubectl("-n", where, "delete", "nodefeatures", "--all")


def gfd(place: Place, *words: str, kubeconfig: Path | None = None) -> tuple[int, str, str]:
    given = (
        *("--simulate=t4", "--sink=node", f"--node-name={place.node}", "--namespace=gfd"),
        f"--kubeconfig={kubeconfig or place.agent.kubeconfig}",
    )
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *words, *given), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_an_agent_in_good_order(place: Place) -> None:
    assert gfd(place, "--oneshot") == (0, "", "")
    asked = len(place.plane.requests())
    code, out, err = gfd(place, "doctor")
    assert (code, err) == (0, "")
    assert out == (
        "skip  hardware      t4 is simulated: GPU, driver, library, NVML, device nodes, MIG, /proc, facts\n"
        "ok    labels        this machine renders 26\n"
        "skip  feature file  labels go to node\n"
        "skip  nfd-worker    the feature file is not used\n"
        "ok    API server    answers, Kubernetes v1.37.2\n"
        "ok    clock         that of the API server\n"
        f"ok    token         {ACCOUNT}, bound to pod {place.agent.pod} on node {place.node}\n"
        "ok    rights        may get nodes, list nodes, watch nodes, patch nodes\n"
        "ok    policy        ValidatingAdmissionPolicy 'gfd-node' refuses a foreign label on the Node\n"
        "ok    NFD           there, and not needed\n"
        "ok    Node          all 26 are on the Node\n"
        "ok    doubled       nothing is published twice\n"
        "ok    operator      the GPU operator is not there\n"
        "10 ok, 3 skipped\n"
    )
    # It wrote nothing: what is no reading is a question, or dry.
    requests = place.plane.requests()[asked:]
    others = [each for each in requests if each["verb"] not in {"get", "list"}]
    asking = {each["objectRef"]["resource"] for each in others if each["verb"] == "create"}
    assert asking == {"selfsubjectreviews", "selfsubjectaccessreviews"}
    (dry,) = [each for each in others if each["verb"] != "create"]
    assert "dryRun=All" in dry["requestURI"]


def test_a_token_that_cannot_do(place: Place) -> None:
    plane = place.plane
    unbound = str(plane.write_kubeconfig("unbound", token=agents.token(plane, None)))
    step = "use the token that Kubernetes mounts into the pod; the policy refuses all others"
    seen = f"{ACCOUNT}, not bound to a pod on a node"
    assert place.ask("token", sink="node", kubeconfig=unbound) == warn(seen, step)
    seen = f"bound to node {place.node}, but --node-name is elsewhere"
    step = "take NODE_NAME from spec.nodeName, by the downward API"
    assert place.ask("token", sink="node", node_name="elsewhere") == fail(seen, step)
    said = "asks as admin, which is no agent: what agents may do is seen in their pods"
    assert place.ask("token", sink="node", is_operator=True) == ok(said)


def test_rights(place: Place) -> None:
    features = ", ".join(
        f"{verb} nodefeatures" for verb in ("get", "list", "watch", "create", "update", "delete")
    )
    pod = place.agent.pod
    assert place.ask("rights", sink="nodefeature", pod_name=pod) == ok(f"may {features}, get pods")
    assert place.ask("rights", sink="file") == ok("none are needed for file")
    missing = "manifests/overlays/nodefeature (Role gfd)"
    step = f"apply {missing}, or helm upgrade with the same values"
    assert place.ask("rights", sink="nodefeature", namespace="other") == fail(f"may not {features}", step)
    with_node = {"sink": "nodefeature,stdout", "config_dir": "/etc"}
    assert place.ask("rights", **with_node).seen.startswith(
        "may get nodes, list nodes, watch nodes, get node"
    )


def test_rights_that_were_taken_away(place: Place) -> None:
    place.plane.kubectl("delete", "clusterrolebinding", "gfd")
    try:
        seen = "may not get nodes, list nodes, watch nodes, patch nodes"
        step = "apply manifests/overlays/node (ClusterRole gfd), or helm upgrade with the same values"
        wait_for(lambda: place.ask("rights", sink="node") == fail(seen, step), "the rights to be gone")
        finding = place.ask("policy", sink="node")
        assert finding.state == "skip"
        assert finding.seen.startswith("cannot be told: nodes ")
        assert place.ask("Node", sink="node").seen.startswith("cannot be told: nodes ")
        assert place.ask("doubled", sink="node").seen.startswith(
            "nothing is seen, but not all can be: nodes "
        )
        assert place.ask("operator", sink="node") == ok("the GPU operator is not there")
    finally:
        place.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "rbac.yaml"))


def test_policies(place: Place) -> None:
    refused = (
        "ValidatingAdmissionPolicy 'gfd-node' refuses a foreign label on the Node",
        "ValidatingAdmissionPolicy 'gfd-nodefeature' refuses a foreign NodeFeature",
    )
    assert place.ask("policy", sink="node,stdout") == ok(refused[0])
    assert place.ask("policy", sink="nodefeature") == ok(refused[1])
    assert place.ask("policy", sink="file") == skip("nothing is written to the API server")
    bound = ok("gfd-node, gfd-nodefeature; what it refuses is seen in a pod of gfd")
    assert place.ask("policy", sink="node", is_operator=True) == bound
    place.plane.kubectl("delete", "validatingadmissionpolicybinding", "gfd-node")
    try:
        expected = warn(
            "nothing refuses a foreign label on the Node",
            f"apply rbac.yaml and policy.yaml of manifests/components/node for {ACCOUNT} "
            "(Kubernetes 1.30 and later)",
        )
        wait_for(lambda: place.ask("policy", sink="node") == expected, "the policy to be gone")
        assert place.plane.kubectl("get", "node", place.node, "-o=jsonpath={.metadata.labels}") == ""
        found = place.ask("policy", sink="node", is_operator=True)
        assert found == ok("gfd-nodefeature; what it refuses is seen in a pod of gfd")
        place.plane.kubectl("delete", "validatingadmissionpolicybinding", "gfd-nodefeature")
        assert place.ask("policy", sink="node", is_operator=True) == warn(
            "no admission policy for gfd's agents is bound",
            "apply rbac.yaml and policy.yaml of manifests/components (Kubernetes 1.30 and later)",
        )
    finally:
        place.plane.kubectl("apply", "-f", str(COMPONENTS / "nodefeature" / "policy.yaml"))
        place.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "policy.yaml"))


def test_the_labels_on_the_node(place: Place) -> None:
    step = "is gfd running on this node, with these options? gfd diff shows what it would change"
    nothing = "of 2 labels on the Node: 2 missing (nvidia.com/gpu.count, nvidia.com/gpu.product)"
    assert place.ask("Node", sink="node") == fail(nothing, step)
    place.label(**LABELS)
    assert place.ask("Node", sink="node") == ok("all 2 are on the Node")
    place.label(**{"nvidia.com/gpu.count": "2"})
    waits = f"{step}; where that is nothing, NFD has yet to pass it on"
    different = "of 2 labels on the Node: 1 different (nvidia.com/gpu.count)"
    assert place.ask("Node", sink="file") == fail(different, waits)
    annotated = place.ask("Node", sink="node", as_annotations="nvidia.com/gpu.count")
    assert annotated.seen == different
    merge(place.plane.admin, place.path, "x", annotations={"nvidia.com/gpu.count": "1"})
    annotated = place.ask("Node", sink="node", as_annotations="nvidia.com/gpu.count")
    assert annotated == ok("all 2 are on the Node")
    finding = place.ask("Node", sink="node", node_name="nobody")
    assert finding == fail("there is no Node nobody", "is NODE_NAME its name in kubectl get nodes?")
    assert place.ask("Node", sink="file", node_name=None).seen.startswith(
        "cannot be told: the node has no name"
    )
    assert place.ask("Node", sink="stdout") == skip("nothing is published from here")


def test_doubled_publishing(place: Place) -> None:
    step = "leave one road: gfd cleanup --sink …, gfd cleanup --from-original, or stop the other program"
    fine = ok("nothing is published twice")
    assert place.ask("doubled", sink="node") == fine
    assert place.ask("doubled", sink="file", is_operator=True) == fine
    assert gfd(place, "--oneshot")[0] == 0
    both = "nvidia.com/gpu.count, nvidia.com/gpu.product"
    held = "gfd once wrote them to the Node itself, and still holds them"
    said = fail(f"2 of 2 labels ({both}): {held}", step)
    assert place.ask("doubled", sink="file", is_operator=True) == said
    names = {"nfd.node.kubernetes.io/feature-labels": "nvidia.com/gpu.count"}
    merge(place.plane.admin, place.path, "nfd-master", annotations=names)
    said = fail("1 of 2 labels (nvidia.com/gpu.count): NFD publishes them, too", step)
    assert place.ask("doubled", sink="node") == said


def test_doubled_node_features(place: Place) -> None:
    name = f"nvidia-features-for-{place.node}"
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "11111111-1111-1111-1111-111111111111"}
    place.add_feature(name)
    place.add_feature(
        place.node, where="other", annotations={"nfd.node.kubernetes.io/worker.version": "v0.19.0"}
    )
    # An agent sees its own namespace only, and no Node.
    place.plane.kubectl("delete", "clusterrolebinding", "gfd")
    try:
        seen = "nothing is seen, but not all can be: nodes "
        said = wait_for(
            lambda: (found := place.ask("doubled", sink="nodefeature")).state == "skip" and found.seen,
            "the Node to be out of sight",
        )
        assert said.startswith(seen)
    finally:
        place.plane.kubectl("apply", "-f", str(COMPONENTS / "node" / "rbac.yaml"))
    two = f"NodeFeatures of others have them, too: other/{place.node}"
    assert place.ask("doubled", sink="nodefeature", is_operator=True).seen == two
    one = f"NodeFeatures of others have them, too: gfd/{name}"
    assert place.ask("doubled", sink="file", is_operator=True).seen == one
    place.add_feature(name, where="other", ownerReferences=[owner])
    finding = place.ask("doubled", sink="file", is_operator=True)
    assert finding.seen == f"{one}, other/{name} (as gpu-feature-discovery leaves it)"


def test_the_operator(place: Place) -> None:
    place.label(**{"nvidia.com/gpu.deploy.driver": "true"})
    there = "the GPU operator is there, without its gpu-feature-discovery on this node"
    assert place.ask("operator", sink="node") == ok(there)
    place.label(**{"nvidia.com/gpu.deploy.gpu-feature-discovery": "true"})
    step = "set gfd.enabled=false in the operator's ClusterPolicy, or leave the labels to it"
    runs = "the GPU operator runs its own gpu-feature-discovery on this node"
    assert place.ask("operator", sink="node") == warn(runs, step)
    place.label(**{"nvidia.com/gpu.deploy.gpu-feature-discovery": None, "nvidia.com/gpu.deploy.driver": None})
    assert place.ask("operator", sink="node") == ok("the GPU operator is not there")
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
    place.plane.admin.request("POST", definitions, crd)
    try:
        wait_for(lambda: place.ask("operator", sink="node") == ok(there), "the ClusterPolicy API")
        unseen = place.ask("operator", sink="file", node_name=None)
        maybe = "the GPU operator is there, and may run its own gpu-feature-discovery here"
        assert unseen == warn(maybe, step)
    finally:
        delete(place.plane.admin, f"{definitions}/clusterpolicies.nvidia.com")


def test_nfd(place: Place) -> None:
    admin = place.plane.admin
    known = f"NodeFeature ({API_VERSION}) is known"
    finding = place.ask("NFD", sink="nodefeature")
    assert finding.state == "ok"
    untold = "which nfd-master and nfd-worker there is cannot be told: pods is forbidden: "
    assert finding.seen.startswith(f"{known}; {untold}")
    assert finding.seen.count("forbidden") == 1
    lacks = "no nfd-master is ready: none is found by the labels of NFD's chart and manifests"
    step = "it labels the Nodes: install NFD, or publish with --sink node"
    assert place.ask("NFD", sink="file", is_operator=True) == warn(f"{known}; {lacks}", step)
    step = "it labels the Nodes: see its pod"
    for program, labels in (("nfd-master", {"app": "nfd-master"}), ("nfd-worker", {})):
        container = {"name": program, "image": f"registry.k8s.io/nfd/{program}:v0.19.0", "command": [program]}
        spec = {"nodeName": place.node, "containers": [container]}
        body = {"metadata": {"name": program, "labels": labels}, "spec": spec}
        delete(admin, f"/api/v1/namespaces/other/pods/{program}")
        admin.request("POST", "/api/v1/namespaces/other/pods", body)
    versions = "nfd-master nfd-master:v0.19.0; nfd-worker nfd-worker:v0.19.0"
    lacks = "no nfd-master is ready: other/nfd-master"
    assert place.ask("NFD", sink="file", is_operator=True) == warn(f"{known}; {versions}; {lacks}", step)
    status = {
        "containerStatuses": [
            {"name": "nfd-master", "ready": True, "restartCount": 0, "image": "", "imageID": ""}
        ]
    }
    path = "/api/v1/namespaces/other/pods/nfd-master/status"
    admin.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    assert place.ask("NFD", sink="file", is_operator=True) == ok(f"{known}; {versions}")
    for program in ("nfd-master", "nfd-worker"):
        delete(admin, f"/api/v1/namespaces/other/pods/{program}")


def test_nfd_is_missing(place: Place) -> None:
    place.plane.kubectl("delete", "crd", CRD)
    try:
        unknown = f"the API server does not know NodeFeature ({API_VERSION})"
        step = "install NFD (0.14 or later), or publish with --sink node"
        assert place.ask("NFD", sink="nodefeature") == fail(unknown, step)
        assert place.ask("NFD", sink="node") == ok("not there, and not needed")
        assert place.ask("doubled", sink="file", is_operator=True) == ok("nothing is published twice")
        finding = place.ask("policy", sink="nodefeature")
        assert finding.state == "skip"
        assert finding.seen.startswith("cannot be told: ")
    finally:
        define_node_feature(place.plane)


def test_the_worker(place: Place) -> None:
    admin = place.plane.admin
    step = "install NFD, or let the DaemonSet of nfd-worker tolerate the taints of this node"
    assert place.ask("nfd-worker", sink="file", is_operator=True) == fail("none is on this node", step)
    finding = place.ask("nfd-worker", sink="file")
    said = "none has read a label, and whether there is one cannot be told: pods is forbidden"
    assert (finding.state, finding.seen[: len(said)]) == ("skip", said)
    container = {"name": "nfd-worker", "image": "nfd:v0.19.0"}
    body = {"metadata": {"name": "w"}, "spec": {"nodeName": place.node, "containers": [container]}}
    admin.request("POST", "/api/v1/namespaces/other/pods", body)
    step = "mount one folder of the host into both, and let its label source local be enabled"
    assert place.ask("nfd-worker", sink="file", is_operator=True) == fail(
        "other/w has read none of the labels", step
    )
    delete(admin, "/api/v1/namespaces/other/pods/w")
    place.add_feature(
        place.node, where="other", annotations={"nfd.node.kubernetes.io/worker.version": "v0.19.0"}
    )
    finding = place.ask("nfd-worker", sink="file", is_operator=True)
    assert finding == ok(f"v0.19.0 has read 2 of 2 labels (other/{place.node})")


def test_a_clock_that_is_wrong(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    real = time.time
    for off_s, state in ((3.0, "ok"), (20.0, "warn"), (-100.0, "fail")):
        monkeypatch.setattr("gfd.tools.doctor.cluster.time.time", lambda off_s=off_s: real() + off_s)
        finding = place.ask("clock", sink="node")
        assert finding.state == state
        if state != "ok":
            amount, _, words = finding.seen.partition(" s ")
            assert abs(float(amount) - abs(off_s)) < 2
            assert words == f"{'ahead of' if off_s > 0 else 'behind'} the API server's"


def test_a_bundle_of_an_agent_and_of_an_operator(place: Place, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"published to nodes/{place.node} with {place.agent.token_file.read_text()}\n")
    for name, kubeconfig in (("agent", place.agent.kubeconfig), ("operator", place.plane.kubeconfig)):
        path = tmp_path / f"{name}.tar.gz"
        words = ("doctor", f"--bundle={path}", f"--log={log}", f"--pod-name={place.agent.pod}", "-o", "json")
        _, out, err = gfd(place, *words, kubeconfig=kubeconfig)
        assert {each["check"] for each in json.loads(out)} > {"token", "rights", "policy"}
        assert f"gfd: {path} holds contents.txt, snapshot.yaml, config.txt, doctor.txt" in err
        with tarfile.open(path) as archive:
            files = {each.name: archive.extractfile(each).read().decode() for each in archive}  # type: ignore[union-attr]
        text = "".join(files.values())
        token = place.agent.token_file.read_text()
        for secret in (place.node, token, ADMIN_TOKEN, place.agent.pod):
            assert secret not in text
        said = files["gfd-bundle/doctor.txt"]
        assert (
            f"{ACCOUNT}, bound to pod pod-1 on node node-1" in said
            if name == "agent"
            else "asks as user-1" in said
        )
        assert files["gfd-bundle/log.txt"] == "published to nodes/node-1 with SECRET\n"
        assert "kubernetes: v1.37.2\n" in files["gfd-bundle/versions.txt"]


def test_an_api_server_that_does_not_answer(place: Place) -> None:
    away = place.plane.home / "away.kubeconfig"
    text = place.agent.kubeconfig.read_text()
    away.write_text(text.replace(str(place.plane.port), str(free_port())))
    site = place.site(sink="nodefeature", kubeconfig=str(away))
    site.comparisons = ()
    found = dict(examine(site))
    assert found["API server"].state == "fail"
    assert found["API server"].seen.startswith("the API server https://127.0.0.1:")
    assert found["cluster"].state == "skip"
    nobody = str(place.plane.write_kubeconfig("nobody", token="nobody"))
    finding = place.ask("API server", sink="node", kubeconfig=nobody)
    assert (finding.state, finding.seen) == ("fail", "Unauthorized")
    finding = place.ask("API server", sink="file", kubeconfig=nobody)
    assert (finding.state, finding.seen) == ("warn", "Unauthorized")
