"""``gfd select`` as it is typed, where no node matches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gfd import cli
from tests.pseudoterminal import typed
from tests.tools import goldens
from tests.tools.make import gpu_labels, node, write
from tests.tools.select.clusters import A100, cluster
from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole


MEMORY = "NVML, and so the label, counts less memory than the name of a GPU says"


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        (
            "memory",
            ["--product=A100", "--memory", ">=40Gi"],
            "no node meets all criteria; a1 comes closest, but has 40536Mi for --memory '>=40Gi'; " + MEMORY,
        ),
        (
            "memory-alone",
            ["--memory", ">80Gi"],
            "--memory '>80Gi' matches none of 8 nodes with GPUs; the closest is 81559Mi (2 nodes); " + MEMORY,
        ),
        (
            "product",
            ["--product=A10"],
            "--product 'A10' matches none of 8 nodes with GPUs; the closest is A100-PCIE-40GB (1 node)",
        ),
        (
            "driver",
            ["--driver", ">=550"],
            "--driver '>=550' matches none of 8 nodes with GPUs; the closest is 535.129.03 (7 nodes)",
        ),
        (
            "profile",
            ["--mig=2g.10gb"],
            "--mig '2g.10gb' matches none of 8 nodes with GPUs; the closest is 1g.5gb (2 nodes)",
        ),
        (
            "part",
            ["--mig=1g.5gb", "--memory", ">=40Gi"],
            f"no node meets all criteria; m1 comes closest, but has 4864Mi for --memory '>=40Gi'; {MEMORY}",
        ),
        (
            "count",
            ["--product=H100", "--count=9"],
            ("2 nodes match, but none can run the pod; h1 offers 8 nvidia.com/gpu"),
        ),
        (
            "two",
            ["--product=T4", "--compute", ">=8.0", "--driver", "<500"],
            "no node meets all criteria; a2 comes closest, but has A100-PCIE-40GB for --product 'T4'",
        ),
    ],
)
def test_no_node_matches(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str], reason: str
) -> None:
    code, out, err = gfd(*cluster(tmp_path), *words)
    assert (code, err) == (1, f"gfd: {reason}\n")
    goldens.check(request, f"select-no-{name}", out)
    assert yaml.safe_load(out) is None
    found = json.loads(gfd(*cluster(tmp_path), *words, "-o=json")[1])
    assert found["answers"] == []
    assert len(found["criteria"]) == len([word for word in words if word.startswith("--")]) - (
        "--count=9" in words
    )


def test_a_model_that_mig_divides(gfd: Gfd) -> None:
    words = ("--simulate=mig-doc", "--mig-strategy=single", "--product=A100")
    code, _, err = gfd(*words)
    assert (code, err) == (0, "")
    code = cli.run(("--mig=all-1g.5gb", "select", *words), {})
    assert code == 1


def test_clusters_without_gpus(gfd: Gfd, tmp_path: Path) -> None:
    words = ("--product=A100", "--nodes")
    empty, plain = (
        write(
            tmp_path / "empty",
        ),
        write(tmp_path / "plain", node("plain")),
    )
    nothing = "# CRITERION       NODES  VALUES\n# --product A100  0\n"
    assert gfd(*words, empty) == (1, nothing, "gfd: there are no nodes\n")
    assert gfd(*words, plain) == (1, nothing, "gfd: none of 1 node has a GPU\n")
    bare = write(tmp_path / "bare", node("bare", offers={"gpu": 1}))
    reason = "--product 'A100' does not match the only node with GPUs; no node has a label for it"
    assert gfd(*words, bare) == (1, nothing, f"gfd: {reason}\n")


def test_labels_with_any_text(gfd: Gfd, tmp_path: Path) -> None:
    labels = gpu_labels(A100, gpu_memory="big", cuda_driver__version_major="x", cuda_driver__version_minor="")
    path = write(tmp_path / "nodes", node("odd", labels, {"gpu": 8}))
    code, out, err = gfd("--nodes", path, "--memory", ">=1Gi", "--driver", ">=1")
    assert code == 1
    assert (
        err == "gfd: --memory '>=1Gi' does not match the only node with GPUs; the closest is bigMi (1 node); "
        f"{MEMORY}\n"
    )
    assert out.splitlines()[-1] == "# --driver >=1    0      x.03 (1)"


def test_a_narrow_terminal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with typed("select", *cluster(tmp_path), "--product=A10") as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 1
    goldens.check(request, "select-60-columns", text)
