"""What ``gfd match --to-dra`` prints runs on the same nodes as the pod before, by a real scheduler."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from gfd import cli
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.dra import CLAIMS, DRA, PODS, find_node, installed_classes, machine_nodes
from tests.cluster.objects import Object, delete
from tests.cluster.scheduling import create_pods, wait_until_looked_at
from tests.test_golden import label, read

pytestmark = pytest.mark.cluster

TEMPLATES = f"{DRA}/namespaces/default/resourceclaimtemplates"
MACHINES = {
    "td-h100": ("dgx-h100", "all-disabled"),
    "td-a100": ("dgx-a100", "all-disabled"),
    "td-ada": ("rtx-6000-ada", "all-disabled"),
    "td-single": ("h100", "all-7g.80gb"),
    "td-mixed": ("h100", "all-balanced"),
    # Its GPU has no memory in its slice, so an expression that reads it without a guard fails everywhere.
    "td-spark": ("dgx-spark", "all-disabled"),
}
H100, A100, ADA, SINGLE, MIXED, SPARK = MACHINES
STRATEGIES = {SINGLE: "single", MIXED: "mixed"}
OFFERS = {
    H100: {"gpu": 8},
    A100: {"gpu": 8},
    ADA: {"gpu": 1},
    SINGLE: {"gpu": 1},
    MIXED: {"mig-1g.10gb": 2, "mig-2g.20gb": 1, "mig-3g.40gb": 1},
    SPARK: {"gpu": 1},
}
ZONES = {H100: "a", A100: "b", ADA: "a", SINGLE: "b", MIXED: "a", SPARK: "b"}

ToDra = Callable[..., tuple[int | None, str, str]]


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster whose nodes offer each device twice: by a device plugin with labels, and in slices."""
    labels = {
        name: {**label(read(*machine), STRATEGIES.get(name, "none")), "zone": ZONES[name]}
        for name, machine in MACHINES.items()
    }
    with installed_classes(scheduled), machine_nodes(scheduled, MACHINES, labels, OFFERS):
        yield scheduled


@pytest.fixture
def to_dra(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> ToDra:
    def run(*words: str) -> tuple[int | None, str, str]:
        code = cli.run(("match", "--to-dra", f"--kubeconfig={plane.kubeconfig}", *words), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def make_pod(text: str) -> Object:
    """Return a pod; without containers in ``text``, it has one with a GPU."""
    spec = yaml.safe_load(text)
    spec.setdefault("containers", [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 1}}}])
    for each in (*spec["containers"], *spec.get("initContainers", ())):
        each["image"] = "none"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "before"}, "spec": spec}


def pin(pod: Object, name: str, node: str) -> Object:
    """Return a copy of the pod for one node."""
    copy: Object = json.loads(json.dumps(pod))
    copy["metadata"]["name"] = name
    copy["spec"].setdefault("nodeSelector", {})["kubernetes.io/hostname"] = node
    return copy


def find_nodes(plane: ControlPlane, before: Object, after: Object) -> tuple[set[str], set[str]]:
    """Return the nodes on which the scheduler places each of the two pods."""
    pods = {
        f"pinned-{kind}-{node}": pin(pod, f"pinned-{kind}-{node}", node)
        for kind, pod in (("before", before), ("after", after))
        for node in MACHINES
    }
    create_pods(plane.admin, pods.values())
    found = wait_until_looked_at(plane.admin, "pinned-", len(pods))

    def list_placed(kind: str) -> set[str]:
        return {name for name in MACHINES if found[f"pinned-{kind}-{name}"]["spec"].get("nodeName")}

    placed = list_placed("before"), list_placed("after")
    for name in pods:
        delete(plane.admin, f"{PODS}/{name}")
    wait_for(lambda: not list(plane.admin.list(CLAIMS)), "the claims to go")
    return placed


def require(*terms: str) -> str:
    """Return a required nodeAffinity; each term is a list of ``key operator values``."""
    built = []
    for term in terms:
        expressions = []
        for each in term.split("; "):
            key, operator, *values = each.split()
            expressions.append({"key": key, "operator": operator, **({"values": values} if values else {})})
        built.append({"matchExpressions": expressions})
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": built}}
    return json.dumps({"affinity": {"nodeAffinity": required}})


H100_NAME, A100_NAME, ADA_NAME = (
    "NVIDIA-H100-80GB-HBM3",
    "NVIDIA-A100-SXM4-40GB",
    "NVIDIA-RTX-6000-Ada-Generation",
)
SLICE_NAME = f"{H100_NAME}-MIG-7g.80gb"
PRODUCT, MEMORY, MAJOR, MINOR = (
    "nvidia.com/gpu.product",
    "nvidia.com/gpu.memory",
    "nvidia.com/gpu.compute.major",
    "nvidia.com/gpu.compute.minor",
)
SLICES = "containers: [{name: main, resources: {limits: {nvidia.com/mig-1g.10gb: 2}}}]\n"
SEVERAL_CONTAINERS = f"""
nodeSelector: {{{MAJOR}: "9"}}
initContainers:
- {{name: i, resources: {{limits: {{nvidia.com/gpu: 7}}}}}}
- {{name: s, resources: {{limits: {{nvidia.com/gpu: 1}}}}, restartPolicy: Always}}
- {{name: j, resources: {{limits: {{nvidia.com/gpu: 5}}}}}}
containers:
- {{name: a, resources: {{limits: {{nvidia.com/gpu: 3}}}}}}
- {{name: b, resources: {{limits: {{nvidia.com/gpu: 2}}}}}}
"""
PODS_AND_NODES = {
    "product": (f"nodeSelector: {{{PRODUCT}: {H100_NAME}, zone: a}}", {H100}),
    "single": (f"nodeSelector: {{{PRODUCT}: {SLICE_NAME}, nvidia.com/mig.strategy: single}}", {SINGLE}),
    "products": (require(f"{PRODUCT} In {H100_NAME} {ADA_NAME}; {MEMORY} Gt 48000"), {H100, ADA}),
    "alternatives with nodes": (
        require(f"{PRODUCT} In {H100_NAME}; zone In b", f"{PRODUCT} In {ADA_NAME} {A100_NAME}; zone In a"),
        {ADA},
    ),
    "gpu or slice": (require(f"{PRODUCT} In {H100_NAME}", f"{PRODUCT} In {SLICE_NAME}"), {H100, SINGLE}),
    "alternatives": (require(f"{MAJOR} In 8; {MINOR} Gt 0", f"{MAJOR} Gt 9"), {ADA, SPARK}),
    "without memory": (require(f"{MEMORY} DoesNotExist"), {SPARK}),
    "not": (require(f"{PRODUCT} NotIn {H100_NAME} {SLICE_NAME}; {MEMORY} Lt 45000"), {A100}),
    "family": (require("nvidia.com/gpu.family NotIn hopper blackwell; zone In a b"), {A100, ADA}),
    "versions": (
        require(
            "nvidia.com/cuda.driver-version.major Gt 560; nvidia.com/cuda.runtime.major In 13; "
            "nvidia.com/gpu.count In 8"
        ),
        {H100},
    ),
    "slices": (SLICES, {MIXED}),
    "slices of a product": (
        SLICES + f"nodeSelector: {{{PRODUCT}: {H100_NAME}, nvidia.com/mig.strategy: mixed}}",
        {MIXED},
    ),
    "parts of slices": (
        SLICES + "nodeSelector: {nvidia.com/mig-1g.10gb.multiprocessors: '16', "
        "nvidia.com/mig-2g.20gb.count: '1'}",
        {MIXED},
    ),
    # 8 GPUs: of the sidecar, and of the init container before it. A claim for each container takes 18.
    "several containers": (SEVERAL_CONTAINERS, {H100}),
}


@pytest.mark.parametrize("name", PODS_AND_NODES)
def test_the_pods_run_on_the_same_nodes(
    plane: ControlPlane, to_dra: ToDra, tmp_path: Path, name: str
) -> None:
    text, nodes = PODS_AND_NODES[name]
    before = make_pod(text)
    (tmp_path / "pod.json").write_text(json.dumps(before))
    code, out, err = to_dra(str(tmp_path / "pod.json"), "-o=json")
    assert (code, err) == (0, "")
    template, after = json.loads(out)["items"]
    plane.admin.request("POST", TEMPLATES, template, query={"fieldValidation": "Strict"})
    found = find_nodes(plane, before, after)
    delete(plane.admin, f"{TEMPLATES}/{template['metadata']['name']}")
    assert found == (nodes, nodes)


def test_a_pod_of_the_cluster_is_replaced(plane: ControlPlane, to_dra: ToDra, tmp_path: Path) -> None:
    """The fields of the API server are not in the way: kubectl applies what gfd makes of its own output."""
    before = make_pod(f"nodeSelector: {{{PRODUCT}: {H100_NAME}}}")
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(before))
    wait_for(lambda: find_node(plane, "before"), "the scheduler to place the pod")
    file = tmp_path / "pod.yaml"
    file.write_text(plane.kubectl("get", "pod", "before", "-o", "yaml"))
    for form in "yaml", "json":
        code, out, err = to_dra(str(file), "-o", form)
        assert (code, err) == (0, "")
        assert "first run kubectl delete pod before -n default" in out
        delete(plane.admin, f"{PODS}/before")
        assert "pod/before created" in plane.kubectl("apply", "-f", "-", stdin=out)
        wait_for(lambda: find_node(plane, "before"), "the scheduler to place the pod")
        assert find_node(plane, "before") == H100
        (claim,) = plane.admin.list(CLAIMS)
        assert len(claim["status"]["allocation"]["devices"]["results"]) == 1
    # What has claims already stays as it is.
    file.write_text(out)
    code, out, err = to_dra(str(file), "-o=json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [each["kind"] for each in found["items"]] == ["ResourceClaimTemplate", "Pod"]
    assert found["remarks"][0]["reason"].startswith("has resourceClaims already")
    delete(plane.admin, f"{PODS}/before")
    delete(plane.admin, f"{TEMPLATES}/before-gpu")
    wait_for(lambda: not list(plane.admin.list(CLAIMS)), "the claims to go")


def test_the_api_server_takes_what_gfd_knows_least_about(
    plane: ControlPlane, to_dra: ToDra, tmp_path: Path
) -> None:
    """The name of a GPU that is nowhere, and all operators on all parts of versions in eight alternatives."""
    keys = ("gpu.compute.major", "cuda.driver-version.minor", "cuda.runtime-version.full", "gpu.memory")
    terms = [
        "; ".join(f"nvidia.com/{key} {operator}" for key in (*keys, "gpu.product"))
        for operator in ("In 1 2", "NotIn 3", "Exists", "DoesNotExist")
    ]
    names = " ".join(f"NVIDIA-New-{number}" for number in range(8))
    text = require(*terms, f"{PRODUCT} In {names}", f"{MEMORY} Gt 5", f"{MEMORY} Lt 5")
    (tmp_path / "pod.json").write_text(json.dumps(make_pod(text)))
    code, out, _ = to_dra(str(tmp_path / "pod.json"), "-o=json")
    assert code == 0
    template, _ = json.loads(out)["items"]
    plane.admin.request("POST", TEMPLATES, template, query={"fieldValidation": "Strict", "dryRun": "All"})
