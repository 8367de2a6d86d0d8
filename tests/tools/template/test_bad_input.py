"""What gfd template refuses, and what it says then."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.cli.registry import COMMANDS
from gfd.tools.template.formats import FORMATS
from tests.cli import Gfd
from tests.tools.make import node, write

pytestmark = pytest.mark.whole

T4 = ("--simulate", "t4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            (),
            "gfd template (command line): needs a machine: add --simulate NAME (gfd machines lists them)",
        ),
        ((*T4, "--inventory", "x"), "--simulate (command line): conflicts with --inventory; choose one"),
        ((*T4, "--node", "x"), "--simulate (command line): conflicts with --node; choose one"),
        (
            (*T4, "--nodes", "x"),
            "--nodes (command line): needs --node NAME, the node to read",
        ),
        (
            ("--simulate", "dgx-h10"),
            "--simulate (command line): there is no machine dgx-h10; did you mean dgx-h100? gfd machines",
        ),
        (("--inventory", "/gone"), "/gone: No such file or directory; take one with gfd snapshot -o /gone"),
        ((*T4, "-o", "foo"), "--format (command line): 'foo' is not a valid value; choose labels"),
        (
            ("--simulate", "orin", "--driver", "580.1"),
            "--driver (command line): the labels of GPUs found with tegra never tell the driver's version",
        ),
        (
            ("--simulate", "a10-vfio", "--driver", "580.1"),
            "--driver (command line): the labels of GPUs found with vfio never tell the driver's version",
        ),
        (
            ("--inventory", "a.yaml", "--unified-memory"),
            "--unified-memory (command line): has no effect on the snapshot of --inventory; pass it to gfd",
        ),
        (
            (*T4, "--driver", "abc"),
            "--driver (command line): 'abc' is not a driver version; write one like 580.95.05",
        ),
        (
            (*T4, "--resource", "cpu"),
            "--resource (command line): 'cpu': write one like cpu=96 or memory=1Ti",
        ),
        (
            (*T4, "--resource", "cpu=many"),
            "--resource (command line): 'cpu=many': cpu is not a quantity: 'many'; write one like",
        ),
        ((*T4, "--resource", "cpu=-1"), "--resource (command line): 'cpu=-1': -1 is below zero"),
        ((*T4, "--resource", "c u=1"), "--resource (command line): 'c u=1': the key's name may hold only"),
        (
            (*T4, "--taint", "gpu"),
            "--taint (command line): 'gpu': the effect must be NoSchedule, PreferNoSchedule or NoExecute",
        ),
        (
            (*T4, "--resource", "nvidia.com/x=1.5"),
            "--resource (command line): 'nvidia.com/x=1.5': nvidia.com/x is not a whole number",
        ),
        (
            (*T4, "--label", "gpu.produkt"),
            "--label (command line): t4 has no label nvidia.com/gpu.produkt; did you mean nvidia.com",
        ),
        ((*T4, "--taint", ":NoSchedule"), "--taint (command line): ':NoSchedule': the key's name is empty"),
        (
            (*T4, "--taint", "a=b c:NoSchedule"),
            "--taint (command line): 'a=b c:NoSchedule': the value may hold only",
        ),
        ((*T4, "--name", "A_b"), "--name (command line): 'A_b': the name is not a DNS name in lower case"),
        (
            (*T4, "--taint", "a:NoExecute"),
            "--taint (command line): -o labels has no place for it; node, karpenter, ",
        ),
        (
            (*T4, "--resource", "cpu=1", "-o", "kueue"),
            "--resource (command line): -o kueue has no place for it; node, cluster-autoscaler-aws, ",
        ),
        (
            (*T4, "--name", "a", "-o", "kubelet"),
            "--name (command line): -o kubelet has no place for it; node, karpenter, ",
        ),
        (
            ("--node", "a", "--mig-strategy", "mixed"),
            "--mig-strategy (command line): gfd template uses it only together with --simulate or",
        ),
        (("t4",), "t4 (command line): gfd template takes only options, and not this word; for a simulated"),
    ],
)
def test_a_command_line_that_cannot_be_used(gfd: Gfd, words: tuple[str, ...], message: str) -> None:
    code, out, err = gfd("template", *words)
    assert (code, out) == (2 if "(command line)" in message else 1, "")
    assert err.startswith(f"gfd: {message}")


def test_a_snapshot_that_is_none(gfd: Gfd, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("schema: 1\ngpus: 3\n")
    code, out, err = gfd("template", "--inventory", str(path))
    assert (code, out) == (1, "")
    assert err.startswith(f"gfd: {path}:")
    assert "gpus" in err


def test_nodes_that_cannot_be_a_template(gfd: Gfd, tmp_path: Path) -> None:
    path = write(tmp_path / "nodes.json", node("cpu"))
    found = gfd("template", "--node", "cpu", "--nodes", path)
    message = (
        "gfd: node cpu has no labels of gfd, so it cannot be a template; run gfd doctor there, or"
        " choose another node\n"
    )
    assert found == (1, "", message)
    assert gfd("template", "--node", "cpv", "--nodes", path) == (
        1,
        "",
        f"gfd: {path}: there is no Node cpv; did you mean cpu?\n",
    )
    code, _, err = gfd("template", "--node", "cpu", "--nodes", path, "--driver", "580.1")
    assert (code, err) == (
        2,
        "gfd: --driver (command line): conflicts with --node, whose labels have the driver\n",
    )


def test_the_command_line_knows_every_format() -> None:
    (option,) = (each for each in COMMANDS["template"].options if each.field == "format")
    assert option.choices == tuple(FORMATS)
