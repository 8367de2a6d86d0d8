"""The command ``gfd report``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.inventory import snapshot
from gfd.simulation import machines
from tests import make
from tests.tools.report import samples

pytestmark = pytest.mark.whole

Gfd = Callable[..., tuple[int | None, str, str]]


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gfd:
    """Run ``gfd report`` in this process and an empty folder: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(("report", *argv), environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def heading(page: str) -> str:
    (found,) = re.findall("<h1>(.*?)</h1>", page)
    return str(found)


def nodes_of(page: str) -> dict[str, dict[str, Any]]:
    """Return each node's labels, facts, notes and captions of diagrams."""
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])
    return {
        node["name"]: {
            "labels": dict(data["labels"][number] for number in node["labels"]),
            "facts": [data["texts"][number] for number in node["facts"]],
            "notes": [data["texts"][number] for number in node["notes"]],
            "diagrams": [data["diagrams"][number]["caption"] for number in node["diagrams"]],
        }
        for node in data["nodes"]
    }


def test_a_simulated_machine(gfd: Gfd) -> None:
    asked = ("--simulate=mig-doc", "--mig=all-1g.5gb", "--mig-strategy=single", "--no-timestamp")
    assert gfd("--html", "page.html", *asked) == (0, "", "")
    page = Path("page.html").read_text()
    assert heading(page) == "GPUs of mig-doc"
    assert "<p>A simulated machine. Written at " in page
    (node,) = nodes_of(page).values()
    assert node["facts"][0] == "7 × A100-PCIE-40GB-MIG-1g.5gb"  # noqa: RUF001
    assert node["diagrams"] == ["GPU 0: A100-PCIE-40GB; no room for another MIG instance"]
    assert (len(node["labels"]), node["notes"]) == (34, [])


def test_the_page_on_standard_output(gfd: Gfd) -> None:
    code, page, err = gfd("--html=-", "--simulate=t4", "--node-name=n1", "--title=Lab & <more>")
    assert (code, err, list(nodes_of(page)), left()) == (0, "", ["n1"], [])
    assert heading(page) == "Lab &amp; &lt;more&gt;"
    assert page.endswith("</html>\n")


def test_nodes_from_kubectl_output(gfd: Gfd) -> None:
    Path("nodes.json").write_text(json.dumps(samples.nodes(8)))
    Path("pods.json").write_text(json.dumps(samples.pods(3)))
    _, page, _ = gfd("--html=-", "--nodes=nodes.json")
    assert heading(page) == "GPUs of this cluster"
    assert (
        "<p>Nodes from kubectl output. 1 node without GPUs left out. "
        "The requests of pods are unknown. Written at "
    ) in page
    found = nodes_of(page)
    assert found["node-0002"]["diagrams"] == ["7 × nvidia.com/gpu"]  # noqa: RUF001
    _, page, _ = gfd("--html=-", "--nodes=nodes.json", "--pods=pods.json")
    assert "<p>Nodes from kubectl output. 1 node without GPUs left out. Written at " in page
    found = nodes_of(page)
    assert found["node-0002"]["diagrams"] == ["6 of 7 nvidia.com/gpu free"]
    assert found["node-0006"]["diagrams"] == ["1 of 1 nvidia.com/gpu free"]


def test_nodes_without_gpus_are_left_out(gfd: Gfd) -> None:
    kinds = (("a", "no-gpu"), ("b", "t4"), ("c", "no-gpu"), ("d", "t4"))
    items = []
    for name, machine in kinds:
        node = samples.make_node(0, machine, "all-disabled", "none")
        items.append({**node, "metadata": {**node["metadata"], "name": name}})
    Path("nodes.json").write_text(json.dumps({"kind": "NodeList", "items": items}))
    assert list(nodes_of(gfd("--html=-", "--nodes=nodes.json")[1])) == ["b", "d"]


def test_an_empty_cluster(gfd: Gfd) -> None:
    Path("nodes.json").write_text('{"kind": "NodeList", "items": []}')
    code, page, err = gfd("--html=-", "--nodes=nodes.json")
    assert (code, nodes_of(page), err) == (0, {}, "")


def take(name: str, machine: str, layout: str = "") -> None:
    inventory = machines.read(machine, layout or None)
    Path(name).write_text(snapshot.to_yaml(inventory))


def test_snapshots(gfd: Gfd) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
    take("a/x.yaml", "dgx-h100")
    take("b/x.yaml", "a30", "all-2g.12gb")
    take("b/y.yaml", "no-gpu")
    code, page, err = gfd("--html=-", "a/x.yaml", "b/x.yaml", "b/y.yaml", "--mig-strategy=mixed")
    assert (code, err, heading(page)) == (0, "", "GPUs of 3 nodes")
    assert "<p>From snapshots. Written at " in page
    found = nodes_of(page)
    assert {name: (node["diagrams"], node["notes"]) for name, node in found.items()} == {
        "a/x.yaml": (["GPUs 0 to 7: NVIDIA H100 80GB HBM3, without MIG"], []),
        "b/x.yaml": ([f"GPU {index}: NVIDIA A30; no room for another MIG instance" for index in (0, 1)], []),
        "y": ([], ["No GPU."]),
    }
    assert heading(gfd("--html=-", "b/y.yaml")[1]) == "GPUs of y"


def test_the_card_of_an_unreadable_snapshot(gfd: Gfd) -> None:
    take("good.yaml", "t4")
    Path("newer.yaml").write_text("schema: 2\ngpus: []\n")
    Path("bad.yaml").write_text("schema: 1\ngpus: [{index: 0}]\n")
    code, page, err = gfd("--html=-", "newer.yaml", "bad.yaml", "gone.yaml", "good.yaml")
    said = {
        "newer": "newer.yaml:1: schema: 2 cannot be read: this version of gfd reads schema 1; "
        "take the snapshot again",
        "bad": "bad.yaml: gpus[0].name: missing",
        "gone": "gone.yaml: No such file or directory; take one with gfd snapshot -o gone.yaml",
    }
    assert code == 0
    assert err == "".join(f"gfd: warning: {reason}\n" for reason in said.values())
    found = nodes_of(page)
    assert found.pop("good")["notes"] == []
    assert {name: node["notes"] for name, node in found.items()} == {
        name: [f"{reason}."] for name, reason in said.items()
    }


def test_only_unreadable_snapshots(gfd: Gfd) -> None:
    Path("page.html").write_text("the page before")
    code, page, err = gfd("--html=page.html", "a.yaml", "b.yaml")
    hint = "No such file or directory; take one with gfd snapshot -o"
    assert (code, page, err) == (1, "", f"gfd: a.yaml: {hint} a.yaml; b.yaml: {hint} b.yaml\n")
    assert Path("page.html").read_text() == "the page before"


def test_a_node_without_labels_is_drawn(gfd: Gfd) -> None:
    failed = make.mig_gpu(mig_devices=None, failures=(make.failure("mig_devices"),))
    Path("lost.yaml").write_text(snapshot.to_yaml(make.inventory(failed)))
    code, page, err = gfd("--html=-", "--mig-strategy=mixed", "lost.yaml")
    reason = "nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)"
    none = f"none of 1 GPUs could be read: {reason}"
    advice = "see the kernel log (dmesg) for messages of NVRM and Xid"
    none = f"{none}; {advice}"
    assert (code, err) == (0, f"gfd: warning: lost has no labels: {none}\n")
    assert nodes_of(page) == {
        "lost": {
            "labels": {},
            "facts": [],
            "notes": [f"No labels: {none}."],
            "diagrams": [f"GPU 0: A100-PCIE-40GB, in MIG mode; not drawn: {reason}"],
        }
    }


NO_FILE = "needs a file; pass --html FILE, or --html - for standard output"


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ((), 2, f"--html (command line): {NO_FILE}"),
        (("--html=",), 2, f"--html (command line): {NO_FILE}"),
        (
            ("--html=-", "--pods=p"),
            2,
            "--pods (command line): needs --nodes: the nodes that these pods run on",
        ),
        (
            ("--html=-", "x.yaml", "--this-machine"),
            2,
            "--this-machine (command line): SNAPSHOT and --this-machine name different nodes; choose one",
        ),
        (
            ("--html=-", "--nodes=x", "--this-machine"),
            2,
            "--this-machine (command line): --nodes and --this-machine name different nodes; choose one",
        ),
        (
            ("--html=missing/page.html", "--simulate=t4"),
            1,
            "--html missing/page.html: No such file or directory; choose a folder that you can write to",
        ),
    ],
)
def test_bad_input(gfd: Gfd, argv: tuple[str, ...], code: int, said: str) -> None:
    assert gfd(*argv) == (code, "", f"gfd: {said}\n")
    assert left() == []


def test_an_error_writes_no_page(gfd: Gfd, tmp_path: Path) -> None:
    before = Path("page.html")
    before.write_text("before")
    code, _, err = gfd("--html=page.html", "--this-machine")
    assert (code, err.partition(" from ")[0]) == (1, "gfd: libnvidia-ml.so.1 could not be loaded")
    code, _, err = gfd("--html=page.html", KUBECONFIG=str(tmp_path / "none"))
    assert (code, err.count("\n"), str(tmp_path / "none") in err) == (1, 1, True)
    assert before.read_text() == "before"


def test_a_locale_without_utf_8() -> None:
    command = (sys.executable, "-m", "gfd", "report", "--html=-", "--simulate=t4", "--title=Zürich")
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    assert b"<h1>Z&#252;rich</h1>" in done.stdout


def test_a_pipe_that_closes() -> None:
    command = f"{sys.executable} -m gfd report --html=- --simulate=t4 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(("bash", "-c", command), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def left() -> list[str]:
    """Return the files in the current folder, without coverage data."""
    return [name for name in os.listdir() if not name.startswith(".coverage")]
