"""A real control plane on loopback: etcd, kube-apiserver, and on demand scheduler, controllers and kwok."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gfd.kube.client import Api
from tests.cluster import programs

PATIENCE_S = 60.0
ADMIN_TOKEN = "admin-token"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(condition: Any, what: str, patience_s: float = PATIENCE_S) -> Any:
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience_s} s in vain for {what}")


class ControlPlane:
    """Its processes end with :meth:`close`, and by the kernel should the test run die."""

    def __init__(self, home: Path, kubernetes: str = programs.NEWEST, *, admission_plugin: str = "") -> None:
        """Start etcd and the API server of a version of Kubernetes.

        ``admission_plugin`` is one that is off by default.
        """
        self.home = home
        self.admission_plugin = admission_plugin
        self.kubernetes = kubernetes
        self.port = free_port()
        self.host = f"https://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.etcd_port = free_port()
        self.peer_port = free_port()
        self._make_keys()
        self.start_etcd()
        self.start_api_server()
        self.kubeconfig = self.write_kubeconfig("admin", token=ADMIN_TOKEN)
        self.admin = Api(self.kubeconfig, qps=1000, burst=1000)

    def start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
        self._start(
            "etcd",
            *("--data-dir", str(self.home / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"default={peer}", "--log-level", "error"),
        )

    def start_api_server(self) -> None:
        self._start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.home}/certificates",
            f"--token-auth-file={self.home}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.home}/key.pem",
            f"--service-account-signing-key-file={self.home}/key.pem",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--allow-privileged=true",  # as clusters set it
            "--disable-admission-plugins=ServiceAccount",
            # As installers of clusters set it.
            "--allow-privileged",
            *([f"--enable-admission-plugins={self.admission_plugin}"] if self.admission_plugin else ()),
            *self.audit_flags(),
        )
        wait_for(self.is_ready, "the API server")

    def audit_flags(self) -> tuple[str, ...]:
        """Return what makes the server note who asked for what."""
        return (
            f"--audit-policy-file={self.home}/audit-policy.yaml",
            f"--audit-log-path={self.home}/audit.log",
        )

    def is_ready(self) -> bool:
        self.check()
        # Only readiness is asked for here; gfd itself does verify.
        context = ssl._create_unverified_context()
        with contextlib.suppress(OSError):
            request = urllib.request.Request(
                f"{self.host}/readyz", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}
            )
            with urllib.request.urlopen(request, context=context, timeout=5) as answer:
                return bool(answer.status == 200)
        return False

    def check(self) -> None:
        for name, process in self.processes.items():
            log = self.home / f"{name}.log"
            assert process.poll() is None, f"{name} ended:\n{log.read_text(errors='replace')[-3000:]}"

    def start_scheduling(self) -> None:
        """Start the scheduler, the controllers, and kwok, which plays all kubelets."""
        common = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false")
        self.start_scheduler(*common)
        self.start_controllers()
        self.start_kwok()

    def start_controllers(self) -> None:
        """Start the controllers, the garbage collector among them."""
        self._start(
            "kube-controller-manager",
            *(f"--kubeconfig={self.kubeconfig}", "--leader-elect=false"),
            f"--secure-port={free_port()}",
            f"--cert-dir={self.home}/c",
            f"--service-account-private-key-file={self.home}/key.pem",
            "--use-service-account-credentials",
            # A node that kwok plays is said to be ready once; after the usual 50 s nobody would believe it.
            "--node-monitor-grace-period=24h",
        )

    def start_kwok(self, *options: str) -> None:
        stages = Path(__file__).with_name("stages.yaml")
        self._start(
            "kwok", f"--kubeconfig={self.kubeconfig}", f"--config={stages}", "--manage-all-nodes",
            f"--server-address=127.0.0.1:{free_port()}", *options,
        )  # fmt: skip

    def start_scheduler(self, *arguments: str) -> None:
        self._start("kube-scheduler", *arguments, f"--secure-port={free_port()}", f"--cert-dir={self.home}/s")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)

    def write_kubeconfig(self, name: str, *, token: str = "", token_file: Path | None = None) -> Path:
        user = {"tokenFile": str(token_file)} if token_file else {"token": token}
        cluster = {
            "server": self.host,
            "certificate-authority": str(self.home / "certificates" / "apiserver.crt"),
        }
        path = self.home / f"{name}.kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(content))
        return path

    def kubectl(self, *arguments: str, stdin: str = "", is_checked: bool = True) -> str:
        run = subprocess.run(
            (programs.find("kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not is_checked or run.returncode == 0, run.stderr
        return run.stdout + run.stderr

    def requests(self, agent: str | None = "gfd") -> list[dict[str, Any]]:
        """Return the audit log's entries of one user agent, None for all; each request once, oldest first."""
        lines = (self.home / "audit.log").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        by_id = {each["auditID"]: each for each in entries if agent in (None, each.get("userAgent"))}
        return list(by_id.values())

    def _make_keys(self) -> None:
        subprocess.run(
            ("openssl", "genrsa", "-out", self.home / "key.pem", "2048"), check=True, capture_output=True
        )
        (self.home / "tokens.csv").write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')
        (self.home / "audit-policy.yaml").write_text(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n"
            "rules: [{level: Metadata}]\n"
        )

    def _start(self, name: str, *arguments: str) -> None:
        program = programs.find(name, self.kubernetes)
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ("setpriv", "--pdeathsig", "KILL", program, *arguments),
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=os.environ | {"HOME": str(self.home)},
            )


@contextlib.contextmanager
def control_plane(
    home: Path, kubernetes: str = programs.NEWEST, *, admission_plugin: str = ""
) -> Iterator[ControlPlane]:
    plane = None
    try:
        plane = ControlPlane(home, kubernetes, admission_plugin=admission_plugin)
        yield plane
    finally:
        if plane is not None:
            plane.close()
