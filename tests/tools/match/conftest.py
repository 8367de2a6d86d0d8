from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gfd import cli
from tests.tools.match.command import ROOT, SLICE, Gfd, listed, node


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gfd:
    """Run gfd in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(ROOT)

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pods.yaml"
