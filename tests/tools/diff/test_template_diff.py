"""gfd diff --template: a node beside what gfd template printed for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.tools.diff.template_diff import Finding, _classify
from tests.cli import Gfd
from tests.tools.make import node, write

COUNT = "nvidia.com/gpu.count"
H100 = ("--simulate", "dgx-h100")


@pytest.mark.parametrize(
    ("key", "promised", "actual", "finding"),
    [
        (COUNT, "8", "8", "as promised"),
        (COUNT, "8", "7", "different"),
        (COUNT, "8", None, "missing"),
        (COUNT, None, "8", "extra"),
        ("example.com/team", "a", None, "not compared"),
        ("example.com/team", "a", "b", "different"),
        ("nvidia.com/gfd.timestamp", None, "1", "run-time"),
        ("nvidia.com/gpu.clique", None, "1", "run-time"),
        ("nvidia.com/cuda.driver.major", "550", "580", "run-time"),
        ("nvidia.com/cuda.driver-version.full", "550.1", None, "run-time"),
        ("nvidia.com/cuda.runtime.minor", None, "4", "run-time"),
        ("nvidia.com/cuda.runtime-version.full", "12.4", "12.4", "as promised"),
    ],
)
def test_findings(key: str, promised: str | None, actual: str | None, finding: Finding) -> None:
    assert _classify(key, promised, actual, lambda name: name.startswith("nvidia.com/")) == finding


def template(gfd: Gfd, path: Path, *words: str) -> str:
    code, out, _ = gfd("template", *words)
    assert code == 0
    path.write_text(out)
    return str(path)


@pytest.mark.whole
def test_the_machine_as_promised(gfd: Gfd, tmp_path: Path) -> None:
    path = template(gfd, tmp_path / "pool.yaml", *H100, "-o", "karpenter")
    summary = "nothing missing or different; 25 as promised, 0 extra, 1 known only at run time"
    heading = f"{path} (karpenter), compared with dgx-h100"
    assert gfd("diff", "--template", path, *H100) == (0, f"{heading}\n{summary}\n", "")


@pytest.mark.whole
def test_the_machine_is_another_one(gfd: Gfd, tmp_path: Path) -> None:
    words = ("--driver", "535.1", "--label", "gpu.product,mig.strategy,cuda.driver.major")
    path = template(gfd, tmp_path / "labels.txt", *H100, "--mig-strategy", "mixed", *words)
    with Path(path).open("a") as file:
        file.write("example.com/team=a\n")
    code, out, err = gfd("diff", "--template", path, "--simulate", "t4")
    summary = "1 missing, 1 different; 0 as promised, 12 extra, 13 known only at run time, 1 not compared"
    heading, *lines, last = out.splitlines()
    assert (code, last, err) == (1, summary, f"gfd: t4: {summary}\n")
    assert heading == f"{path} (labels), compared with t4"
    assert [line for line in lines if line[0] != "+"] == [
        "- nvidia.com/mig.strategy=mixed",
        "~ nvidia.com/gpu.product: Tesla-T4 instead of NVIDIA-H100-80GB-HBM3",
        "  nvidia.com/cuda.driver.major: 595 instead of 535  [known only at run time]",
        "? example.com/team=a  [not compared: only the Node has it; add --node NAME]",
    ]
    assert len([line for line in lines if line[0] == "+"]) == 12
    assert "+ nvidia.com/gpu.count=1" in lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "example.com/team=a\n",
            "dgx-h100 cannot tell example.com/team; print more labels with gfd template, or compare with",
        ),
        ("nvidia.com/cuda.driver.major=1\n", "dgx-h100 cannot tell nvidia.com/cuda.driver.major; print more"),
    ],
)
@pytest.mark.whole
def test_a_file_of_which_nothing_can_be_compared(gfd: Gfd, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text)
    code, out, err = gfd("diff", "--template", str(path), *H100)
    assert (code, out) == (1, "")
    assert err.startswith(f"gfd: {path}: {message}")


@pytest.mark.whole
def test_a_node(gfd: Gfd, tmp_path: Path) -> None:
    path = template(gfd, tmp_path / "flavor.yaml", "--simulate", "t4", "-o", "kueue")
    labels = {
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/gpu.present": "true",
        "kubernetes.io/arch": "amd64",
    }
    nodes = write(tmp_path / "nodes.json", node("gpu-1", labels), node("bare", {"a": "b"}))
    words = ("diff", "--template", path, "--nodes", nodes, "--node")
    summary = "1 different; 1 as promised, 0 extra"
    difference = "~ nvidia.com/gpu.product: Tesla-T4-SHARED instead of Tesla-T4"
    assert gfd(*words, "gpu-1") == (
        1,
        f"{path} (kueue), compared with Node gpu-1\n{difference}\n{summary}\n",
        f"gfd: Node gpu-1: {summary}\n",
    )
    code, out, _ = gfd(*words, "gpu-1", "-o", "json")
    shown = json.loads(out)
    assert (code, shown["template"], shown["format"], shown["target"]) == (1, path, "kueue", "Node gpu-1")
    assert shown["labels"] == [
        {
            "key": "nvidia.com/gpu.product",
            "kind": "different",
            "promised": "Tesla-T4",
            "actual": "Tesla-T4-SHARED",
        },
        {
            "key": "nvidia.com/gpu.sharing-strategy",
            "kind": "as promised",
            "promised": "none",
            "actual": "none",
        },
    ]
    said = "gfd: node bare has no labels of gfd; run gfd doctor there to see why\n"
    assert gfd(*words, "bare") == (1, "", said)
    assert gfd(*words, "gpu-2") == (1, "", f"gfd: {nodes}: there is no Node gpu-2; did you mean gpu-1?\n")


@pytest.mark.whole
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--node", "a"), "--node (command line): needs --template FILE, which gfd template printed"),
        (("--nodes", "a"), "--nodes (command line): needs --template FILE, which gfd template printed"),
        (
            ("--template", "a", "--nodes", "b"),
            "--nodes (command line): needs --node NAME, the node to compare with",
        ),
        (
            ("--template", "a", "--sink", "file"),
            "--sink (command line): has no effect together with --template; leave it out",
        ),
        (
            ("--template", "a", "--node", "b", *H100),
            "--simulate (command line): has no effect together with --node; leave one of them out",
        ),
        (
            ("--template", "a", *H100, "--device-discovery-strategy", "tegra"),
            "--device-discovery-strategy (command line): has no effect together with --simulate; leave one",
        ),
    ],
)
def test_flags_that_would_be_ignored(gfd: Gfd, words: tuple[str, ...], message: str) -> None:
    code, out, err = gfd("diff", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {message}")
