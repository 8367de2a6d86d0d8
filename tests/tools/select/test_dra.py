"""``gfd select --dra`` as it is typed; tests/cluster gives what it prints to a real scheduler."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from gfd.clusterview.dra.model import Device, DeviceId
from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.simulation.machines import list_gpu_names
from gfd.tools.claim_templates.expressions import quote
from gfd.tools.select.dra.clauses import build_version
from gfd.tools.select.dra.memory_clauses import build_memory
from tests.clusterview.dra.objects import make_gpu, make_mig, make_slice
from tests.test_golden import read
from tests.tools import goldens
from tests.tools.make import Object, gpu_labels, node, write
from tests.tools.select.clusters import cluster
from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole

TAINT = {"key": "nvidia.com/gpu", "value": "x", "effect": "NoSchedule"}
OTHER = {"key": "dedicated", "value": "x", "effect": "NoExecute"}


def dra_cluster(tmp_path: Path, *more: Object) -> tuple[str, ...]:
    """Return the options that name a file with nodes and their ResourceSlices."""
    machines = {
        "h1": ("dgx-h100", "all-disabled"),
        "h2": ("h100", "all-disabled"),
        "m1": ("h100", "all-balanced"),
    }
    slices = [each for name, machine in machines.items() for each in make_slices(read(*machine), name)]
    nodes = [
        node("h1", taints=[TAINT]),
        node("h2", taints=[TAINT, OTHER]),
        node("m1"),
    ]
    return "--nodes", write(tmp_path / "nodes.json", *nodes, *slices, *more)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("equal", ["--product=H100", "--count=2"]),
        ("mig", ["--mig-profile=1g.10gb,2g.20gb", "--memory=>=9Gi", "--driver=>=550"]),
        ("without-nodes", ["--without-nodes", "--product=L4,p5.48xlarge", "--cuda=>=12.4,<14"]),
        ("json", ["--memory=80GB", "-o=json"]),
        ("yaml", ["--mig-memory=>=20GB", "-o=yaml"]),
    ],
)
def test_what_is_printed(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str]
) -> None:
    given = () if "--without-nodes" in words else dra_cluster(tmp_path)
    code, out, err = gfd("--dra", *given, *words)
    assert (code, err) == (0, "")
    goldens.check(request, f"select-dra-{name}", out)
    assert list(yaml.safe_load_all(out))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--product=H100", "--shared"],
            "--shared (command line): cannot be used with --dra: a Res",
        ),
        (
            ["--gpus-per-node=8"],
            "--gpus-per-node (command line): cannot be used with --dra: a Resour",
        ),
        (
            ["--product=H100", "--count=33"],
            "--count (command line): must be at most 32 with --dra, sin",
        ),
        (["--family=hoper"], "--family (command line): is not known: 'hoper'; "),
        (
            ["--product=H1000"],
            "--product (command line): neither a ResourceSlice nor gfd's table of GPUs has",
        ),
        (
            ["--product=Tesla-MIG-1g.10gb"],
            "--product (command line): 'Tesla-MIG-1g.10gb' names MIG devices; with --dra, write --product",
        ),
        (
            ["--product=Tesla-T4-SHARED"],
            "--product (command line): 'Tesla-T4-SHARED' names devices that pods share; with --dra, write ",
        ),
        (
            ["--mig-profile=1c.2g.20gb"],
            "--mig-profile (command line): 1c.2g.20gb: NVIDIA's DRA driver offers only MIG devices with ",
        ),
        (
            ["--mig-memory=>=96GB"],
            "--mig-memory (command line): >=96GB means no known MIG device; MIG devices there: 1g.10gb, 2g",
        ),
        (
            ["--product=A100,H100,L4", "--family=ampere,hopper,ada"],
            "--dra (command line): the values of --product, --family and --mig-profile make 9 alternatives",
        ),
    ],
)
def test_wishes_that_a_claim_cannot_express(gfd: Gfd, tmp_path: Path, words: list[str], message: str) -> None:
    code, out, err = gfd("--dra", *dra_cluster(tmp_path), *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {message}")


@pytest.mark.parametrize(
    ("words", "table", "reason"),
    [
        (
            ["--product=H100", "--memory=>=80Gi"],
            [
                "# --product H100   9        NVIDIA H100 80GB HBM3 (9)",
                "# --memory >=80Gi  0        81559Mi (9)",
            ],
            "no device in the ResourceSlices of 3 nodes meets --memory '>=80Gi'; closest: h1 and h2 have",
        ),
        (
            ["--mig-profile=7g.80gb"],
            ["# --mig-profile 7g.80gb  0        1g.10gb (2), 2g.20gb (1), 3g.40gb (1)"],
            "no device in the ResourceSlices of 3 nodes meets --mig-profile '7g.80gb'; closest: m1 has",
        ),
        (
            ["--product=H100", "--count=9"],
            [
                "# --product H100  9        NVIDIA H100 80GB HBM3 (9)",
                "# h1 cannot run the pod: it has 8 such devices, and --count asks for 9",
                "# h2 cannot run the pod: it has 1 such device, and --count asks for 9",
            ],
            "2 nodes with such devices, but none can run the pod; h1 has 8 such devices, and --count asks",
        ),
    ],
)
def test_no_node_can_run_the_pod(
    gfd: Gfd, tmp_path: Path, words: list[str], table: list[str], reason: str
) -> None:
    code, out, err = gfd("--dra", *dra_cluster(tmp_path), *words)
    assert code == 1
    assert [line.rstrip() for line in out.splitlines()[1:]] == table
    assert err.startswith(f"gfd: {reason}")


def test_devices_with_taints_are_not_counted(gfd: Gfd, tmp_path: Path) -> None:
    taints = [{"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}]
    sick = make_slice("x1", make_gpu(0, taints=taints))
    path = write(tmp_path / "nodes.json", node("x1"), sick)
    code, _, err = gfd("--dra", "--nodes", path, "--exclusive")
    reason = (
        "x1 has 0 such devices, and --count asks for 1; 1 more has a taint: gpu.nvidia.com/xid=79:NoSchedule"
    )
    assert code == 1
    assert err == f"gfd: 1 node with such devices, but none can run the pod; {reason}\n"


def test_nodes_without_slices_are_not_compared(gfd: Gfd, tmp_path: Path) -> None:
    code, out, err = gfd("--dra", *cluster(tmp_path), "--product=H100")
    assert (code, err) == (0, "")
    assert "# not compared with any devices: no node has ResourceSlices of gpu.nvidia.com\n" in out
    assert "productName in ['NVIDIA H100 80GB HBM3', 'NVIDIA H100 NVL']" in out
    code, out, err = gfd("--dra", *cluster(tmp_path), "--mig-memory=10GB")
    assert code == 2
    assert "no ResourceSlice has MIG devices; name a profile with --mig-profile" in err


def test_without_dra_the_slices_are_named(gfd: Gfd, tmp_path: Path) -> None:
    labels = gpu_labels("NVIDIA-H100-80GB-HBM3", 2)
    mig = gpu_labels("H100", 1, mig__1g_10gb_count="2", mig__1g_10gb_sharing__strategy="none")
    slices = make_slice("x1", make_gpu(0), make_gpu(1)), make_slice("m1", make_mig(0, "1g.10gb", 0))
    path = write(tmp_path / "nodes.json", node("x1", labels), node("m1", mig), *slices)
    for words, name, count, resource in (
        (["--product=NVIDIA-H100-80GB-HBM3"], "x1", 2, "nvidia.com/gpu"),
        (["--mig-profile=1g.10gb"], "m1", 1, "nvidia.com/mig-1g.10gb"),
    ):
        code, _, err = gfd("--nodes", path, *words)
        assert code == 1
        assert f"{name} matches, but cannot run the pod: it offers 0 {resource} by a device plugin" in err
        assert f", but {count} in ResourceSlices: write a claim with --dra, or ask gfd match whether" in err


def test_an_unknown_product_is_taken_as_written(gfd: Gfd) -> None:
    code, out, _ = gfd("--dra", "--without-nodes", "--product=NVIDIA It's \\ new")
    assert code == 0
    assert "# gfd does not know the GPU NVIDIA It's \\ new; compare the name with productName in a " in out
    template = next(yaml.safe_load_all(out))
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    (selector,) = request["exactly"]["selectors"]
    assert selector["cel"]["expression"].endswith(r"productName == 'NVIDIA It\'s \\ new'")
    assert quote("a\nb") == r"'a\U0000000ab'"


@pytest.mark.parametrize(
    "words",
    [
        [f"--product={list_gpu_names()[0]}", "--memory=>=1Mi,<=2Ti,>3.5Gi"],
        [f"--product={','.join(list_gpu_names()[:8])}", "--count=32"],
        ["--product=A100 80GB,A100-80GB"],
        ["--mig-profile=1g.10gb+me,1g.10gb.me.all", "--compute=>=8.0"],
    ],
    ids=["long", "many", "twice", "mig"],
)
def test_names_are_legal(gfd: Gfd, words: list[str]) -> None:
    code, out, err = gfd("--dra", "--without-nodes", "-o=json", *words)
    assert (code, err) == (0, "")
    (answer,) = json.loads(out)["answers"]
    template = answer["resourceClaimTemplate"]
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    names = [each["name"] for each in request.get("firstAvailable", ())]
    assert len(set(names)) == len(names)
    for name in (template["metadata"]["name"], request["name"], *names):
        assert re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
    assert answer["spec"]["resourceClaims"][0]["resourceClaimTemplateName"] == template["metadata"]["name"]


def test_a_device_without_an_attribute_meets_no_clause_about_it() -> None:
    bare = Device(id=DeviceId(driver="gpu.nvidia.com", pool="p", device="d"))
    assert not build_version("--driver", [">=0"]).accepts(bare)
    assert not build_memory([">=0Mi"], is_mig=False).accepts(bare)
    assert build_memory([">=0Mi"], is_mig=False).expression == "has(device.capacity['gpu.nvidia.com'].memory)"
