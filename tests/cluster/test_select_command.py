"""The manifests of ``gfd select``: a real API server accepts them, and the scheduler obeys them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd import cli
from gfd.clusterview.nodes import Node, read_node
from gfd.errors import ConfigError
from gfd.kube.client import Api
from gfd.tools.select.manifest import build_spec
from gfd.tools.select.query import DeviceQuery
from gfd.tools.select.selection import Variant, select
from tests.cluster.controlplane import ControlPlane, control_plane, wait_for
from tests.cluster.objects import NODES, delete, namespace
from tests.tools.make import gpu_labels

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"
A100, H100 = "NVIDIA-A100-PCIE-40GB", "NVIDIA-H100-80GB-HBM3"
GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"


def mixed(profile: str, count: int) -> dict[str, str]:
    labels = {
        "count": str(count),
        "memory": "4864",
        "product": f"{A100}-MIG-{profile}",
        "sharing-strategy": "none",
    }
    return {f"nvidia.com/mig-{profile}.{key}": value for key, value in labels.items()}


def driver(major: str, minor: str, revision: str) -> dict[str, str]:
    parts = {"major": major, "minor": minor, "revision": revision}
    return {f"cuda_driver__version_{key}": value for key, value in parts.items()}


HOPPER = {"gpu_memory": "81559", "gpu_compute_major": "9", "gpu_family": "hopper"}
SHARED = {"gpu_replicas": "4", "gpu_sharing__strategy": "time-slicing"}
CLUSTER: dict[str, tuple[dict[str, str], dict[str, int], str]] = {
    "a1": (gpu_labels(A100, 2, gpu_memory="40536"), {"gpu": 2}, ""),
    "a2": (gpu_labels("A100-PCIE-40GB", 2, gpu_memory="40536", **driver("460", "73", "01")), {"gpu": 2}, ""),
    "h1": (gpu_labels(H100, 8, **HOPPER), {"gpu": 8}, GPU),
    "h2": (gpu_labels(H100, 8, **HOPPER), {"gpu": 8}, "dedicated"),
    "s1": (
        gpu_labels(f"{A100}-MIG-1g.5gb", 7, gpu_memory="4864", gpu_slices_gi="1", mig_strategy="single"),
        {"gpu": 7},
        "",
    ),
    "m1": (gpu_labels(A100, 1, gpu_memory="40536") | mixed("1g.5gb", 7), {"gpu": 0, "mig-1g.5gb": 7}, ""),
    "m2": (gpu_labels(A100, 2, gpu_memory="40536") | mixed("1g.5gb", 7), {"gpu": 1, "mig-1g.5gb": 7}, ""),
    "l1": (gpu_labels("NVIDIA-L40S", 4, gpu_memory="46068", gpu_compute_minor="9"), {"gpu": 4}, ""),
    "l2": (
        gpu_labels(
            "NVIDIA-L40S", 4, gpu_memory="46068", gpu_compute_minor="9", **driver("550", "05", ""), **SHARED
        ),
        {"gpu.shared": 8},
        "",
    ),
    "t1": (
        gpu_labels(
            "Tesla-T4-SHARED", 1, gpu_memory="15360", gpu_compute_major="7", gpu_compute_minor="5", **SHARED
        ),
        {"gpu": 4},
        "",
    ),
    "bad": (gpu_labels(A100, 1, gpu_memory="40536mib", gpu_compute_major="eight"), {"gpu": 1}, ""),
    "none": ({}, {}, ""),
}
"""Labels, devices by resource without prefix, and the key of a taint."""


def create(api: Api, name: str, labels: Mapping[str, str], offers: Mapping[str, int], taint: str) -> None:
    amounts = {
        "pods": "50",
        "cpu": "64",
        "memory": "64Gi",
        **{f"nvidia.com/{key}": str(count) for key, count in offers.items()},
    }
    taints = [{"key": taint, "value": "x", "effect": "NoSchedule"}] if taint else []
    api.request(
        "POST",
        NODES,
        {
            "metadata": {"name": name, "labels": {**labels, "kubernetes.io/hostname": name}},
            "spec": {"taints": taints},
            "status": {"capacity": amounts, "allocatable": amounts},
        },
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("cluster")) as plane:
        plane.start_scheduling()
        namespace(plane.admin, "default")
        for name, (labels, offers, taint) in CLUSTER.items():
            create(plane.admin, name, labels, offers, taint)

        def are_ready() -> bool:
            taints = [taint for item in plane.admin.list(NODES) for taint in item["spec"].get("taints") or ()]
            return not [taint for taint in taints if taint["key"].startswith("node.kubernetes.io/")]

        wait_for(are_ready, "nodes that are ready")
        yield plane
        plane.check()


def run_gfd(*words: str) -> tuple[int | None, str, str]:
    """Run gfd in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run(words, {})
    return code, out.getvalue(), err.getvalue()


def run(plane: ControlPlane, *words: str) -> tuple[int | None, str, str]:
    return run_gfd("select", f"--kubeconfig={plane.kubeconfig}", *words)


def match(plane: ControlPlane, tmp_path: Path, document: dict[str, Any]) -> list[str]:
    """Return the nodes that a pod with the printed spec fits, by ``gfd match``."""
    path = tmp_path / "pod.yaml"
    path.write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **document})
    )
    code, out, err = run_gfd("match", f"--kubeconfig={plane.kubeconfig}", "-o=json", str(path))
    assert (code, err) == (0, "")
    (pod,) = json.loads(out)["pods"]
    return sorted(each["name"] for each in pod["nodes"] if each["fits"])


def place(plane: ControlPlane, spec: dict[str, Any]) -> list[str]:
    """Let as many pods as there are nodes be scheduled, each on its own; return the nodes that took one."""
    apart = {"labelSelector": {"matchLabels": {"app": "pasted"}}, "topologyKey": "kubernetes.io/hostname"}
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    pasted = json.loads(json.dumps(spec))
    pasted["affinity"] = {**pasted.get("affinity", {}), **rule}
    pasted["containers"][0]["image"] = "main"
    names = [f"pasted-{number}" for number in range(len(CLUSTER))]
    for name in names:
        body = {"metadata": {"name": name, "labels": {"app": "pasted"}}, "spec": pasted}
        plane.admin.request("POST", PODS, body)

    def pods() -> list[dict[str, Any]]:
        return list(plane.admin.list(PODS, query={"labelSelector": "app=pasted"}))

    def are_decided() -> bool:
        return all(
            pod["spec"].get("nodeName")
            or any(each["type"] == "PodScheduled" for each in pod["status"].get("conditions") or ())
            for pod in pods()
        )

    wait_for(are_decided, "the scheduler")
    used = sorted(pod["spec"]["nodeName"] for pod in pods() if pod["spec"].get("nodeName"))
    for name in names:
        delete(plane.admin, f"{PODS}/{name}")
    wait_for(lambda: not pods(), "the pods to go")
    return used


CASES: list[tuple[list[str], dict[str, list[str]]]] = [
    (["--product", "A100"], {GPU: ["a1", "a2", "bad", "m2"]}),
    (["--product", "A100", "--count", "2"], {GPU: ["a1", "a2"]}),
    (["--product", "H100"], {GPU: ["h1"]}),
    (["--product", "L40S,H100", "--product", "a2-highgpu-1g"], {GPU: ["h1", "l1"]}),
    (["--product", "nvidia-h100-80gb"], {GPU: ["h1"]}),
    (["--product", "p5.48xlarge", "--gpus-per-node", "8"], {GPU: ["h1"]}),
    (["--product", "T4", "--shared"], {GPU: ["t1"]}),
    (["--family", "hopper"], {GPU: ["h1"]}),
    (["--family", "ampere,hopper", "--memory", ">=48GB"], {GPU: ["h1", "l1"]}),
    (["--memory", ">=40Gi"], {GPU: ["h1", "l1"]}),
    (["--memory", ">=40Gi", "--shared"], {f"{GPU}.shared": ["l2"]}),
    (["--memory", "40GB,80GB"], {GPU: ["a1", "a2", "h1", "m2"]}),
    (["--memory", ">=40536Mi,<46068Mi"], {GPU: ["a1", "a2", "m2"]}),
    (["--memory", "=4864Mi"], {GPU: ["s1"]}),
    (["--compute", ">=8.0"], {GPU: ["a1", "a2", "h1", "l1", "m2", "s1"]}),
    (["--compute", ">=8.0", "--exclusive"], {GPU: ["a1", "a2", "h1", "l1", "m2"]}),
    (["--compute", "8.9,9.0"], {GPU: ["h1", "l1"]}),
    (["--compute", "<8.0", "--shared"], {GPU: ["t1"]}),
    (["--shared"], {GPU: ["t1"], f"{GPU}.shared": ["l2"]}),
    (["--exclusive"], {GPU: ["a1", "a2", "bad", "h1", "l1", "m2"]}),
    (["--gpus-per-node", "4"], {GPU: ["h1", "l1"]}),
    (["--driver", ">=550", "--shared"], {f"{GPU}.shared": ["l2"]}),
    (["--driver", "<460.73.2", "--cuda", "=12.2"], {GPU: ["a2"]}),
    (["--driver", "=460.73.1"], {GPU: ["a2"]}),
    (["--driver", ">=535.129.03", "--product", "L40S"], {GPU: ["l1"]}),
    (["--mig-profile", "1g.5gb"], {GPU: ["s1"], MIG: ["m1", "m2"]}),
    (["--mig-memory", "5GB"], {GPU: ["s1"], MIG: ["m1", "m2"]}),
    (["--mig-memory", ">4Gi", "--product", "A100"], {GPU: ["s1"], MIG: ["m1", "m2"]}),
    (
        ["--mig-profile", "1g.5gb,2g.10gb", "--product", "A100", "--memory", ">4Gi"],
        {GPU: ["s1"], MIG: ["m1", "m2"]},
    ),
]


@pytest.mark.parametrize(
    ("words", "expected"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_pasted_pod_runs_on_the_printed_nodes(
    cluster: ControlPlane, tmp_path: Path, words: list[str], expected: dict[str, list[str]]
) -> None:
    code, out, err = run(cluster, *words, "-o=json")
    assert (code, err) == (0, "")
    answers = json.loads(out)["answers"]
    assert {each["resource"]: sorted(node["node"] for node in each["nodes"]) for each in answers} == expected
    for variant in answers:
        assert place(cluster, variant["spec"]) == expected[variant["resource"]]
    # The text that is pasted says the same, and gfd match names the same nodes.
    documents = list(yaml.safe_load_all(run(cluster, *words)[1]))
    assert [each["spec"] for each in documents] == [each["spec"] for each in answers]
    matched = [match(cluster, tmp_path, each) for each in documents]
    assert matched == [expected[variant["resource"]] for variant in answers]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["--product=A100", "--memory", ">=40Gi"],
            "no node meets all criteria; a1 comes closest, but for --memory '>=40Gi' it has 40536 MiB, 1.0 %",
        ),
        (
            ["--product=H100", "--count=9"],
            "2 nodes match, but none can run the pod; h1 offers 8 nvidia.com/gpu, and --count asks for 9",
        ),
        (
            ["--product=T4"],
            "--product 'T4' matches none of 11 nodes with GPUs; closest: t1 has Tesla-T4-SHARED",
        ),
    ],
)
def test_no_node_matches(cluster: ControlPlane, words: list[str], reason: str) -> None:
    code, _, err = run(cluster, *words)
    assert code == 1
    assert err.startswith(f"gfd: {reason}")


def test_free_devices(cluster: ControlPlane) -> None:
    limits = {"limits": {GPU: "1"}}
    spec = {"nodeName": "a1", "containers": [{"name": "main", "image": "main", "resources": limits}]}
    cluster.admin.request("POST", PODS, {"metadata": {"name": "busy"}, "spec": spec})
    found = json.loads(run(cluster, "--product=A100", "-o=json")[1])["answers"][0]["nodes"]
    assert [(each["node"], each["free"]) for each in found] == [("a2", 2), ("a1", 1), ("bad", 1), ("m2", 1)]
    delete(cluster.admin, f"{PODS}/busy")


def some(source: random.Random, *texts: str) -> tuple[str, ...]:
    return tuple(source.sample(texts, source.choice([0, 1, 1, 2])))


def random_query(source: random.Random) -> DeviceQuery:
    def version(*parts: int) -> str:
        sign = source.choice([">=", "<=", ">", "<", "="])
        return sign + ".".join(
            str(source.randint(0, most)) for most in parts[: source.randint(1, len(parts))]
        )

    return DeviceQuery(
        products=some(source, "A100", "L40S", "T4", "g4dn.xlarge"),
        families=some(source, "ampere", "hopper", "turing"),
        mig_profiles=some(source, "1g.5gb", "2g.10gb") if source.random() < 0.3 else (),
        memory=some(source, ">=0Mi", ">=4Gi", "<1Ti", ">0.1Gi", "40GB", ">=16GB"),
        gpus_per_node=source.choice([0, 0, 1, 4]),
        is_shared=source.random() < 0.3,
        compute=some(source, version(12, 12), ">=0.0", "<=9"),
        driver=some(source, version(600, 60, 20), ">=0", "<550.0.3"),
        cuda=some(source, version(13, 9), ">=12"),
        count=source.randint(1, 3),
    )


def nodes_of(plane: ControlPlane) -> list[Node]:
    return [read_node(item) for item in plane.admin.list(NODES)]


def find_variants(query: DeviceQuery, nodes: list[Node] | None) -> tuple[Variant, ...]:
    try:
        return select(query, nodes).variants
    except ConfigError:  # its comparisons exclude each other
        return ()


def test_every_printed_manifest_is_accepted(cluster: ControlPlane) -> None:
    """Numbers below 0, values that no label can have and empty lists are never printed."""
    source, nodes, accepted = random.Random(6), nodes_of(cluster), 0
    for _ in range(400):
        query = random_query(source)
        for variant in (*find_variants(query, nodes), *find_variants(query, None)):
            spec = build_spec(variant, query.count)
            spec["containers"][0]["image"] = "main"
            body = {"metadata": {"name": "dry"}, "spec": spec}
            options = {"dryRun": "All", "fieldValidation": "Strict"}
            cluster.admin.request("POST", PODS, body, query=options)
            accepted += 1
    assert accepted > 200
