"""The agent in its image: what is left of the kubernetes package there suffices for an API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import image
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, delete, make_node, node_labels
from tests.image.simulated import ARGUMENTS, LABELS

pytestmark = pytest.mark.cluster

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_a_container_labels_its_node(plane: ControlPlane, tmp_path: Path) -> None:
    if reason := image.missing():
        pytest.skip(reason)
    built = image.build(tmp_path)
    agents.install(plane, image.ROOT / "manifests/components/node")
    make_node(plane.admin, "contained")
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(agents.start(plane, "contained").token_file.read_text())
    (account / "ca.crt").write_bytes((plane.home / "certificates/apiserver.crt").read_bytes())
    container = image.Container(
        image=built,
        folder=tmp_path,
        mounts={ACCOUNT: account},
        environ={
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(plane.port),
            "NODE_NAME": "contained",
        },
    )
    assert container.run("--oneshot", "--sink=node", *ARGUMENTS) == (0, "", "")
    found = sorted(node_labels(plane.admin, "contained").items())
    assert "".join(f"{key}={value}\n" for key, value in found) == LABELS
    delete(plane.admin, f"{NODES}/contained")
