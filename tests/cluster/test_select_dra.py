"""What ``gfd select --dra`` prints: a real API server accepts it, and the scheduler allocates the devices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from gfd import cli
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.dra import CLAIMS, DRA, PODS, find_node, installed_classes, machine_nodes
from tests.cluster.objects import Object, delete
from tests.tools.make import gpu_labels

pytestmark = pytest.mark.cluster

TEMPLATES = f"{DRA}/namespaces/default/resourceclaimtemplates"
MACHINES = {
    "sel-h100": ("dgx-h100", "all-disabled"),
    "sel-a100": ("dgx-a100", "all-disabled"),
    "sel-ada": ("rtx-6000-ada", "all-disabled"),
    "sel-mig": ("h100", "all-balanced"),
    # Its GPU has no memory in its slice, so a selector that reads it without a guard fails everywhere.
    "sel-spark": ("dgx-spark", "all-disabled"),
}
H100, A100, ADA, MIG, SPARK = MACHINES

Select = Callable[..., tuple[int | None, str, str]]


@pytest.fixture(scope="module")
def plane(scheduled: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster with NVIDIA's DeviceClasses, and a node with slices for each machine."""
    labels = {H100: gpu_labels("NVIDIA-H100-80GB-HBM3", 8, gpu_sharing__strategy="none")}
    with installed_classes(scheduled), machine_nodes(scheduled, MACHINES, labels):
        yield scheduled


@pytest.fixture
def select(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> Select:
    """Run gfd select --dra on the cluster."""

    def run(*words: str) -> tuple[int | None, str, str]:
        given = () if "--without-nodes" in words else (f"--kubeconfig={plane.kubeconfig}",)
        code = cli.run(("select", "--dra", *given, *words), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def use(plane: ControlPlane, answer: Object) -> None:
    """Create the template and a pod with the printed fields."""
    options = {"fieldValidation": "Strict"}
    plane.admin.request("POST", TEMPLATES, answer["resourceClaimTemplate"], query=options)
    spec = json.loads(json.dumps(answer["spec"]))
    spec["containers"][0]["image"] = "main"
    plane.admin.request("POST", PODS, {"metadata": {"name": "pasted"}, "spec": spec}, query=options)


def list_claims(plane: ControlPlane) -> list[Object]:
    return list(plane.admin.list(CLAIMS))


def remove(plane: ControlPlane, answer: Object) -> None:
    delete(plane.admin, f"{PODS}/pasted")
    delete(plane.admin, f"{TEMPLATES}/{answer['resourceClaimTemplate']['metadata']['name']}")
    wait_for(lambda: not [each for each in list_claims(plane) if is_pasted(each)], "the claim to go")


def is_pasted(claim: Object) -> bool:
    return bool(claim["metadata"]["name"].startswith("pasted-"))


@pytest.mark.parametrize(
    ("words", "nodes", "used", "count"),
    [
        (["--product=H100", "--count=3"], {H100: 8}, [H100], 3),
        (["--product=A100", "--memory=>=40GB", "--driver=>=450", "--cuda=>=11"], {A100: 8}, [A100], 1),
        # On each node, the scheduler takes the first alternative that the node has.
        (["--product=RTX 6000 Ada,H100"], {H100: 8, ADA: 1}, [ADA, H100], 1),
        (["--product=T4,A100", "--count=8"], {A100: 8}, [A100], 8),
        (["--family=ada", "--compute=8.9"], {ADA: 1}, [ADA], 1),
        (["--memory=48GB,80GB", "--compute=<9"], {ADA: 1}, [ADA], 1),
        (["--memory=>40Gi,<=48Gi"], {ADA: 1}, [ADA], 1),
        (["--compute=>9.0,<=12.1"], {SPARK: 1}, [SPARK], 1),
        (["--exclusive", "--memory=80GB", "--count=8"], {H100: 8}, [H100], 8),
        (["--mig-profile=1g.10gb", "--memory=>=9Gi", "--count=2"], {MIG: 2}, [MIG], 2),
        (["--mig-profile=7g.80gb,3g.40gb", "--product=H100"], {MIG: 1}, [MIG], 1),
        (["--mig-memory=>=20GB,<40GB"], {MIG: 1}, [MIG], 1),
        (["--mig-memory=>=38Gi,<1Ti", "--product=H100"], {MIG: 1}, [MIG], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_pasted_pod_gets_its_devices(
    plane: ControlPlane,
    select: Select,
    words: list[str],
    nodes: dict[str, int],
    used: list[str],
    count: int,
) -> None:
    code, out, err = select("-o=json", *words)
    assert (code, err) == (0, "")
    (answer,) = json.loads(out)["answers"]
    assert {each["node"]: each["devices"] for each in answer["nodes"]} == nodes
    use(plane, answer)
    wait_for(lambda: find_node(plane, "pasted"), "the scheduler to place the pod")
    node = find_node(plane, "pasted")
    assert node in used
    (claim,) = filter(is_pasted, list_claims(plane))
    results = claim["status"]["allocation"]["devices"]["results"]
    assert [each["pool"] for each in results] == [node] * count
    # The text that is pasted says the same.
    template, pod = yaml.safe_load_all(select(*words)[1])
    assert (template, pod["spec"]) == (answer["resourceClaimTemplate"], answer["spec"])
    remove(plane, answer)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--memory=>=90GB"], "--memory '>=90GB'; closest: sel-h100 has 81559 MiB, 1.7 % less"),
        (["--product=H100", "--driver=<400"], "--driver '<400'; closest: sel-a100 has 570.148.8"),
        (["--product=L4"], "--product 'L4'; closest: sel-ada has NVIDIA-RTX-6000-Ada-Generation"),
        (["--product=H100", "--count=9"], "sel-h100 has 8 such devices, and --count asks for 9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_no_device_meets_the_wish(plane: ControlPlane, select: Select, words: list[str], reason: str) -> None:
    code, out, err = select("-o=json", *words)
    assert (code, json.loads(out)["answers"]) == (1, [])
    assert err.endswith(f"{reason}\n")
    # The scheduler agrees: it looks at all devices, and no selector fails on one that lacks an attribute.
    (answer,) = json.loads(select("-o=json", "--without-nodes", *words)[1])["answers"]
    use(plane, answer)

    def find_refusal() -> Any:
        conditions = plane.admin.request("GET", f"{PODS}/pasted")["status"].get("conditions") or ()
        return [each for each in conditions if each["type"] == "PodScheduled"]

    wait_for(find_refusal, "the scheduler to refuse the pod")
    (refusal,) = find_refusal()
    assert refusal["reason"] == "Unschedulable"
    assert "cannot allocate all claims" in refusal["message"]
    remove(plane, answer)


def test_without_dra_the_slices_are_named(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("select", "--product=H100", f"--kubeconfig={plane.kubeconfig}"), {}) == 1
    offered = "offers 0 nvidia.com/gpu by a device plugin, but 8 in ResourceSlices: write a claim with --dra"
    assert f"{H100} matches, but cannot run the pod: it {offered}" in capsys.readouterr().err


def test_devices_that_claims_hold_are_not_free(plane: ControlPlane, select: Select) -> None:
    words = ("--product=H100", "--count=5", "-o=json")
    (answer,) = json.loads(select(*words)[1])["answers"]
    use(plane, answer)
    wait_for(lambda: find_node(plane, "pasted"), "the scheduler to place the pod")
    (answer,) = json.loads(select(*words)[1])["answers"]
    assert [(each["devices"], each["free"]) for each in answer["nodes"]] == [(8, 3)]
    remove(plane, answer)
