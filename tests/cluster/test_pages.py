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

# Building the image has tests of its own: tests/image. What measures for an hour is only parsed: tests/bench.
SHELL = [
    (page, lines)
    for page in PAGES
    if (
        lines := [
            line.strip()
            for block in blocks(page)
            if block.kind == "sh" and not block.text.startswith(("docker", "tox"))
            for line in block.text.replace("\\\n", " ").splitlines()
            if " exec " not in line
        ]
    )
]
"""Page by page, since some commands follow from earlier ones.

No container runs here, so there is none for kubectl exec.
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("pages")) as plane:
        ensure_node_feature(plane)
        namespace(plane.admin, "node-feature-discovery")
        make_node(plane.admin, "n1")
        yield plane


def take_away(cluster: ControlPlane) -> None:
    """Take away what was installed, in whichever way."""
    helm = (programs.find("helm"), "uninstall", "gfd", "--namespace=gfd", "--ignore-not-found")
    subprocess.run((*helm, f"--kubeconfig={cluster.kubeconfig}"), check=True, capture_output=True)
    kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    cluster.kubectl("delete", kinds, "-lapp.kubernetes.io/name=gfd")
    for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        cluster.kubectl("delete", kind, "gfd-nodefeature", "--ignore-not-found")
    cluster.kubectl("-n", "gfd", "delete", "daemonset,job,serviceaccount,role,rolebinding,configmap", "--all")


@pytest.mark.parametrize(("page", "lines"), SHELL, ids=[page.name for page, _ in SHELL])
def test_what_is_typed_is_taken(cluster: ControlPlane, tmp_path: Path, page: Path, lines: list[str]) -> None:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    write_files(tmp_path, page)
    path = f"{programs.folder()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(cluster.kubeconfig)}
    for line in lines:
        if line.startswith(("helm install", "kubectl apply")):
            take_away(cluster)
        done = subprocess.run(
            ("bash", "-c", line), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    take_away(cluster)
