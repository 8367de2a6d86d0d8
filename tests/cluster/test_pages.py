"""What pages tell an operator to type, typed at a real control plane."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import programs
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane
from tests.cluster.objects import make_node, namespace
from tests.pages import PAGES, ROOT, blocks
from tests.pages.test_pages import write_files

pytestmark = pytest.mark.cluster

# tests/image holds the commands that build the image, tests/bench those that measure for an hour.
SHELL = [
    (page, lines)
    for page in PAGES
    if (
        lines := [
            line.strip()
            for block in blocks(page)
            if block.kind == "sh" and not block.text.startswith(("docker", "tox"))
            for line in block.text.replace("\\\n", " ").splitlines()
            if " exec " not in line and "--dependency-update" not in line
        ]
    )
]
"""The commands of each page, in order, since some need earlier ones.

No container runs here, so there is none for kubectl exec. test_chart_with_nfd.py types what fetches a chart.
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("pages")) as plane:
        ensure_node_feature(plane)
        namespace(plane.admin, "node-feature-discovery")
        namespace(plane.admin, "gpu-operator")
        make_node(plane.admin, "n1")
        yield plane


def uninstall(cluster: ControlPlane) -> None:
    """Remove what was installed by helm or kubectl."""
    helm = (programs.find("helm"), "uninstall", "gfd", "--namespace=gfd", "--ignore-not-found")
    subprocess.run((*helm, f"--kubeconfig={cluster.kubeconfig}"), check=True, capture_output=True)
    kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    cluster.kubectl("delete", kinds, "-lapp.kubernetes.io/name=gfd")
    for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        cluster.kubectl("delete", kind, "gfd-nodefeature", "--ignore-not-found")
    cluster.kubectl("-n", "gfd", "delete", "daemonset,job,serviceaccount,role,rolebinding,configmap", "--all")


@pytest.mark.parametrize(("page", "lines"), SHELL, ids=[page.name for page, _ in SHELL])
def test_shell_commands_work(cluster: ControlPlane, tmp_path: Path, page: Path, lines: list[str]) -> None:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    write_files(tmp_path, page)
    path = f"{programs.folder()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(cluster.kubeconfig)}
    for line in lines:
        if line.startswith(("helm install", "kubectl apply")):
            uninstall(cluster)
        # What helm installed may be gone, for a line that installs in another way.
        command = f"{line} --ignore-not-found" if line.startswith("helm uninstall") else line
        done = subprocess.run(
            ("bash", "-c", command), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    uninstall(cluster)
