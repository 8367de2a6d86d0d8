"""``gfd nodes`` as it is typed; tests/cluster has it on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gfd import cli
from gfd.tools.nodes import query
from tests.pseudoterminal import typed
from tests.tools import goldens
from tests.tools.make import Object, gpu_labels, node, pod, unready, write

pytestmark = pytest.mark.whole

Gfd = Callable[..., tuple[int | None, str, str]]
NEEDS_CLUSTER = "--watch (command line): needs a cluster; a file or a simulation does not change"
NOW = datetime(2026, 1, 2, 3, 9, 35, tzinfo=UTC)


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gfd:
    class Clock:
        now = staticmethod(lambda zone: NOW)

    monkeypatch.setattr(query, "datetime", Clock)

    def run(*argv: str) -> tuple[int | None, str, str]:
        code = cli.run(("nodes", *argv), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def started(item: Object) -> Object:
    item["status"]["startTime"] = "2026-01-01T03:09:35Z"
    return item


def cluster(tmp_path: Path, *more: Object) -> tuple[str, ...]:
    """Return the options that name a small cluster's files."""
    shared = gpu_labels(
        "Tesla-T4-SHARED", 2, gpu_memory="15360", gpu_replicas="4", gpu_sharing__strategy="time-slicing"
    )
    mixed = {"nvidia.com/mig.strategy": "mixed", "nvidia.com/mig-1g.5gb.count": "2"}
    single = gpu_labels("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", 2, mig_strategy="single", gpu_memory="19968")
    nodes = write(
        tmp_path / "nodes.json",
        node("gpu-a", gpu_labels() | mixed | {"zone": "a"}, {"gpu": 7, "mig-1g.5gb": 2}, writer="gfd"),
        node("gpu-b", single | {"zone": "b"}, {"gpu": 2}, writer="nfd-master"),
        unready(node("gpu-c", shared | {"zone": "b"}, {"gpu": 8})),
        node("plain", {"zone": "b"}),
        *more,
    )
    pods = write(
        tmp_path / "pods.json",
        started(pod("1", "gpu-a", {"gpu": 2, "mig-1g.5gb": 1})),
        pod("2", "gpu-c", {"gpu": 3}),
    )
    return "--nodes", nodes, "--pods", pods


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nodes", []),
        ("nodes-wide", ["-o", "wide"]),
        ("nodes-sorted", ["--sort=-free", "--sort=node", "-l", "zone in (a,b),zone!=c"]),
        ("nodes-drawn", ["--draw"]),
        ("nodes-csv", ["-o", "csv"]),
        ("nodes-pods", ["--show-pods", "-l", "zone"]),
        ("nodes-pods-csv", ["--pods", "-o", "csv"]),
        ("nodes-pods-json", ["-o", "json", "-l", "zone=a", "--pods"]),
        ("nodes-json", ["-o", "json", "-l", "zone=a"]),
        ("nodes-yaml", ["-o", "yaml", "-l", "zone=a"]),
        ("nodes-none", ["-l", "zone=nowhere"]),
        ("nodes-none-csv", ["-o=csv", "-l", "!kubernetes.io/hostname"]),
        ("nodes-without-gpus", ["-l", "zone=b,!nvidia.com/gpu.product"]),
    ],
)
def test_what_is_printed(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str]
) -> None:
    code, out, err = gfd(*cluster(tmp_path), *words)
    assert (code, err) == (0, "")
    goldens.check(request, name, out)


def test_devices_are_drawn_to_scale(gfd: Gfd) -> None:
    words = ("--simulate=mig-doc", "--mig=all-balanced", "--mig-strategy=mixed", "--draw")
    code, out, err = gfd(*words)
    assert (code, err) == (0, "")
    assert out.partition("\n\nmig-doc\n")[2] == (
        "1g.5gb    2  [=][=]\n2g.10gb   1  [====]\n3g.20gb   1  [=======]\n"
    )


@pytest.mark.parametrize(("words", "other"), [(["-o=csv"], "-o csv"), (["--watch"], "--watch")])
def test_a_drawing_needs_one_table(gfd: Gfd, tmp_path: Path, words: list[str], other: str) -> None:
    message = f"gfd: --draw (command line): cannot be combined with {other}\n"
    assert gfd(*cluster(tmp_path), "--draw", *words) == (2, "", message)


def test_the_pods_of_a_watch_are_not_shown(gfd: Gfd, tmp_path: Path) -> None:
    message = "gfd: --show-pods (command line): cannot be combined with --watch\n"
    assert gfd("--pods", "--watch") == (2, "", message)


def test_pods_that_hold_nothing_or_are_unknown(gfd: Gfd, tmp_path: Path) -> None:
    nodes, pods = cluster(tmp_path)[:2], cluster(tmp_path)[2:]
    _, out, _ = gfd(*nodes, *pods, "--pods", "-l", "kubernetes.io/hostname=gpu-b")
    assert out.endswith("\n\nno pod holds a device\n")
    _, out, err = gfd(*nodes, "--pods", "-l", "zone=a")
    assert out.endswith("\n\nwho holds devices is unknown\n")
    assert "with --pods" in err
    _, out, _ = gfd(*nodes, "--pods", "-l", "zone=a", "-o", "json")
    assert json.loads(out)["nodes"][0]["pods"] is None


def test_pods_from_standard_input(gfd: Gfd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, pods = cluster(tmp_path)[:2], cluster(tmp_path)[3]
    with Path(pods).open("rb") as file:
        monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": file}))
        code, out, err = gfd(*nodes, "--pods", "-", "-o", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["totals"]["allocated"] == {"nvidia.com/gpu": 5, "nvidia.com/mig-1g.5gb": 1}


def test_a_node_that_only_its_cloud_describes(gfd: Gfd, tmp_path: Path) -> None:
    cloud = node("gpu-z", {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}, {"gpu": 8})
    _, out, _ = gfd(*cluster(tmp_path, cloud), "-l", "kubernetes.io/hostname=gpu-z")
    assert out.splitlines()[1].split()[:2] == ["gpu-z", "(nvidia-h100-80gb)"]
    _, out, _ = gfd(*cluster(tmp_path, cloud), "-l", "kubernetes.io/hostname=gpu-z", "-o", "json")
    assert json.loads(out)["nodes"][0]["cloud_name"] == "nvidia-h100-80gb"


def test_without_pods_free_devices_are_unknown(gfd: Gfd, tmp_path: Path) -> None:
    code, out, err = gfd(*cluster(tmp_path)[:2], "-l", "zone=a")
    assert code == 0
    assert err == (
        "gfd: warning: allocated and free devices are unknown: "
        "pass the output of kubectl get pods -A -o json with --pods\n"
    )
    assert out.splitlines()[1].split()[-4:] == ["gpu:?/7,1g.5gb:?/2", "gpu:?,1g.5gb:?", "5m30s", "-"]
    assert out.splitlines()[-2].split() == ["nvidia.com/gpu", "7", "?", "?"]


def test_a_cluster_without_gpu_labels(gfd: Gfd, tmp_path: Path) -> None:
    (tmp_path / "bare.json").write_text(json.dumps({"kind": "List", "items": [node("a", {}, {})]}))
    message = (
        "gfd: warning: no node offers GPUs or has GPU labels; to see whether gfd runs on a node: "
        "kubectl get pods -A -l app.kubernetes.io/name=gfd -o wide\n"
    )
    words = (f"--nodes={tmp_path}/bare.json", f"--pods={tmp_path}/pods.json")
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": []}))
    assert gfd(*words) == (0, "0 nodes with GPUs, 1 node without GPUs\n", message)


def test_control_characters_in_labels_are_escaped(gfd: Gfd, tmp_path: Path) -> None:
    evil = node("evil\x1b[2J\r\n", gpu_labels("A100\x1b]0;x\x07\u202e", gpu_machine="\x9b31m"), {"gpu": 1})
    for words in ([], ["-o", "wide"]):
        _, out, _ = gfd(*cluster(tmp_path, evil), *words)
        assert "evil\\x1b[2J\\r\\n  A100\\x1b]0;x\\x07\\u202e" in out
        assert all(each == "\n" or each.isprintable() for each in out)
    for form in ("json", "yaml"):
        _, out, _ = gfd(*cluster(tmp_path, evil), "-o", form)
        assert all(each == "\n" or each.isprintable() for each in out)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--sort=prodct"],
            2,
            "--sort (command line): 'prodct' is not a valid value; choose node, product, gpus, mig, memory",
        ),
        (["--sort=free,-fre"], 2, "--sort (command line): 'fre' is not a valid value; choose node"),
        (
            ["-l", "a in b"],
            2,
            "--selector (command line): cannot read 'a in b'; write zone=a, count>4,",
        ),
        (
            ["-o", "xml"],
            2,
            "--format (command line): 'xml' is not a valid value; choose table, wide, json, yaml or csv",
        ),
        (["--pods=x"], 2, "--pods (command line): needs --nodes: the nodes that these pods run on"),
        (
            ["--nodes=/gone"],
            1,
            "/gone: No such file or directory; expected the output of kubectl get nodes -o json",
        ),
        (
            ["--nodes=/gone", "-w"],
            2,
            "--watch (command line): needs a cluster; a file or a simulation does not change",
        ),
        (
            ["--simulate=t4", "-w"],
            2,
            "--watch (command line): needs a cluster; a file or a simulation does not change",
        ),
        (["--simulate=t"], 2, "--simulate (command line): there is no machine t"),
        (
            ["--kubeconfig=/gone"],
            1,
            "kubeconfig /gone: there is no such file; set another with --kubeconfig",
        ),
        (["n1"], 2, "n1 (command line): gfd nodes takes only options, and not this word"),
    ],
)
def test_bad_input(gfd: Gfd, words: list[str], code: int, message: str) -> None:
    exit_code, out, err = gfd(*words)
    assert (exit_code, out) == (code, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("columns", [20, 60])
def test_a_narrow_terminal(tmp_path: Path, request: pytest.FixtureRequest, columns: int) -> None:
    with typed("nodes", *cluster(tmp_path), columns=columns) as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 0
    goldens.check(request, f"nodes-{columns}-columns", text)


def test_hostile_names_on_a_narrow_terminal(tmp_path: Path) -> None:
    hostile = node(
        "\x1b[2J\u202e\u202e\u202e", gpu_labels("\x9b\x9b\x9b\x9b\x9bT4"), {"gpu": 1}, writer="gfd"
    )
    with typed("nodes", f"--nodes={write(tmp_path / 'nodes.json', hostile)}", NO_COLOR="1") as terminal:
        message = terminal.read_all().splitlines()
    table = message[1 : message.index("")]
    assert table[-1].startswith(r"\x1b[2J\u202e\u…  \x9b\x9b\x9b\x9b\x9…  ")
    assert max(map(len, table)) <= 60


def test_a_wide_terminal_without_colours(tmp_path: Path) -> None:
    with typed("nodes", *cluster(tmp_path), columns=200, NO_COLOR="1") as terminal:
        shown = terminal.read_all()
    command = (sys.executable, "-m", "gfd", "nodes", *cluster(tmp_path))
    assert shown == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_all_columns_on_a_narrow_terminal(tmp_path: Path) -> None:
    with typed("nodes", *cluster(tmp_path), "-o=wide", NO_COLOR="1") as terminal:
        shown = terminal.read_all()
    command = (sys.executable, "-m", "gfd", "nodes", *cluster(tmp_path), "-o=wide")
    assert shown == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_5000_nodes_in_a_file(tmp_path: Path) -> None:
    items = [node(f"node-{number:04}", gpu_labels(), {"gpu": 8}) for number in range(5000)]
    words = (
        "nodes",
        "--nodes",
        write(tmp_path / "nodes.json", *items),
        "--pods",
        write(tmp_path / "pods.json"),
    )
    done = subprocess.run((sys.executable, "-m", "gfd", *words), capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert (len(lines), lines[5000].split()[0], lines[5002]) == (
        5005,
        "node-4999",
        "5000 nodes with GPUs, 40000 GPUs",
    )


def test_a_reader_that_closes_the_pipe(tmp_path: Path) -> None:
    words = " ".join(("nodes", *cluster(tmp_path)))
    command = f"{sys.executable} -m gfd {words} | head -n 1"
    done = subprocess.run(
        ("bash", "-o", "pipefail", "-c", command), capture_output=True, text=True, check=True
    )
    assert (done.stdout.split()[0], done.stderr) == ("NODE", "")


def test_a_locale_without_utf_8(tmp_path: Path) -> None:
    words = ("nodes", *cluster(tmp_path, node("größe", gpu_labels(), {"gpu": 8})))
    environment = os.environ | {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "",
    }
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *words), capture_output=True, check=True, env=environment
    )
    assert b"\ngr\\xf6\\xdfe" in done.stdout
