"""Credentials of every form: no message contains one, and none causes a traceback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd import text
from gfd.config.loader import load
from gfd.errors import ApiError
from gfd.kube import service_account
from gfd.kube.authorization import make_header
from gfd.kube.client import Api
from gfd.kube.connection import Connection
from gfd.kube.loader import load_connection
from gfd.tools.doctor.anonymizer import Anonymizer
from gfd.tools.doctor.checks import access
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.outcome import catch_error
from tests.hostile.server import TOKEN, hostile, make_certificate, reply, write_kubeconfig

NOWHERE = "https://127.0.0.1:1"
EMPTY = {"items": [], "metadata": {"resourceVersion": "1"}}
HEADER = "FILE: the credential has a character"
EXEC = "client.authentication.k8s.io/v1"
PASSWORD = "open-hunter2-hunter2"


def plugin(path: Path, status: Any, *, code: int = 0, said: str = "") -> dict[str, Any]:
    """Write a plugin that prints a credential, and return the user of a kubeconfig that runs it."""
    answer = json.dumps({"apiVersion": EXEC, "kind": "ExecCredential", "status": status})
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\ncat <<'END'\n{answer}\nEND\nexit {code}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": EXEC, "command": str(path), "interactiveMode": "Never"}}


def user_of(kind: str, folder: Path, token: str) -> dict[str, Any]:
    """Return a user whose credential is ``token``, as a file, as text, or by a plugin."""
    if kind == "plugin":
        return plugin(folder / "plugin", {"token": token})
    (folder / "token").write_text(token)
    return {"tokenFile": "token"} if kind == "file" else {"token": token}


@pytest.mark.parametrize("kind", ["file", "text", "plugin"])
@pytest.mark.parametrize("token", [f"{TOKEN}\n", f" {TOKEN}\r\n\n"])
def test_tokens_are_trimmed(tmp_path: Path, kind: str, token: str) -> None:
    path = write_kubeconfig(tmp_path / "config", NOWHERE, user_of(kind, tmp_path, token))
    assert load_connection(path).authorization() == {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("kind", ["file", "text", "plugin"])
@pytest.mark.parametrize(
    "token", [f"{TOKEN}\nHost: other", f"\0{TOKEN}", f"{TOKEN}\x7f{TOKEN}", f"\ufeff{TOKEN}x", f"{TOKEN}é"]
)
def test_tokens_with_characters_illegal_in_headers(tmp_path: Path, kind: str, token: str) -> None:
    path = write_kubeconfig(tmp_path / "config", NOWHERE, user_of(kind, tmp_path, token))
    origin = {
        "file": f"{tmp_path}/token",
        "text": f"user 'u' in kubeconfig {path}",
        "plugin": f"the exec plugin {tmp_path}/plugin of user 'u' in kubeconfig {path}",
    }
    with pytest.raises(ApiError) as caught:
        load_connection(path)
    assert str(caught.value) == (
        f"{origin[kind]}: the credential has a character that HTTP headers do not allow, such as a line "
        "break; write it again"
    )


@given(st.text() | st.sampled_from(("A", "bWU6aHVudGVy", "é")), st.sampled_from(("Bearer", "Basic")))
def test_headers_are_legal_or_refused_without_showing_the_value(text: str, scheme: str) -> None:
    try:
        headers = make_header(f"{scheme} {text}", "FILE")
    except ApiError as error:
        said, value = str(error), "Bearer x"
    else:
        said, value = HEADER, headers.get("authorization", "Bearer x")
    assert said.startswith(HEADER)
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()


def test_broken_token_of_a_pod(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    authority.write_text("a certificate")
    token.write_text(f"{TOKEN}\nmore")
    with pytest.raises(ApiError, match=rf"^{token}: the credential has a character that HTTP headers"):
        service_account.load_connection(environ, token, authority)
    token.unlink()
    os.mkfifo(token)
    with pytest.raises(ApiError, match=rf"{token}: it is a pipe, not a regular file"):
        service_account.load_connection(environ, token, authority)


def refused(path: Path) -> str:
    """Return why a kubeconfig cannot be used; check that the message has no credential."""
    with pytest.raises(ApiError) as caught:
        load_connection(path)
    said = str(caught.value)
    assert TOKEN not in said
    assert PASSWORD not in said
    assert said.startswith(f"kubeconfig {path} ")
    return said.removeprefix(f"kubeconfig {path} ").removeprefix("cannot be used: ")


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ({"token": [TOKEN]}, "users[0].user.token is not a string"),
        ([TOKEN], "users[0].user is not an object"),
        ({"exec": TOKEN}, "users[0].user.exec is not an object"),
        ({"exec": {"command": "x"}}, "users[0].user.exec.apiVersion is missing"),
        ({"username": "me", "password": 123456}, "users[0].user.password is not a string"),
        ({"username": "me", "password": f"{PASSWORD}€"}, "a credential has a character that cannot be sent"),
        ({"client-certificate-data": "AAAAA", "client-key-data": "AAAA"}, "is not base64"),
        ({"client-certificate": "/dev/zero"}, "/dev/zero: it is a character device, not a regular file"),
        ({"tokenFile": "gone"}, "gone: No such file or directory"),
        (
            {"auth-provider": {"name": "gcp", "config": {"access-token": TOKEN, "expiry": TOKEN}}},
            "",
        ),
    ],
)
def test_malformed_users_of_a_kubeconfig(tmp_path: Path, user: Any, reason: str) -> None:
    assert reason in refused(write_kubeconfig(tmp_path / "config", NOWHERE, user))


@pytest.mark.parametrize(
    "users",
    [
        f"[{{name: u, token: {TOKEN}}}]",
        f"[{{token: {TOKEN}}}]",
        f"[{{name: u, user: {{token: *{TOKEN}}}}}]",
        TOKEN,
    ],
)
def test_malformed_kubeconfigs(tmp_path: Path, users: str) -> None:
    """The kubernetes package and the YAML parser quote the file in their errors."""
    path = tmp_path / "config"
    path.write_text(
        "current-context: c\n"
        "clusters: [{name: s, cluster: {server: 'https://s'}}]\n"
        "contexts: [{name: c, context: {cluster: s, user: u}}]\n"
        f"users: {users}\n"
    )
    refused(path)


def test_invalid_certificates_and_keys(tmp_path: Path) -> None:
    pair = make_certificate(tmp_path / "pair")
    garbage = base64.b64encode(PASSWORD.encode()).decode()
    user = {"client-certificate": "pair", "client-key-data": garbage}
    said = refused(write_kubeconfig(tmp_path / "config", NOWHERE, user))
    assert said.startswith("its client certificate or its key: ")
    cluster = {"certificate-authority-data": garbage}
    said = refused(write_kubeconfig(tmp_path / "config", NOWHERE, {}, cluster))
    assert said.startswith("its certificate authority: ")
    # OpenSSL does not ask for the password of a key.
    encrypted = tmp_path / "encrypted"
    subprocess.run(
        ("openssl", "ec", "-aes256", "-passout", "pass:abcd", "-in", pair, "-out", encrypted),
        check=True,
        capture_output=True,
    )
    user = {"client-certificate": "pair", "client-key": "encrypted"}
    said = refused(write_kubeconfig(tmp_path / "config", NOWHERE, user))
    assert said.startswith("its client certificate or its key: ")


def test_secret_settings_of_a_plugin(tmp_path: Path) -> None:
    user = plugin(tmp_path / "plugin", {"token": TOKEN})
    user["exec"]["env"] = [
        {"name": "REGION", "value": "eu-west-1"},
        {"name": "CLIENT_KEY", "value": PASSWORD},
    ]
    load_connection(write_kubeconfig(tmp_path / "config", NOWHERE, user))
    assert set(text.list_credentials()) == {TOKEN, PASSWORD}
    config = {"client-id": "some-client", "client-secret": PASSWORD, "id-token": f"{TOKEN}-2", "x": 1}
    user = {"auth-provider": {"name": "oidc", "config": config}}
    catch_error(lambda: load_connection(write_kubeconfig(tmp_path / "config", NOWHERE, user)))
    assert set(text.list_credentials()) == {TOKEN, PASSWORD, f"{TOKEN}-2"}


def test_token_in_the_error_of_a_plugin(tmp_path: Path) -> None:
    user = plugin(tmp_path / "plugin", {}, code=1, said=f"Authorization: Bearer {TOKEN}")
    said = refused(write_kubeconfig(tmp_path / "config", NOWHERE, user))
    assert said == "its exec plugin failed: exec: process returned 1. Authorization: Bearer SECRET"


@pytest.mark.parametrize("status", [None, [], TOKEN, {"token": [TOKEN, "\n"]}, {"clientCertificateData": 1}])
def test_malformed_output_of_a_plugin(tmp_path: Path, status: Any) -> None:
    path = write_kubeconfig(tmp_path / "config", NOWHERE, plugin(tmp_path / "plugin", status))
    found = catch_error(lambda: load_connection(path))
    assert isinstance(found, ApiError | Connection)
    assert TOKEN not in str(found)


@pytest.mark.parametrize("place", ["proxy-url", "HTTPS_PROXY"])
@pytest.mark.parametrize(
    "url", ["http://me:{}@127.0.0.1:1", "http://me:{}@127.0.0.1:99999", "ftp://me:{}@x", "http://[me:{}@x"]
)
def test_proxy_password_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, url: str
) -> None:
    proxy = url.format(PASSWORD)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    if place == "HTTPS_PROXY":
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    cluster = {"proxy-url": proxy} if place == "proxy-url" else {}
    path = write_kubeconfig(tmp_path / "config", "https://gone.invalid", {}, cluster)
    with pytest.raises(ApiError) as caught:
        Api(path, qps=100, burst=100).request("GET", "/version")
    assert PASSWORD not in str(caught.value)


def test_proxy_password_is_sent_to_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl does."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with hostile(lambda method, path: reply({"gitVersion": "v1"})) as proxy:
        cluster = {"proxy-url": proxy.url.replace("//", f"//me:{PASSWORD}@")}
        path = write_kubeconfig(tmp_path / "config", "http://gone.invalid", {}, cluster)
        assert Api(path, qps=100, burst=100).request("GET", "/version") == {"gitVersion": "v1"}
        expected = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        assert proxy.seen[0][2]["proxy-authorization"] == f"Basic {expected}"


def test_server_password_is_not_shown(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", f"https://me:{PASSWORD}@127.0.0.1:1", {})
    with pytest.raises(ApiError) as caught:
        Api(path, qps=100, burst=100).request("GET", "/version")
    assert str(caught.value) == (
        "the API server https://SECRET@127.0.0.1:1 does not answer: Failed to establish a new connection: "
        f"[Errno 111] Connection refused; check that it runs, and its address in kubeconfig {path}"
    )


def test_known_credentials_are_redacted(tmp_path: Path) -> None:
    load_connection(write_kubeconfig(tmp_path / "config", NOWHERE, {"username": "me", "password": PASSWORD}))
    basic = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert text.redact(f"a {PASSWORD} and Basic {basic}.") == "a SECRET and Basic SECRET."
    assert Anonymizer().anonymize(f"a {PASSWORD}") == "a SECRET"
    assert text.redact("a basic thing of Bearer and token: none") == (
        "a basic thing of Bearer SECRET token: none"
    )


def test_doctor_warns_of_an_unverified_server(tmp_path: Path) -> None:
    cluster = {"insecure-skip-tls-verify": True}
    certificate = make_certificate(tmp_path / "pair")
    with hostile(lambda method, path: reply({"gitVersion": "v1.37.0"}), certificate) as server:
        path = write_kubeconfig(tmp_path / "config", server.url, cluster=cluster)
        context = Context(load({"kubeconfig": str(path), "node_name": "n"}, {}).config, root=tmp_path)
        (check,) = (each for each in access.CHECKS if each.name == "API server")
        found = check.run(context)
        assert (found.state, found.seen) == (
            "warn",
            "answers, Kubernetes v1.37.0; gfd does not check its certificate",
        )


@pytest.mark.whole
def test_credentials_of_a_command(tmp_path: Path) -> None:
    """A token may end with a newline, and urllib3 does not warn of an unverified server."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    certificate = make_certificate(tmp_path / "pair")
    with hostile(lambda method, path: reply(EMPTY), certificate) as server:
        cluster = {"insecure-skip-tls-verify": True}
        path = write_kubeconfig(tmp_path / "config", server.url, {"tokenFile": "token"}, cluster)
        command = [sys.executable, "-m", "gfd", "nodes", f"--kubeconfig={path}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        assert {seen[2]["authorization"] for seen in server.seen} == {f"Bearer {TOKEN}"}
    (tmp_path / "token").write_text(f"{TOKEN}\n{TOKEN}")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith(f"gfd: {tmp_path}/token: the credential has a character")
    assert run.stderr.count("\n") == 1
    detailed = subprocess.run([*command, "--log-level=debug"], capture_output=True, text=True, check=False)
    assert detailed.stderr.startswith(run.stderr)
    assert "Traceback" in detailed.stderr
    assert TOKEN not in detailed.stderr
