"""The control plane: etcd, kube-apiserver with Priority and Fairness, and kwok instead of kubelets."""

from __future__ import annotations

import ssl
import time
import urllib.request
from typing import TYPE_CHECKING

from bench.scale.histogram import Reading, parse
from bench.scale.objects import ACCOUNTS, COMPONENTS, MASTER, NAMESPACE, PODS
from tests.cluster import agents
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ADMIN_TOKEN, ControlPlane

if TYPE_CHECKING:
    from pathlib import Path

SERVICE_ACCOUNT = f"--serviceaccount={NAMESPACE}:{MASTER}"
ROLE = (MASTER, f"--namespace={NAMESPACE}")
GRANTS = (
    ("clusterrole", MASTER, "--verb=get,patch", "--resource=nodes"),
    ("clusterrolebinding", MASTER, f"--clusterrole={MASTER}", SERVICE_ACCOUNT),
    ("role", *ROLE, "--verb=get,list,watch", "--resource=nodefeatures.nfd.k8s-sigs.io"),
    ("rolebinding", *ROLE, f"--role={MASTER}", SERVICE_ACCOUNT),
)


class Plane(ControlPlane):
    """Without an audit log, which would cost CPU that is measured, and without heartbeats from kwok."""

    def audit_flags(self) -> tuple[str, ...]:
        """Write no audit log."""
        return ()

    def install(self) -> None:
        """Create the definition of NodeFeature, and the rights of the agents and of NFD's master."""
        self.start_kwok("--node-lease-duration-seconds=0")
        ensure_node_feature(self)
        agents.install(self, COMPONENTS / "node", COMPONENTS / "nodefeature")
        self.admin.request("POST", ACCOUNTS, {"metadata": {"name": MASTER}})
        for grant in GRANTS:
            self.kubectl("create", *grant)

    @property
    def certificate(self) -> Path:
        """The certificate of the server."""
        return self.home / "certificates" / "apiserver.crt"

    def read_metrics(self) -> Reading:
        """Return the API server's counters of requests."""
        context = ssl.create_default_context(cafile=self.certificate)
        asked = urllib.request.Request(
            f"{self.host}/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}
        )
        with urllib.request.urlopen(asked, context=context, timeout=60) as answer:
            return parse(answer.read().decode())

    def wait_for_pods(self, patience_s: float) -> None:
        """Wait until kwok has started every Pod."""
        deadline_s = time.monotonic() + patience_s
        query = {"fieldSelector": "status.phase!=Running", "limit": "1"}
        while self.admin.request("GET", PODS, query=query)["items"]:
            assert time.monotonic() < deadline_s, "kwok did not come to an end with the pods"
            time.sleep(1)
