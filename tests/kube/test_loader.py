from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube import service_account
from gfd.kube.loader import load_connection
from tests.hostile.server import make_certificate


def kubeconfig(path: Path, *contexts: str, current: str = "", user: dict[str, Any] | None = None) -> Path:
    """Write a kubeconfig with one server for each context, named after it."""
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
        load_connection(*arguments)
    return str(caught.value)


def test_current_and_named_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "one", "two")
    assert load_connection(path).host == "https://one:6443"
    assert load_connection(path, "two").host == "https://two:6443"
    assert load_connection(path, "two").authorization() == {"authorization": "Bearer of config"}


def test_context_is_preferred_to_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "one")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "nowhere")
    assert load_connection(None, "one").host == "https://one:6443"


def test_several_kubeconfigs(tmp_path: Path) -> None:
    files = [kubeconfig(tmp_path / "a", "one"), tmp_path / "gone", kubeconfig(tmp_path / "b", "two")]
    path = Path(os.pathsep.join(map(str, files)))
    assert load_connection(path).host == "https://one:6443"
    assert load_connection(path, "two").authorization() == {"authorization": "Bearer of b"}


def test_unknown_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "production", "test")
    no_context = f"kubeconfig {path} has no context"
    assert refused(path, "tset") == f"{no_context} 'tset'; it has production, test; did you mean test?"
    kubeconfig(path, "test", current="gone")
    assert refused(path) == f"{no_context} 'gone'; it has test"
    path.write_text('{"current-context": "gone", "contexts": [], "clusters": [], "users": []}')
    assert refused(path) == f"{no_context} 'gone'; it has none"


@pytest.mark.parametrize("contexts", ["1", "[1]", '[{"name": 1}]', "{}"])
def test_malformed_contexts(tmp_path: Path, contexts: str) -> None:
    path = tmp_path / "config"
    path.write_text(f'{{"current-context": "a", "contexts": {contexts}, "clusters": [], "users": []}}')
    assert refused(path).startswith(f"kubeconfig {path} ")


def test_missing_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    said = f"kubeconfig {gone}: there is no such file; set another with --kubeconfig"
    assert refused(gone) == said
    assert refused(Path(f"{gone}:{gone}")) == said.replace(str(gone), f"{gone}:{gone}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert refused(None) == (
        f"kubeconfig {tmp_path}/.kube/config: there is no such file, and gfd is not running in a pod;"
        " pass --kubeconfig"
    )


def test_impossible_paths(tmp_path: Path) -> None:
    """An unknown home directory, a file instead of a directory, a name that is too long."""
    (tmp_path / "file").touch()
    for path in ("~nobody-at-all/config", f"{tmp_path}/file/config", "x" * 5000, "\0"):
        assert refused(Path(path)).startswith(f"kubeconfig {path}: there is no such file; set another with")
    advice = "set another with --kubeconfig"
    assert refused(tmp_path) == f"kubeconfig {tmp_path} cannot be used: Is a directory; {advice}"


def test_failing_plugin(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = {"command": "/gone/plugin", "interactiveMode": "Never"}
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **command}}
    path = kubeconfig(tmp_path / "config", "one", user=plugin)
    reason = "[Errno 2] No such file or directory: '/gone/plugin'"
    assert refused(path) == f"kubeconfig {path} cannot be used: its exec plugin failed: {reason}"
    assert capfd.readouterr() == ("", "")


IN_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> tuple[Path, Path]:
    """The two files of a service account."""
    files = tmp_path / "token", tmp_path / "ca.crt"
    files[0].write_text("first\n")
    files[1].write_text("a certificate")
    return files


@pytest.mark.parametrize(
    ("host", "url"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_service_account(account: tuple[Path, Path], host: str, url: str) -> None:
    connection = service_account.load_connection(IN_POD | {"KUBERNETES_SERVICE_HOST": host}, *account)
    assert connection.host == url
    assert connection.authorization() == {"authorization": "Bearer first"}
    account[0].write_text("renewed")
    assert connection.authorization() == {"authorization": "Bearer renewed"}


@pytest.mark.parametrize("lack", ["token", "ca.crt", "empty token", "KUBERNETES_SERVICE_PORT"])
def test_incomplete_service_account(account: tuple[Path, Path], lack: str) -> None:
    token, authority = account
    environ = dict(IN_POD)
    if lack == "token":
        token.unlink()
        reason = f"{token}: No such file or directory"
    elif lack == "ca.crt":
        authority.unlink()
        reason = f"there is no file {authority}"
    elif lack == "empty token":
        token.write_text("\n")
        reason = f"{token} is empty"
    else:
        del environ[lack]
        reason = "KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is empty"
    with pytest.raises(ApiError) as caught:
        service_account.load_connection(environ, *account)
    hint = "is automountServiceAccountToken false?"
    assert str(caught.value) == f"the pod's service account cannot be used: {reason}; {hint}"
    assert caught.value.kind == "credentials"


def test_deleted_token_fails_the_next_request(account: tuple[Path, Path]) -> None:
    connection = service_account.load_connection(IN_POD, *account)
    account[0].unlink()
    with pytest.raises(ApiError, match="No such file or directory"):
        connection.authorization()


@pytest.mark.parametrize("proxy", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_pod_behind_a_proxy_uses_the_kubernetes_package(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name, value in IN_POD.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ApiError, match=r"^the pod's service account cannot be used: Service token file does"):
        load_connection(None, environ=IN_POD | {proxy: "http://proxy:3128"})


def test_pod_without_a_proxy_does_not_import_the_kubernetes_package() -> None:
    code = (
        "import sys\nfrom gfd.kube.loader import load_connection\nfrom gfd.errors import ApiError\n"
        "try: load_connection(None)\n"
        "except ApiError as error: print(error)\nprint('kubernetes' in sys.modules)"
    )
    outside = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    run = subprocess.run(
        [sys.executable, "-c", code], env=outside | IN_POD, capture_output=True, text=True, check=True
    )
    assert run.stdout == (
        f"the pod's service account cannot be used: there is no file {service_account.FOLDER}/ca.crt; "
        "is automountServiceAccountToken false?\nFalse\n"
    )


@pytest.mark.whole
def test_temporary_key_files_are_removed(tmp_path: Path) -> None:
    """The kubernetes package writes keys from a kubeconfig into files, because TLS needs files."""
    (tmp_path / "temporary").mkdir()
    secret = base64.b64encode(make_certificate(tmp_path / "pair").read_bytes()).decode()
    user = {"client-certificate-data": secret, "client-key-data": secret}
    path = kubeconfig(tmp_path / "config", "127.1.2.3", user=user)
    run = subprocess.run(
        [sys.executable, "-m", "gfd", "nodes", f"--kubeconfig={path}"],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "https://127.1.2.3:6443" in run.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_impersonation(tmp_path: Path) -> None:
    user = {
        "token": "secret",
        "as": "jane@example.org",
        "as-uid": "7",
        "as-groups": ["developers", "team a"],
        "as-user-extra": {"Example.org/Scopes": ["view", "edit"]},
    }
    connection = load_connection(kubeconfig(tmp_path / "config", "one", user=user))
    assert connection.impersonation == (
        ("Impersonate-User", "jane@example.org"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "developers"),
        ("Impersonate-Group", "team a"),
        ("Impersonate-Extra-example.org%2Fscopes", "view"),
        ("Impersonate-Extra-example.org%2Fscopes", "edit"),
    )
    assert load_connection(kubeconfig(tmp_path / "other", "one")).impersonation == ()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"as": "a\nb"}, "user 'config': as: a\nb has a character that HTTP headers do not allow"),
        ({"as": "ä"}, "user 'config': as: ä has a character that HTTP headers do not allow"),
        (
            {"as-groups": ["a"]},
            "user 'config': as-groups needs the field as, which names the user to impersonate",
        ),
        ({"as": 5}, "users[0].user.as is not a string"),
        ({"as": "a", "as-groups": "b"}, "users[0].user.as-groups is not a list"),
    ],
)
def test_malformed_impersonation(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    path = kubeconfig(tmp_path / "config", "one", user={"token": "secret", **fields})
    assert refused(path) == f"kubeconfig {path} cannot be used: {reason}"
