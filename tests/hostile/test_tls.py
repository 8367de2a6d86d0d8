"""A real TLS server with a certificate that is wrong or not checked: one plain line, none from urllib3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gfd.errors import ApiError
from gfd.kube.client import Api
from tests.hostile.server import NODE, hostile, make_certificate, reply, write_kubeconfig

EMPTY_LIST = {"metadata": {"resourceVersion": "1"}, "items": []}


def make_server_certificate(path: Path, *options: str) -> Path:
    """Write a key and a self-signed certificate for 127.0.0.1; the certificate alone goes to ``path``.crt."""
    key, certificate, request = (path.with_suffix(suffix) for suffix in (".key", ".crt", ".csr"))
    names = path.with_suffix(".names")
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    make = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server")
    sign = ("x509", "-req", "-extfile", str(names), *options)
    run_openssl(*make, "-keyout", key, "-out", request)
    run_openssl(*sign, "-in", request, "-signkey", key, "-out", certificate)
    path.write_text(key.read_text() + certificate.read_text())
    return path


def run_openssl(*words: str | Path) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True)


def fail(kubeconfig: Path) -> str:
    with pytest.raises(ApiError) as caught:
        Api(kubeconfig, qps=100, burst=100).request("GET", "/version")
    return str(caught.value)


@pytest.mark.parametrize(
    ("days", "cluster", "reason"),
    [
        ("2", {}, "self-signed certificate; check the certificate authority in kubeconfig {}"),
        (
            "2",
            {"tls-server-name": "api.example", "certificate-authority": "server.crt"},
            (
                "Hostname mismatch, certificate is not valid for 'api.example'; use a name that the"
                " certificate has: server or tls-server-name in kubeconfig {}"
            ),
        ),
        (
            "-1",
            {"certificate-authority": "server.crt"},
            "certificate has expired; renew it, or correct the clock of this machine",
        ),
    ],
)
def test_untrusted_certificates(tmp_path: Path, days: str, cluster: dict[str, Any], reason: str) -> None:
    pair = make_server_certificate(tmp_path / "server", "-days", days)
    with hostile(lambda method, path: reply(NODE), pair) as server:
        path = write_kubeconfig(tmp_path / "config", server.url, cluster=cluster)
        assert fail(path) == f"the certificate of {server.url} is not trusted: {reason.format(path)}"


def test_one_side_does_not_speak_tls(tmp_path: Path) -> None:
    with hostile(lambda method, path: reply(NODE)) as server:
        url = server.url.replace("http:", "https:")
        path = write_kubeconfig(tmp_path / "config", url)
        advice = f"check address and port of the API server in kubeconfig {path}"
        assert fail(path) == f"{url} does not speak TLS; {advice}"
    with hostile(lambda method, path: reply(NODE), make_certificate(tmp_path / "pair")) as server:
        url = server.url.replace("https:", "http:")
        path = write_kubeconfig(tmp_path / "config", url)
        advice = f"check that it runs, and its address in kubeconfig {path}"
        assert fail(path).startswith(f"the API server {url} does not answer: Connection aborted: ")
        assert fail(path).endswith(f"; {advice}")


@pytest.mark.whole
@pytest.mark.parametrize(
    "command",
    [
        "nodes",
        "match POD",
        "select --memory=1Gi",
        "report --html=/dev/null",
        "explain --node=n",
        "diff --simulate=t4 --sink=node --node-name=n",
        "doctor --simulate=t4 --sink=node --node-name=n",
        "cleanup --sink=node --all-nodes",
        "cleanup --sink=nodefeature --node-name=n",
        "config --config-dir=. --fallback-strategies=empty --node-name=n",
        "--oneshot --simulate=t4 --sink=node --node-name=n",
        "--oneshot --simulate=t4 --sink=nodefeature --node-name=n",
    ],
)
def test_unchecked_certificates_give_no_warning(tmp_path: Path, command: str) -> None:
    pod = tmp_path / "pod.yaml"
    pod.write_text("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}\n")
    words = command.replace("POD", str(pod)).split()
    with hostile(lambda method, path: reply(answer(path)), make_certificate(tmp_path / "pair")) as server:
        path = write_kubeconfig(tmp_path / "config", server.url, cluster={"insecure-skip-tls-verify": True})
        done = subprocess.run(
            (sys.executable, "-W", "default", "-m", "gfd", *words, f"--kubeconfig={path}"),
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert server.seen
    assert "Warning" not in done.stderr
    assert "urllib3" not in done.stderr
    assert all(line.startswith("gfd: ") for line in done.stderr.splitlines())


def answer(path: str) -> dict[str, Any]:
    """Return an empty list of Nodes or Pods, or a Node."""
    return EMPTY_LIST if path.partition("?")[0].endswith(("/nodes", "/pods")) else NODE
