"""gfd match and what it reads and writes: clusters, standard input, terminals, pipes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.match.command import MAY_FIT, POD, ROOT, SLICE, Gfd, listed, node

pytestmark = pytest.mark.whole


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
    what = "pods or objects that create them, such as a Deployment; - reads standard input"
    missing = f"FILE is missing: {what}; for example: gfd match pod.yaml"
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


def test_hostile_text_is_escaped(gfd: Gfd, tmp_path: Path) -> None:
    evil = node("\x1b[2J", "\x1b[31m")
    evil["spec"]["taints"] = [{"key": "\x1b]0;x\x07", "effect": "NoSchedule"}]
    nodes = listed(tmp_path / "n.json", evil)
    file = tmp_path / "pod.yaml"
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"
        "spec: {containers: [{name: a, image: b}], nodeSelector: {nvidia.com/gpu.product: T4}}\n"
    )
    illegal = "is not the name of an object: the name is not a DNS name in lower case, such as example.com"
    for name, told in (
        ("a", f"Pod a ({file}:1) fits no node"),
        (
            '"\\e[2J"',
            f"{file}:3: metadata.name: '\\x1b[2J' {illegal}",
        ),
    ):
        file.write_text(pod % name)
        for form in ("table", "json"):
            code, out, err = gfd("match", str(file), "--nodes", nodes, "-o", form)
            assert (code, err) == (1, f"gfd: {told}\n")
            assert "\x1b" not in out
            assert "\x07" not in out


def test_a_narrow_terminal(gfd: Gfd, nodes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("gfd.tools.terminal.width_of", lambda _: 60)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    _, out, _ = gfd("match", POD, "--nodes", nodes)
    lines = out.splitlines()
    assert lines[0] == f"Pod cuda-vectoradd ({POD}:2): \x1b[31mfits none of 5 nodes\x1b[0m"
    assert lines[1] == "\x1b[1mnode   product         fits  pod asks for    node has\x1b[0m"
    assert lines[2] == "gpu-1  NVIDIA-A100-P…  no    nvidia.com/gp…  NVIDIA-A100-PC…"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in gfd("match", POD, "--nodes", nodes)[1]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        (sys.executable, "-m", "gfd", "match", *arguments),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
    )


def test_a_locale_without_utf_8(nodes: str) -> None:
    done = run(
        POD, "--nodes", nodes, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="", LC_ALL="C"
    )
    assert done.returncode == 1
    assert rb"A100-PCIE-40GB-MIG-1g.5gb \u2192 NVIDIA-A100" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize(("product", "code"), [("T4", 1), (SLICE, 3)])
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
            env={"PATH": os.environ["PATH"]},
        )
    fault = "fits no node\n" if code == 1 else MAY_FIT
    assert (done.returncode, done.stderr.decode()) == (code, f"gfd: Pod cuda-vectoradd ({POD}:2) {fault}")
