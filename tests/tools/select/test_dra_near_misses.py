"""What ``gfd select --dra`` says about devices that are near a wish, and about devices with taints."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.clusterview.kubectl import read_nodes
from gfd.tools.select.dra.device_labels import label_devices
from gfd.tools.select.dra.selection import select
from gfd.tools.select.query import DeviceQuery
from gfd.tools.select.selection import build_terms, matches
from gfd.tools.select.selection import select as select_by_labels
from tests.clusterview.dra.objects import make_gpu, make_slice
from tests.test_golden import read
from tests.tools.make import node, write
from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole

XID = {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}
LOST = {"key": "gpu.nvidia.com/gpu-lost", "effect": "NoExecute"}
INFORMS = {"key": "example.com/old", "effect": "None"}


def test_devices_with_taints_have_a_column(gfd: Gfd, tmp_path: Path) -> None:
    devices = [
        make_gpu(0, taints=[XID]),
        make_gpu(1, taints=[XID, LOST]),
        make_gpu(2, taints=[INFORMS]),
        make_gpu(3),
    ]
    objects = (node("x1"), node("x2"), make_slice("x1", *devices), make_slice("x2", make_gpu(0)))
    path = write(tmp_path / "nodes.json", *objects)
    code, out, err = gfd("--dra", "--nodes", path, "--product=H100")
    assert (code, err) == (0, "")
    taints = "gpu.nvidia.com/gpu-lost:NoExecute:1,gpu.nvidia.com/xid=79:NoSchedule:2"
    table = [line for line in out.splitlines() if line.startswith(("# NODE", "# x"))]
    assert table == [
        "# NODE  PRODUCT                FREE  TAINTED",
        f"# x1    NVIDIA H100 80GB HBM3  2/2   {taints}",
        "# x2    NVIDIA H100 80GB HBM3  1/1",
    ]
    _, out, _ = gfd("--dra", "--nodes", path, "--product=H100", "-o=json")
    (answer,) = json.loads(out)["answers"]
    assert [(each["devices"], each["free"], each["tainted"]) for each in answer["nodes"]] == [
        (2, 2, 2),
        (1, 1, 0),
    ]
    _, _, err = gfd("--dra", "--nodes", path, "--product=H100", "--count=3")
    more = "2 more have taints: gpu.nvidia.com/gpu-lost:NoExecute, gpu.nvidia.com/xid=79:NoSchedule"
    assert err.endswith(f"x1 has 2 such devices, and --count asks for 3; {more}\n")


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (
            ["--product=A100"],
            "--product 'A100'; closest: g1/gpu-0 has NVIDIA-A10",
        ),
        (
            ["--product=H100", "--driver=>=590"],
            "--driver '>=590'; closest: g1/gpu-0, g1/gpu-1 and x1 have 580.95.5",
        ),
        (
            ["--product=H100", "--memory=<=40Gi"],
            "all criteria; x1 comes closest, but for --memory '<=40Gi' it has 81559 MiB",
        ),
        (
            ["--memory=<=1Gi"],
            "--memory '<=1Gi'; closest: g1/gpu-0 has 22731 MiB",
        ),
        (
            ["--compute=9.1"],
            "--compute '9.1'; closest: g1/gpu-0, g1/gpu-1 and x1 have 9.0",
        ),
    ],
)
def test_the_nearest_devices_are_named(gfd: Gfd, tmp_path: Path, words: list[str], nearest: str) -> None:
    a10 = make_gpu(0, name="NVIDIA A10", capacity={"memory": {"value": "22731Mi"}})
    spark = make_gpu(1, name="NVIDIA GB10", capacity={})
    objects = (node("g1"), node("x1"), make_slice("g1", a10, spark), make_slice("x1", make_gpu(0)))
    code, out, err = gfd("--dra", "--nodes", write(tmp_path / "nodes.json", *objects), *words)
    assert code == 1
    assert out.startswith("# CRITERION")
    assert err == f"gfd: no device in the ResourceSlices of 2 nodes meets {nearest}\n"


def test_a_value_that_no_device_has(gfd: Gfd, tmp_path: Path) -> None:
    spark = make_gpu(0, name="NVIDIA GB10", capacity={})
    path = write(tmp_path / "nodes.json", node("s1"), make_slice("s1", spark))
    code, _, err = gfd("--dra", "--nodes", path, "--memory=>=8Gi")
    assert code == 1
    assert err == (
        "gfd: no device in the ResourceSlices of 1 node meets --memory '>=8Gi'; no node has a value for it\n"
    )


def test_no_device_is_in_good_health(gfd: Gfd, tmp_path: Path) -> None:
    path = write(tmp_path / "nodes.json", node("x1"), make_slice("x1", make_gpu(0, taints=[LOST])))
    code, _, err = gfd("--dra", "--nodes", path, "--memory=>=99Gi")
    assert code == 1
    assert err.endswith("--memory '>=99Gi' is met by none: change it, or leave it out\n")


def test_near_misses_beside_an_answer(gfd: Gfd, tmp_path: Path) -> None:
    large = make_gpu(0, capacity={"memory": {"value": "141Gi"}})
    objects = (node("x1"), node("x2"), make_slice("x1", make_gpu(0)), make_slice("x2", large))
    path = write(tmp_path / "nodes.json", *objects)
    code, out, err = gfd("--dra", "--nodes", path, "--memory=>=80Gi")
    assert (code, err) == (0, "")
    sold = "write '>=80GB' for cards sold with that much (1 node)"
    assert f"# near miss: x1 has 81559 MiB, 0.4 % less; {sold}\n" in out
    code, out, err = gfd("--dra", "--nodes", path, "--memory=>=80Gi", "--count=2")
    assert code == 1
    assert f"# near miss: x1 has 81559 MiB, 0.4 % less; {sold}\n" in out


MACHINES = (("dgx-h100", "all-disabled"), ("h100", "all-balanced"), ("dgx-spark", "all-disabled"))
WISHES = {
    "products": ((), ("H100",), ("A100",), ("GB10", "T4")),
    "families": ((), ("hopper",), ("ampere",)),
    "memory": ((), ("80GB",), (">=80Gi",), ("<=20Gi",)),
    "compute": ((), (">=12",), ("9.0",)),
    "driver": ((), (">=580",), ("<550",)),
    "cuda": ((), ("13",)),
    "mig_profiles": ((), ("1g.10gb",), ("7g.80gb",)),
}


def test_labels_and_slices_answer_alike(tmp_path: Path) -> None:
    """The nearest devices are found by labels, so these must answer as the slices do."""
    slices = [each for name, layout in MACHINES for each in make_slices(read(name, layout), name)]
    nodes = read_nodes(
        Path(write(tmp_path / "nodes.json", *(node(name) for name, _ in MACHINES), *slices)), None
    )
    answers = set()
    for values in itertools.product(*WISHES.values()):
        wishes: dict[str, Any] = dict(zip(WISHES, values, strict=True))
        query = DeviceQuery(**wishes)
        selection = select(query, nodes)
        known = label_devices(nodes, selection.claim.accepts_kind)
        by_labels = select_by_labels(query, known)
        found = {
            each.name.partition("/")[0]
            for each in known
            for device in by_labels.devices
            if matches(build_terms(by_labels.criteria, device, known), each.labels)
        }
        assert found == {each.node.name for each in selection.nodes}, query
        answers.add(bool(found))
    assert answers == {True, False}
