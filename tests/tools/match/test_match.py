"""gfd match as it is typed: what it prints, what it says when something is wrong, and its exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gfd import cli

pytestmark = pytest.mark.whole

Gfd = Callable[..., tuple[int | None, str, str]]
ROOT = Path(__file__).parents[3]
EXAMPLES = Path("manifests/examples")
POD = str(EXAMPLES / "vectoradd.yaml")
WORKFLOW = str(EXAMPLES / "argo-vector-add.yaml")
SLICE = "A100-PCIE-40GB-MIG-1g.5gb"
PRODUCT = "nvidia.com/gpu.product"
WARNING = "gfd: warning: without --pods, every device counts as free\n"
PRINTED = Path("tests/fixtures/printed")


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gfd:
    """Run gfd in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(ROOT)

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def node(name: str, product: str = "", gpus: int = 8, **spec: Any) -> dict[str, Any]:
    labels = {PRODUCT: product} if product else {}
    allocatable = {"cpu": "8", "nvidia.com/gpu": str(gpus)} if gpus else {"cpu": "8"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": allocatable},
    }


def placed(name: str, on: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"name": "c", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    spec = {"nodeName": on, "containers": [container]}
    return {"kind": "Pod", "metadata": {"name": name}, "spec": spec, "status": {"phase": phase}}


def listed(path: Path, *items: dict[str, Any]) -> str:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    taints = [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    return listed(
        tmp_path / "nodes.json",
        node("gpu-2", f"NVIDIA-{SLICE}", 7),
        node("gpu-1", f"NVIDIA-{SLICE}", 7),
        node("gpu-3", f"NVIDIA-{SLICE}", 7, taints=taints),
        node("t4", "Tesla-T4"),
        node("cpu", gpus=0),
    )


@pytest.fixture
def pod(tmp_path: Path) -> Callable[..., str]:
    def write(spec: str, name: str = "p") -> str:
        path = tmp_path / f"{name}.yaml"
        head = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n"
        path.write_text(head + "  containers: [{name: c, image: i}]\n" * ("containers" not in spec) + spec)
        return str(path)

    return write


SINGLE = ("--simulate=mig-doc", "--mig=all-1g.5gb", "--mig-strategy=single")


def test_the_document_fits(gfd: Gfd) -> None:
    assert gfd("match", POD, *SINGLE) == (
        0,
        """\
Pod cuda-vectoradd (manifests/examples/vectoradd.yaml:2): fits 1 of 1 node
node     fits  term  there
mig-doc  yes         nvidia.com/gpu: 7 of 7 free
""",
        "",
    )
    assert gfd("match", WORKFLOW, "--simulate=mig-doc", "--mig=all-3g.20gb", "--mig-strategy=single") == (
        0,
        """\
Workflow argo-mig-example-*, template gen-mig-device-list (manifests/examples/argo-vector-add.yaml:21): \
fits 1 of 1 node
node     fits  term  there
mig-doc  yes

Workflow argo-mig-example-*, template argo-mig (manifests/examples/argo-vector-add.yaml:29): fits 1 of 1 node
node     fits  term  there
mig-doc  yes         nvidia.com/gpu: 2 of 2 free
""",
        "",
    )


def test_the_document_as_printed_is_refused(gfd: Gfd) -> None:
    for name, key in (("vectoradd.yaml", "image"), ("argo-vector-add.yaml", "steps")):
        assert gfd("match", str(PRINTED / name), *SINGLE) == (
            1,
            "",
            (
                f"gfd: {PRINTED / name}:9: is not valid YAML: mapping values are not allowed in this context;"
                f" {key}: probably belongs beside name: (line 8): indent it by 2, not 4; nothing is indented"
                " below metadata: (line 3) and spec: (line 5): the file has lost its indentation\n"
            ),
        )


def test_nothing_fits(gfd: Gfd, nodes: str) -> None:
    assert gfd("match", POD, "--nodes", nodes) == (
        1,
        f"""\
Pod cuda-vectoradd ({POD}:2): fits none of 5 nodes
node   fits  term                                                           there
cpu    no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  no such label
gpu-1  no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
gpu-2  no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
gpu-3  no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
t4     no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               Tesla-T4
nearest: no node has nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb; there is \
NVIDIA-A100-PCIE-40GB-MIG-1g.5gb (3 nodes), Tesla-T4 (1 node)
edit: {POD}:15: nvidia.com/gpu.product: A100-PCIE-40GB-MIG-1g.5gb → NVIDIA-A100-PCIE-40GB-MIG-1g.5gb, \
since newer drivers put NVIDIA in the name
then it fits 2 nodes: gpu-1, gpu-2
""",
        f"{WARNING}gfd: Pod cuda-vectoradd ({POD}:2) fits no node\n",
    )


def test_the_edit_makes_it_fit(gfd: Gfd, nodes: str, tmp_path: Path) -> None:
    mended = tmp_path / "pod.yaml"
    mended.write_text((ROOT / POD).read_text().replace(f": {SLICE}", f": NVIDIA-{SLICE}"))
    code, out, _ = gfd("match", str(mended), "--nodes", nodes)
    assert code == 0
    assert out.splitlines()[0].endswith(": fits 2 of 5 nodes")


def test_json(gfd: Gfd, nodes: str) -> None:
    code, out, err = gfd("match", POD, "--nodes", nodes, "-o", "json")
    assert (code, err) == (1, f"{WARNING}gfd: Pod cuda-vectoradd ({POD}:2) fits no node\n")
    product = {"kind": "nodeSelector", "term": f"{PRODUCT}={SLICE}"}
    verdict = {"fits": False, "score": 0, "avoided": []}
    taint = {"kind": "taint", "term": "no toleration of the taint", "there": "nvidia.com/gpu=true:NoSchedule"}
    lacking = {"kind": "resource", "term": "1 nvidia.com/gpu", "there": "none"}
    newer = product | {"there": f"NVIDIA-{SLICE}"}
    assert json.loads(out) == {
        "pods": [
            {
                "kind": "Pod",
                "namespace": "",
                "name": "cuda-vectoradd",
                "part": "",
                "file": POD,
                "line": 2,
                "requests": {"nvidia.com/gpu": 1},
                "fits": 0,
                "nodes": [
                    {"name": "cpu", **verdict, "failed": [product | {"there": None}, lacking]},
                    {"name": "gpu-1", **verdict, "failed": [newer]},
                    {"name": "gpu-2", **verdict, "failed": [newer]},
                    {"name": "gpu-3", **verdict, "failed": [newer, taint]},
                    {"name": "t4", **verdict, "failed": [product | {"there": "Tesla-T4"}]},
                ],
                "nearest": [
                    {
                        "asked": f"{PRODUCT}={SLICE}",
                        "label": PRODUCT,
                        "values": {f"NVIDIA-{SLICE}": 3, "Tesla-T4": 1},
                        "labels": {},
                    }
                ],
                "remedies": [
                    {
                        "edits": [
                            {
                                "line": 15,
                                "old": f"{PRODUCT}: {SLICE}",
                                "new": f"{PRODUCT}: NVIDIA-{SLICE}",
                                "why": "newer drivers put NVIDIA in the name",
                            }
                        ],
                        "awaited": [],
                        "nodes": ["gpu-1", "gpu-2"],
                    }
                ],
                "notes": [],
            }
        ],
        "fits": False,
    }
    assert (
        json.loads(gfd("match", POD, POD.replace("vectoradd", "enough-memory"), *SINGLE, "-o=json")[1])[
            "fits"
        ]
        is False
    )
    assert json.loads(gfd("match", POD, *SINGLE, "-o=json")[1])["fits"] is True


def test_devices_that_are_taken(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json", node("a", "T4", 4), node("b", "T4", 2))
    pods = listed(
        tmp_path / "p.json", placed("x", "a", 3), placed("y", "b", 1), placed("z", "b", 1, "Succeeded")
    )
    file = pod("  containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 2, cpu: 1}}}]\n")
    code, out, err = gfd("match", file, "--nodes", nodes)
    assert (code, err) == (0, WARNING)
    assert out == (
        f"Pod p ({file}:1): fits 2 of 2 nodes\n"
        "node  fits  term  there\n"
        "a     yes         nvidia.com/gpu: 4 of 4 free\n"
        "b     yes         nvidia.com/gpu: 2 of 2 free\n"
        "note: not judged: cpu\n"
    )
    assert gfd("match", file, "--nodes", nodes, "--pods", pods)[:2] == (
        1,
        (
            f"Pod p ({file}:1): fits none of 2 nodes\n"
            "node  fits  term              there\n"
            "a     no    2 nvidia.com/gpu  1 of 4 free\n"
            "b     no    2 nvidia.com/gpu  1 of 2 free\n"
            "wait: it fits as soon as one is left with 2 nvidia.com/gpu free: 2 nodes: a, b\n"
            "note: not judged: cpu\n"
        ),
    )


def test_preferences_rank_what_fits(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    soft = [{"key": "a", "effect": "PreferNoSchedule"}]
    nodes = listed(
        tmp_path / "n.json",
        node("a", "T4"),
        node("b", "L40S", taints=soft),
        node("c", "L40S"),
        node("d", "L40S", unschedulable=True),
    )
    asked = "{key: nvidia.com/gpu.product, operator: In, values: [L40S]}"
    term = f"{{weight: 20, preference: {{matchExpressions: [{asked}]}}}}"
    file = pod(
        f"  affinity: {{nodeAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{term}]}}}}\n"
    )
    assert gfd("match", file, "--nodes", nodes)[:2] == (
        0,
        f"Pod p ({file}:1): fits 3 of 4 nodes\n"
        "node  fits  score  term                                     there\n"
        "c     yes   20\n"
        "b     yes   20     only if need be: taint a:PreferNoSchedule\n"
        "a     yes   0\n"
        "d     no           no toleration of the taint              "
        " node.kubernetes.io/unschedulable:NoSchedule\n".replace(
            "term                                     there",
            "term                                       there",
        ).replace("taint               node", "taint                 node"),
    )


def test_other_answers(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    taints = [{"key": "nvidia.com/gpu", "effect": "NoExecute"}]
    empty = node("a", "T4", taints=taints)
    empty["metadata"]["labels"]["zone"] = ""
    nodes = listed(tmp_path / "n.json", empty)
    file = pod(
        "  nodeSelector: {zone: b}\n  affinity: {nodeAffinity:"
        " {requiredDuringSchedulingIgnoredDuringExecution:"
        " {nodeSelectorTerms: [{matchExpressions: [{key: nvidia.com/gpu.product, operator: NotIn, values:"
        " [T4]}]}]}}}\n"
    )
    assert gfd("match", file, "--nodes", nodes)[1] == (
        f"Pod p ({file}:1): fits none of 1 node\n"
        "node  fits  term                 there\n"
        "a     no    zone=b (and 2 more)  (empty)\n"
        "nearest: no node has zone=b; there is (empty) (1 node)\n"
        "nearest: no node has nvidia.com/gpu.product!=T4; there is T4 (1 node)\n"
    )
    only = pod("  nodeSelector: {gpu: x}\n", "q")
    assert gfd("match", only, "--nodes", listed(tmp_path / "m.json", node("a", "T4", taints=taints)))[1] == (
        f"Pod q ({only}:1): fits none of 1 node\n"
        "node  fits  term                there\n"
        "a     no    gpu=x (and 1 more)  no such label\n"
        "nearest: no node has a label gpu\n"
        f"edit: {only}:6: leave out gpu: x\n"
        f"edit: {only}:1: add to tolerations: {{key: nvidia.com/gpu, operator: Exists, effect: NoExecute}}\n"
        "then it fits 1 node: a\n"
    )
    misspelt = pod("  nodeSelector: {nvidia.com/gpu.prodct: T4}\n", "r")
    assert gfd("match", misspelt, "--nodes", listed(tmp_path / "m.json", node("a", "T4")))[1] == (
        f"Pod r ({misspelt}:1): fits none of 1 node\n"
        "node  fits  term                      there\n"
        "a     no    nvidia.com/gpu.prodct=T4  no such label\n"
        "nearest: no node has a label nvidia.com/gpu.prodct; there is nvidia.com/gpu.product (1 node)\n"
        f"edit: {misspelt}:6: nvidia.com/gpu.prodct: T4 → nvidia.com/gpu.product: T4\n"
        "then it fits 1 node: a\n"
        "note: it selects nodes by nvidia.com/gpu.prodct and requests no nvidia.com/* resource: it would see"
        " no GPU"
        " there; add resources: {limits: {nvidia.com/gpu: 1}}\n"
    )


def test_no_such_devices(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json", *(node(f"n{number:02}", gpus=0) for number in range(2)))
    assert gfd("match", POD, "--nodes", nodes)[1].splitlines()[3:] == [
        "n01   no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  no such label",
        ("nearest: no node has a label nvidia.com/gpu.product; gfd nodes tells which nodes gfd has labelled"),
        "nearest: no node offers nvidia.com/gpu; NVIDIA's device plugin does where it runs",
    ]
    others = [node(f"n{number:02}", SLICE, 0) for number in range(12)]
    for each in others:
        each["status"]["allocatable"]["nvidia.com/mig-1g.5gb"] = "7"
    nodes = listed(tmp_path / "n.json", *others)
    assert gfd("match", POD, "--nodes", nodes)[1].splitlines()[-4:] == [
        "n11   no    1 nvidia.com/gpu  none, but 7 nvidia.com/mig-1g.5gb",
        "nearest: no node offers nvidia.com/gpu; there is nvidia.com/mig-1g.5gb (12 nodes)",
        (
            f"edit: {POD}:13: nvidia.com/gpu: 1 → nvidia.com/mig-1g.5gb: 1, since MIG devices are resources"
            " of their own under the strategy mixed"
        ),
        "then it fits 12 nodes: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, …",
    ]


def test_several_pods(gfd: Gfd, nodes: str, pod: Callable[..., str]) -> None:
    files = [pod("  nodeSelector: {a: b}\n", f"p{number}") for number in range(7)]
    code, out, err = gfd("match", *files, POD, "--nodes", nodes)
    assert (code, out.count("fits none of 5 nodes")) == (1, 8)
    named = ", ".join(f"Pod p{number} ({file}:1)" for number, file in enumerate(files[:5]))
    assert err == f"{WARNING}gfd: {named} and 3 more fit no node\n"
    fine = pod("", "fine")
    assert gfd("match", fine, files[0], "--nodes", nodes)[2] == f"gfd: Pod p0 ({files[0]}:1) fits no node\n"


def test_an_empty_cluster(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json")
    text = f"Pod cuda-vectoradd ({POD}:2): fits none of 0 nodes\n"
    assert gfd("match", POD, "--nodes", nodes) == (
        1,
        text,
        WARNING + "gfd: there are no nodes, so nothing fits\n",
    )
    assert json.loads(gfd("match", POD, "--nodes", nodes, "-o=json")[1])["fits"] is False


def test_no_cluster(gfd: Gfd, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: x, user: {}}]\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
    )
    code, out, err = gfd("match", POD, "--kubeconfig", str(config))
    assert (code, out) == (1, "")
    assert err.startswith("gfd: the API server http://127.0.0.1:1 does not answer: ")
    assert err.count("\n") == 1


def test_wrong_use(gfd: Gfd, nodes: str) -> None:
    missing = "the following arguments are required: FILE; see gfd match --help"
    assert gfd("match") == (2, "", f"gfd: gfd match (command line): {missing}\n")
    reason = "standard input can be read only once; use - for one of FILE, --nodes and --pods"
    once = f"gfd: - (command line): {reason}\n"
    assert gfd("match", "-", "--nodes", "-") == (2, "", once)
    assert gfd("match", "-", "-") == (2, "", once)
    assert gfd("match", POD, "--nodes", "-", "--pods", "-") == (2, "", once)
    assert gfd("match", POD, "--pods", nodes)[0] == 2


def test_standard_input(gfd: Gfd, nodes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(path: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((ROOT / path).read_bytes())))

    feed(nodes)
    assert gfd("match", POD, "--nodes", "-") == gfd("match", POD, "--nodes", nodes)
    feed(POD)
    code, out, _ = gfd("match", "-", "--nodes", nodes)
    assert (code, out) == (1, gfd("match", POD, "--nodes", nodes)[1].replace(POD, "standard input"))


def test_hostile_text_is_shown(gfd: Gfd, tmp_path: Path) -> None:
    evil = node("\x1b[2J", "\x1b[31m")
    evil["spec"]["taints"] = [{"key": "\x1b]0;x\x07", "effect": "NoSchedule"}]
    nodes = listed(tmp_path / "n.json", evil)
    file = tmp_path / "pod.yaml"
    file.write_text(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "\\e[2J"}\n'
        "spec: {containers: [{name: a, image: b}], nodeSelector: {nvidia.com/gpu.product: T4}}\n"
    )
    for form in ("table", "json"):
        code, out, err = gfd("match", str(file), "--nodes", nodes, "-o", form)
        assert code == 1
        assert "\x1b" not in out + err
        assert "\x07" not in out + err
    assert err == f"gfd: Pod \\x1b[2J ({file}:1) fits no node\n"


def test_a_narrow_terminal(gfd: Gfd, nodes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("gfd.tools.terminal.width_of", lambda _: 60)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    _, out, _ = gfd("match", POD, "--nodes", nodes)
    lines = out.splitlines()
    assert lines[0] == f"Pod cuda-vectoradd ({POD}:2): \x1b[31mfits none of 5 nodes\x1b[0m"
    assert lines[1] == "\x1b[1mnode   fits  term                    there\x1b[0m"
    assert lines[3] == "gpu-1  no    nvidia.com/gpu.produc…  NVIDIA-A100-PCIE-40GB-…"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in gfd("match", POD, "--nodes", nodes)[1]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        (sys.executable, "-m", "gfd", "match", *arguments),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | environ,
    )


def test_a_locale_without_utf_8(nodes: str) -> None:
    done = run(
        POD, "--nodes", nodes, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="", LC_ALL="C"
    )
    assert done.returncode == 1
    assert rb"A100-PCIE-40GB-MIG-1g.5gb \u2192 NVIDIA-A100" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize(("product", "code"), [("T4", 1), (SLICE, 0)])
def test_a_pipe_that_closes_does_not_change_the_exit_code(tmp_path: Path, product: str, code: int) -> None:
    nodes = listed(tmp_path / "n.json", *(node(f"n{number}", product) for number in range(5000)))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            (sys.executable, "-m", "gfd", "match", POD, "--nodes", nodes),
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            cwd=ROOT,
        )
    fault = f"gfd: Pod cuda-vectoradd ({POD}:2) fits no node\n"
    assert (done.returncode, done.stderr.decode()) == (code, WARNING + (fault if code else ""))


@pytest.mark.slow
def test_many_nodes_in_seconds(gfd: Gfd, tmp_path: Path, pod: Callable[..., str]) -> None:
    products = (f"NVIDIA-{SLICE}", "Tesla-T4", "NVIDIA-H100-80GB-HBM3")
    many = (node(f"n{number:04}", products[number % 3]) for number in range(5000))
    nodes = listed(tmp_path / "n.json", *many)
    spec = f"  nodeSelector: {{{PRODUCT}: {SLICE}}}\n"
    files = [pod(spec, f"p{number}") for number in range(20)]
    started_s = time.process_time()
    code, out, _ = gfd("match", *files, "--nodes", nodes)
    took_s = time.process_time() - started_s
    assert (code, out.count("then it fits 1667 nodes")) == (1, 20)
    assert took_s < 30
