from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gfd.cluster.connection import connect
from gfd.errors import ApiError


def kubeconfig(path: Path, *contexts: str, current: str = "", user: dict[str, Any] | None = None) -> Path:
    """Write a file whose contexts lead to servers of their names."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443"}} for name in contexts],
        "users": [{"name": path.name, "user": user or {"token": f"of {path.name}"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": path.name}} for name in contexts],
        "current-context": current or contexts[0],
    }
    path.write_text(json.dumps(content))
    return path


def refused(*arguments: Any) -> str:
    with pytest.raises(ApiError) as caught:
        connect(*arguments)
    return str(caught.value)


def test_the_context_in_force_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "one", "two")
    assert connect(path).host == "https://one:6443"
    assert connect(path, "two").host == "https://two:6443"
    assert connect(path, "two").authorization() == {"authorization": "Bearer of config"}


def test_a_context_goes_before_the_account_of_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "one")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "nowhere")
    assert connect(None, "one").host == "https://one:6443"


def test_several_files_as_kubectl_takes_them(tmp_path: Path) -> None:
    files = [kubeconfig(tmp_path / "a", "one"), tmp_path / "gone", kubeconfig(tmp_path / "b", "two")]
    path = Path(os.pathsep.join(map(str, files)))
    assert connect(path).host == "https://one:6443"
    assert connect(path, "two").authorization() == {"authorization": "Bearer of b"}


def test_a_context_that_there_is_not(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "production", "test")
    no_context = f"kubeconfig {path} has no context"
    assert refused(path, "tset") == f"{no_context} 'tset'; there are production, test; did you mean test?"
    kubeconfig(path, "test", current="gone")
    assert refused(path) == f"{no_context} 'gone'; there are test"
    path.write_text('{"current-context": "gone", "contexts": [], "clusters": [], "users": []}')
    assert refused(path) == f"{no_context} 'gone'; there are none"


@pytest.mark.parametrize("contexts", ["1", "[1]", '[{"name": 1}]', "{}"])
def test_contexts_that_are_none(tmp_path: Path, contexts: str) -> None:
    path = tmp_path / "config"
    path.write_text(f'{{"current-context": "a", "contexts": {contexts}, "clusters": [], "users": []}}')
    assert refused(path).startswith(f"kubeconfig {path} ")


def test_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    said = f"kubeconfig {gone}: there is no such file; name another with --kubeconfig"
    assert refused(gone) == said
    assert refused(Path(f"{gone}:{gone}")) == said.replace(str(gone), f"{gone}:{gone}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert refused(None) == (
        f"kubeconfig {tmp_path}/.kube/config: there is no such file, and this is no pod; "
        "name one with --kubeconfig"
    )


def test_a_plugin_that_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = {"command": "/gone/plugin", "interactiveMode": "Never"}
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **command}}
    path = kubeconfig(tmp_path / "config", "one", user=plugin)
    reason = "[Errno 2] No such file or directory: '/gone/plugin'"
    assert refused(path) == f"kubeconfig {path} cannot be used: its exec plugin failed: {reason}"
    assert capfd.readouterr() == ("", "")
