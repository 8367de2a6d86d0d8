"""``gfd select`` as it is typed, with nodes that match; tests/cluster pastes what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools import goldens
from tests.tools.make import gpu_labels, node, write
from tests.tools.select.clusters import A100, cluster
from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("equal", ["--product", "H100"]),
        ("several", ["--product", "a100", "--count", "2"]),
        ("full", ["--product", A100]),
        (
            "compared",
            ["--memory", ">=40Gi", "--compute", ">=8.6", "--driver", "=535.129.3", "--cuda", ">=12.2"],
        ),
        ("part", ["--mig-profile", "1g.5gb", "--product", "A100"]),
        ("part-of-any", ["--mig-profile=1g.5gb", "--memory=>=4Gi,<40Gi"]),
        ("shared", ["--product=T4", "--shared", "-o=json"]),
        ("alternatives", ["--product", "A10,*L40S*", "--product=nvidia-h100-80gb", "--count=4"]),
        ("gb", ["--memory", ">=40GB", "--exclusive"]),
        ("near-miss", ["--memory", ">=40Gi"]),
        ("family", ["--family", "ampere"]),
        ("mig-memory", ["--mig-memory", "5GB"]),
        ("cloud", ["--product", "p5.48xlarge", "--gpus-per-node", "8"]),
        ("without-nodes-or-mig", ["--without-nodes", "--product=g5.xlarge,L4", "--family=ampere,ada"]),
        ("yaml", ["--product=L40S", "--format=yaml"]),
        (
            "without-nodes",
            ["--without-nodes", "--product", A100, "--mig-profile", "1g.5gb", "--driver", ">=550.54"],
        ),
        ("without-nodes-or-product", ["--without-nodes", "--mig-profile", "1g.10gb+me"]),
    ],
)
def test_what_is_printed(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str]
) -> None:
    given = () if "--without-nodes" in words else cluster(tmp_path)
    code, out, err = gfd(*given, *words)
    assert (code, err) == (0, "")
    goldens.check(request, f"select-{name}", out)
    assert list(yaml.safe_load_all(out))


def test_nodes_with_several_models_and_many_nodes(gfd: Gfd, tmp_path: Path) -> None:
    models = {f"nvidia.com/gpu.count.{name}": "2" for name in ("NVIDIA-A30", "NVIDIA-L4")}
    several = node("x", gpu_labels("NVIDIA-L4", 2) | models, {"gpu": 4})
    others = [node(f"l{number:02}", gpu_labels("NVIDIA-L4", 2), {"gpu": 2}) for number in range(12)]
    tainted = [{"key": "other", "effect": "NoExecute"}, {"key": "soft", "effect": "PreferNoSchedule"}]
    refusing = [
        node(f"r{number:02}", gpu_labels("NVIDIA-L4", 2), {"gpu": 2}, taints=tainted) for number in range(11)
    ]
    path = write(tmp_path / "nodes", several, *others, *refusing)
    code, out, _ = gfd("--nodes", path, "--product=L4")
    assert code == 0
    lines = out.splitlines()
    assert lines[1] == "# 13 nodes match"
    assert lines[3] == "# l00   NVIDIA-L4  ?/2"
    assert lines[13:17] == [
        "# and 3 more",
        "# x has several models; the pod may get any of NVIDIA-A30, NVIDIA-L4",
        "# r00 cannot run the pod: it has the taint other:NoExecute",
        "# r01 cannot run the pod: it has the taint other:NoExecute",
    ]
    assert lines[25] == "# 1 more node cannot run it either"
    found = json.loads(gfd("--nodes", path, "--product=L4", "-o=json")[1])
    assert len(found["answers"][0]["nodes"]) == 13
    assert len(found["answers"][0]["refusing"]) == 11
    assert found["answers"][0]["nodes"][0] == {
        "node": "l00",
        "product": "NVIDIA-L4",
        "allocatable": 2,
        "free": None,
    }


def test_control_characters_in_names_are_escaped(gfd: Gfd, tmp_path: Path) -> None:
    evil = "evil\x1b[2J\nspec: {hostNetwork: true}"
    odd = node(evil, gpu_labels("A\x1b]0;x\x07\nB1", 1), {"gpu": 1}, taints=[])
    code, out, _ = gfd(*cluster(tmp_path, odd), "--product", "B1")
    assert code == 0
    assert all(each == "\n" or each.isprintable() for each in out)
    found = yaml.safe_load(out)
    assert list(found["spec"]) == ["nodeSelector", "containers"]
    assert found["spec"]["nodeSelector"] == {"nvidia.com/gpu.product": "A\x1b]0;x\x07\nB1"}
    code, out, err = gfd(*cluster(tmp_path, odd), "--product", "B1", "--count=2")
    assert code == 1
    assert all(each == "\n" or each.isprintable() for each in out + err)


def test_a_locale_without_utf_8_and_a_reader_that_closes_the_pipe(tmp_path: Path) -> None:
    words = " ".join(
        ("select", *cluster(tmp_path, node("größe", gpu_labels("Größe"), {"gpu": 8})), "--product=G")
    )
    environment = os.environ | {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "",
    }
    command = f"{sys.executable} -m gfd {words}"
    done = subprocess.run(command, capture_output=True, check=True, env=environment, shell=True)
    assert b"gr\\xf6\\xdfe" in done.stdout
    piped = ("bash", "-o", "pipefail", "-c", f"{command} | head -n 1")
    done = subprocess.run(piped, capture_output=True, check=True)
    assert done.stderr == b""


def test_5000_nodes_in_a_file(tmp_path: Path) -> None:
    items = [node(f"node-{number:04}", gpu_labels(), {"gpu": 8}) for number in range(5000)]
    words = (
        "select",
        "--nodes",
        write(tmp_path / "nodes.json", *items),
        "--product=A100",
        "--memory",
        ">=40Gi",
    )
    done = subprocess.run((sys.executable, "-m", "gfd", *words), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "# 5000 nodes match"
