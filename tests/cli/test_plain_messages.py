"""Messages for wrong command lines and files, whole, as a user sees them: what happened, where, what next."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin import HOOK

pytestmark = pytest.mark.whole

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: c
    resources:
"""
FILES = {
    "pod.yaml": f"{POD}      limits: {{nvidia.com/gpu: 1}}\n",
    "one.yaml": f"{POD}      limits:\n        nvidia.com/gpu: one\n",
    "direct.yaml": f"{POD}      nvidia.com/gpu: 1\n",
    "two.yaml": "apiVersion: v1\nkind: Pod\nmetadata: name: a\n",
    "empty.yaml": "",
    "no-contexts.kubeconfig": "kind: Config\n",
    "one-context.kubeconfig": (
        "current-context: a\n"
        "contexts: [{name: a, context: {cluster: c}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    ),
    "a/b.yaml": "",
}
GOLDEN = Path(__file__).parent / "golden"


def run(folder: Path, *words: str) -> tuple[int, str]:
    """Type gfd in ``folder``, on a machine without a GPU; return exit code and what it prints."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/gone",
        "PYTHONPATH": str(HOOK),
        "GFD_PROC_DRIVER_DIR": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *words),
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def list_commands(name: str) -> list[str]:
    """Return the command lines of a transcript."""
    lines = (GOLDEN / name).read_text().splitlines()
    return [line.removeprefix("$ gfd ") for line in lines if line.startswith("$ gfd ")]


@pytest.mark.parametrize("name", ["common-mistakes.txt", "other-mistakes.txt"])
def test_messages(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """The file is a transcript: each command line, what it prints, and its exit code."""
    commands = list_commands(name)
    assert len(commands) > 10
    blocks = []
    for command in commands:
        code, printed = run(tmp_path, *shlex.split(command))
        blocks.append(f"$ gfd {command}\n{printed}[{code}]\n")
    transcript = "\n".join(blocks)
    if request.config.getoption("--update-golden"):
        (GOLDEN / name).write_text(transcript)
    assert (GOLDEN / name).read_text() == transcript


def test_other_names_for_help_and_version(tmp_path: Path) -> None:
    assert run(tmp_path, "version") == run(tmp_path, "--version")
    assert run(tmp_path, "help", "help") == run(tmp_path, "--help")
    assert run(tmp_path, "help", "match") == run(tmp_path, "match", "--help")
