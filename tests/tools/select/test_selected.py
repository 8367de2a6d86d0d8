"""``gfd select`` as it is typed; tests/cluster pastes what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gfd import cli
from tests.pseudoterminal import typed
from tests.tools import goldens
from tests.tools.make import Object, gpu_labels, node, pod, write

pytestmark = pytest.mark.whole

Gfd = Callable[..., tuple[int | None, str, str]]
A100, H100 = "NVIDIA-A100-PCIE-40GB", "NVIDIA-H100-80GB-HBM3"
GPU = "nvidia.com/gpu"


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str]) -> Gfd:
    def run(*argv: str) -> tuple[int | None, str, str]:
        code = cli.run(("select", *argv), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def cluster(tmp_path: Path, *more: Object) -> tuple[str, ...]:
    """Return the options that name the files of a cluster with all kinds of nodes."""
    older = {
        f"cuda_driver__version_{name}": text
        for name, text in (("major", "460"), ("minor", "73"), ("revision", "01"))
    }
    mixed = {
        f"nvidia.com/mig-1g.5gb.{name}": text
        for name, text in (("count", "7"), ("memory", "4864"), ("product", f"{A100}-MIG-1g.5gb"))
    }
    h100 = gpu_labels(H100, 8, gpu_memory="81559", gpu_compute_major="9")
    own, other = ({"key": key, "value": "x", "effect": "NoSchedule"} for key in (GPU, "dedicated"))
    nodes = write(
        tmp_path / "nodes.json",
        node("a1", gpu_labels(A100, 2, gpu_memory="40536"), {"gpu": 2}),
        node("a2", gpu_labels("A100-PCIE-40GB", 2, gpu_memory="40536", **older), {"gpu": 2}),
        node("h1", h100, {"gpu": 8}, taints=[own]),
        node("h2", h100, {"gpu": 8}, taints=[own, other]),
        node("s1", gpu_labels(f"{A100}-MIG-1g.5gb", 7, gpu_memory="4864", mig_strategy="single"), {"gpu": 7}),
        node(
            "m1",
            gpu_labels(A100, 1, gpu_memory="40536", mig_strategy="mixed") | mixed,
            {"gpu": 0, "mig-1g.5gb": 7},
        ),
        node("l1", gpu_labels("NVIDIA-L40S", 4, gpu_memory="46068", gpu_compute_minor="9"), {"gpu": 4}),
        node(
            "t1",
            gpu_labels("Tesla-T4-SHARED", 1, gpu_memory="15360", gpu_compute_major="7", gpu_replicas="4"),
            {"gpu": 4},
        ),
        node("plain"),
        *more,
    )
    pods = write(tmp_path / "pods.json", pod("1", "a1", {"gpu": 2}), pod("2", "s1", {"gpu": 3}))
    return "--nodes", nodes, "--pods", pods


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
        ("part", ["--mig", "1g.5gb", "--product", "A100"]),
        ("part-of-any", ["--mig=1g.5gb", "--memory=>=4Gi,<40Gi"]),
        ("shared", ["--product=T4", "-o=json"]),
        ("yaml", ["--product=L40S", "--format=yaml"]),
        ("without-nodes", ["--without-nodes", "--product", A100, "--mig", "1g.5gb", "--driver", ">=550.54"]),
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


MEMORY = "labels hold the MiB that NVML counts, which is less than a GPU is called by"


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        (
            "memory",
            ["--product=A100", "--memory", ">=40Gi"],
            "no node meets all of it; nearest is a1, which lacks --memory '>=40Gi', having 40536Mi; "
            + MEMORY,
        ),
        (
            "memory-alone",
            ["--memory", ">80Gi"],
            "--memory '>80Gi' takes none of 8 nodes with GPUs; the nearest there is 81559Mi (2 nodes); "
            + MEMORY,
        ),
        (
            "product",
            ["--product=A10"],
            "--product 'A10' takes none of 8 nodes with GPUs; the nearest there is A100-PCIE-40GB (1 node)",
        ),
        (
            "driver",
            ["--driver", ">=550"],
            "--driver '>=550' takes none of 8 nodes with GPUs; the nearest there is 535.129.03 (7 nodes)",
        ),
        (
            "profile",
            ["--mig=2g.10gb"],
            "--mig '2g.10gb' takes none of 8 nodes with GPUs; the nearest there is 1g.5gb (2 nodes)",
        ),
        (
            "part",
            ["--mig=1g.5gb", "--memory", ">=40Gi"],
            f"no node meets all of it; nearest is m1, which lacks --memory '>=40Gi', having 4864Mi; {MEMORY}",
        ),
        (
            "count",
            ["--product=H100", "--count=9"],
            "what is asked for is there, but no node takes it: h1 offers 8 nvidia.com/gpu; 1 more refuse too",
        ),
        (
            "two",
            ["--product=T4", "--compute", ">=8.0", "--driver", "<500"],
            "no node meets all of it; nearest is a2, which lacks --product 'T4', having A100-PCIE-40GB",
        ),
    ],
)
def test_nothing_is_selected(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str], reason: str
) -> None:
    code, out, err = gfd(*cluster(tmp_path), *words)
    assert (code, err) == (1, f"gfd: {reason}\n")
    goldens.check(request, f"select-no-{name}", out)
    assert yaml.safe_load(out) is None
    told = json.loads(gfd(*cluster(tmp_path), *words, "-o=json")[1])
    assert told["answers"] == []
    assert len(told["criteria"]) == len([word for word in words if word.startswith("--")]) - (
        "--count=9" in words
    )


def test_a_model_that_is_divided(gfd: Gfd) -> None:
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
    nothing = "# CRITERION       NODES  THERE IS\n# --product A100  0\n"
    assert gfd(*words, empty) == (1, nothing, "gfd: there is no node\n")
    assert gfd(*words, plain) == (1, nothing, "gfd: none of 1 node has a GPU\n")
    bare = write(tmp_path / "bare", node("bare", offers={"gpu": 1}))
    reason = "--product 'A100' takes none of 1 node with GPUs; no node tells anything there"
    assert gfd(*words, bare) == (1, nothing, f"gfd: {reason}\n")


def test_labels_that_hold_anything(gfd: Gfd, tmp_path: Path) -> None:
    labels = gpu_labels(A100, gpu_memory="big", cuda_driver__version_major="x", cuda_driver__version_minor="")
    path = write(tmp_path / "nodes", node("odd", labels, {"gpu": 8}))
    code, out, err = gfd("--nodes", path, "--memory", ">=1Gi", "--driver", ">=1")
    assert code == 1
    assert (
        err == "gfd: --memory '>=1Gi' takes none of 1 node with GPUs; the nearest there is bigMi (1 node); "
        f"{MEMORY}\n"
    )
    assert out.splitlines()[-1] == "# --driver >=1    0      x.03 (1)"


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
    assert lines[1] == "# 13 nodes take this"
    assert lines[3] == "# l00   NVIDIA-L4  ?/2"
    assert lines[13:17] == [
        "# and 3 more",
        "# x has several models, and a pod may get any: NVIDIA-A30, NVIDIA-L4",
        "# not r00: it is tainted other:NoExecute",
        "# not r01: it is tainted other:NoExecute",
    ]
    assert lines[25] == "# nor 1 more"
    told = json.loads(gfd("--nodes", path, "--product=L4", "-o=json")[1])
    assert len(told["answers"][0]["nodes"]) == 13
    assert len(told["answers"][0]["refusing"]) == 11
    assert told["answers"][0]["nodes"][0] == {
        "node": "l00",
        "product": "NVIDIA-L4",
        "allocatable": 2,
        "free": None,
    }


def test_hostile_names_are_shown_and_not_run(gfd: Gfd, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "gfd select (command line): needs one of --product, --mig, --memory, --compute, --driver or --cu",
        ),
        (["--product="], "gfd select (command line): needs one of --product"),
        (["--product=T4", "--count=0"], "--count (command line): must be at least 1: 0"),
        (["--product=T4", "--count=x"], "--count (command line): is not a whole number: 'x'"),
        (["--memory=40"], "--memory (command line): has no unit: '40'; was 40Gi meant?"),
        (
            ["--compute=8.0.0"],
            "--compute (command line): is no version: '8.0.0'; write one like 8.0 or >=8.0",
        ),
        (["--driver=>=560,<550"], "--driver (command line): takes no value at all: >=560, <550"),
        (["--cuda"], "--cuda (command line): needs a value; write --cuda COMPARISON"),
        (["--mig=1g/5gb"], "--mig (command line): no label can say that: the key's prefix is not a DNS"),
        (
            ["--mig=1g 5gb"],
            "--mig (command line): no label can say that: the key's name may hold only",
        ),
        (
            ["--without-nodes", "--product=A 100"],
            "--product (command line): no label can say that: the value may",
        ),
        (
            ["--without-nodes", "--product=T4", "--nodes=x"],
            "--without-nodes (command line): means none: leave out",
        ),
        (["--without-nodes", "--product=T4", "--simulate=t4"], "--without-nodes (command line): means none"),
        (
            ["--product=T4", "-o=table"],
            "--format (command line): is unknown: 'table'; there are text, json, yaml",
        ),
        (["T4"], "T4 (command line): gfd select takes no such word; see gfd select --help"),
    ],
)
def test_bad_input(gfd: Gfd, words: list[str], message: str) -> None:
    code, out, err = gfd(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


def test_without_a_cluster(gfd: Gfd) -> None:
    code, out, err = gfd("--product=T4", "--kubeconfig=/gone")
    assert (code, out, err) == (
        1,
        "",
        "gfd: kubeconfig /gone: there is no such file; name another with --kubeconfig\n",
    )


def test_a_narrow_terminal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with typed("select", *cluster(tmp_path), "--product=A10") as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 1
    goldens.check(request, "select-60-columns", text)


def test_a_locale_without_utf_8_and_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
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
    assert done.stdout.splitlines()[1] == "# 5000 nodes take this"
