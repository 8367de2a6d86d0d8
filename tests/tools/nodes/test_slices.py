"""``gfd nodes`` and ``gfd report`` on nodes with ResourceSlices, beside nodes without."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gfd import cli
from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.nodes import read_node
from gfd.clusterview.pods import read_pod_request
from gfd.tools.nodes import query
from gfd.tools.nodes.index import ADDED, DELETED, MODIFIED, NodeIndex
from tests.clusterview.dra.objects import (
    Object,
    make_claim,
    make_gpu,
    make_mig,
    make_partitionable,
    make_slice,
)
from tests.tools import goldens
from tests.tools.make import gpu_labels, node, pod, write

TAINT = {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}
H100 = "NVIDIA-H100-80GB-HBM3"


def cluster() -> list[Object]:
    """Return nodes that labels, the device plugin and ResourceSlices tell, in every combination."""
    labels = gpu_labels(H100, 2, gpu_memory="81559", gpu_family="hopper")
    pair = (make_gpu(0), make_gpu(1))
    migs = (make_mig(2, "1g.10gb", 0), make_mig(2, "1g.10gb", 1))
    return [
        node("labels", labels, {"gpu": 2}, writer="gfd"),
        node("both", labels, {"gpu": 2}, writer="gfd"),
        node("both-labelled", labels, writer="gfd"),
        node("dra"),
        node("half"),
        node("parts"),
        node("cpu"),
        make_slice("both", *pair),
        make_slice("both-labelled", *pair),
        make_slice("dra", make_gpu(0), make_gpu(1, taints=[TAINT]), *migs),
        make_slice("half", make_gpu(0), count=2),
        *make_partitionable("parts"),
        make_claim("c", "dra", "gpu-0", migs[0]["name"], pods=("training",)),
    ]


@pytest.fixture(autouse=True)
def _stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = staticmethod(lambda zone: datetime(2026, 1, 2, 3, 9, 35, tzinfo=UTC))

    monkeypatch.setattr(query, "datetime", Clock)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    nodes = write(tmp_path / "nodes.json", *cluster())
    pods = write(tmp_path / "pods.json", pod("p", "labels", {"gpu": 1}))
    return "--nodes", nodes, "--pods", pods


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nodes-slices", ("--sort", "node")),
        ("nodes-slices-json", ("-o", "json", "-l", "kubernetes.io/hostname in (both,dra)")),
        ("nodes-slices-pods", ("--show-pods", "-l", "kubernetes.io/hostname in (labels,dra)")),
        ("nodes-slices-csv", ("-o", "csv")),
    ],
)
def test_output(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    files: tuple[str, ...],
    name: str,
    words: tuple[str, ...],
) -> None:
    assert cli.run(("nodes", *files, *words), {}) == 0
    captured = capsys.readouterr()
    goldens.check(request, name, captured.out)
    assert captured.err == (
        "gfd: warning: node half: the pool half of gpu.nvidia.com is not complete: 1 of 2 ResourceSlices of "
        "generation 1 are there; its devices are not counted\n"
        if "-l" not in words
        else ""
    )


@pytest.mark.whole
def test_a_node_that_both_tell_counts_once(
    capsys: pytest.CaptureFixture[str], files: tuple[str, ...]
) -> None:
    words = ("-o", "json", "-l", "kubernetes.io/hostname in (both,both-labelled)")
    assert cli.run(("nodes", *files, *words), {}) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["totals"]["gpus"] == 4
    assert found["totals"]["allocatable"] == {"gpu.nvidia.com": 4, "nvidia.com/gpu": 2}
    assert found["totals"]["stale_nodes"] == 0


@pytest.mark.whole
def test_without_slices_nothing_is_added(capsys: pytest.CaptureFixture[str], files: tuple[str, ...]) -> None:
    assert cli.run(("nodes", *files, "-o", "csv", "-l", "kubernetes.io/hostname=labels"), {}) == 0
    (heading, _) = csv.reader(io.StringIO(capsys.readouterr().out))
    assert heading[-1] == "cloud_name"


@pytest.mark.whole
def test_only_some_problems_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(7)]
    items = [*map(node, names), *(make_slice(name, count=2) for name in names)]
    path, pods = write(tmp_path / "nodes.json", *items), write(tmp_path / "pods.json")
    assert cli.run(("nodes", "--nodes", path, "--pods", pods), {}) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "gfd: warning: 2 more nodes have incomplete pools; -o json names them"


@pytest.mark.whole
def test_a_file_without_claims(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It may come from a cluster without claims, so the figures stand, with a warning."""
    said = (
        "gfd: warning: no ResourceClaim in the file holds a device of these nodes, so all devices of "
        "ResourceSlices count as free; kubectl get nodes,resourceslices,resourceclaims -A -o json prints "
        "what gfd needs\n"
    )
    pods = write(tmp_path / "pods.json")
    for claims, expected in (((), said), ((make_claim("c", "dra", "gpu-0"),), "")):
        path = write(tmp_path / "nodes.json", node("dra"), make_slice("dra", make_gpu(0)), *claims)
        assert cli.run(("nodes", "--nodes", path, "--pods", pods), {}) == 0
        assert capsys.readouterr().err == expected
        page = tmp_path / "page.html"
        assert cli.run(("report", "--html", str(page), "--nodes", path, "--pods", pods), {}) == 0
        is_said = "No ResourceClaim in the file holds one, so all count as free." in page.read_text()
        assert is_said is bool(expected)
    assert cli.run(("nodes", "--simulate", "dgx-h100", "--allocation", "dra"), {}) == 0
    assert "ResourceClaim" not in capsys.readouterr().err


@pytest.mark.whole
def test_the_page(files: tuple[str, ...], tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    assert cli.run(("report", *files, "--html", str(output)), {}) == 0
    page = output.read_text()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])
    nodes = {each["name"]: each for each in data["nodes"]}
    assert "cpu" not in nodes
    texts = data["texts"]

    def read(name: str, field: str) -> list[str]:
        return [texts[number] for number in nodes[name][field]]

    assert read("dra", "facts") == [
        f"3 \N{MULTIPLICATION SIGN} {H100}",
        "81559 MiB",
        "hopper",
        "driver 580.95.5",
        "CUDA 13.0",
        "told by ResourceSlices",
    ]
    assert read("dra", "notes") == ["1 device with the taint gpu.nvidia.com/xid=79:NoSchedule."]
    assert read("both", "facts")[-1] == "told by labels, the device plugin and ResourceSlices"
    assert read("half", "notes")[0] == (
        "Devices are not counted: the pool half of gpu.nvidia.com is not complete: 1 of 2 ResourceSlices of "
        "generation 1 are there."
    )
    assert read("parts", "notes") == [
        "Some devices are parts of the same GPU: a claim for one leaves fewer of the others."
    ]
    assert "told by" not in "".join(read("labels", "facts"))
    # A pod cannot ask for devices of ResourceSlices as it asks for extended resources.
    assert {resource for resource, *_ in data["offers"]} == {"nvidia.com/gpu"}
    captions = [data["diagrams"][number]["caption"] for number in nodes["dra"]["diagrams"]]
    assert captions == ["0 of 1 gpu.nvidia.com free", "1 of 2 mig.nvidia.com/1g.10gb free"]
    assert "mig.nvidia.com/1g.10gb" in page.split('id="data"', 1)[0]
    assert "Devices of ResourceSlices are counted, too." in page


def test_rows_follow_slices_and_claims() -> None:
    index = NodeIndex()
    index.replace_nodes({"n": read_node(node("n")), "m": read_node(node("m"))})
    index.replace_pods({"p": read_pod_request(pod("p", "n", {"gpu": 1}))})
    assert index.take_events() == []

    def take() -> list[tuple[str, str, dict[str, int] | None]]:
        return [(each.kind, each.row.node, dict(each.row.free or {})) for each in index.take_events()]

    index.replace_slices({"s": read_slice(make_slice("n", make_gpu(0), make_gpu(1)))})
    assert index.has_slices
    assert take() == [(ADDED, "n", {"gpu.nvidia.com": 2})]
    index.change_claim("c", read_claim(make_claim("c", "n", "gpu-1")))
    assert take() == [(MODIFIED, "n", {"gpu.nvidia.com": 1})]
    index.replace_claims({})
    assert take() == [(MODIFIED, "n", {"gpu.nvidia.com": 2})]
    index.change_slice("t", read_slice(make_slice("m", make_gpu(0))))
    assert take() == [(ADDED, "m", {"gpu.nvidia.com": 1})]
    index.ignore_claims()
    index.change_slice("t", read_slice(make_slice("m", make_gpu(0), make_gpu(1))))
    (event,) = index.take_events()
    assert (event.row.free, event.row.allocatable) == (None, {"gpu.nvidia.com": 2})
    index.change_slice("s", None)
    assert take() == [(DELETED, "n", {"gpu.nvidia.com": 2})]
    assert len(index.build_table((), datetime.now(UTC)).rows) == 1
