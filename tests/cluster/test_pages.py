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
from tests.pages import PAGES, ROOT, Block, blocks
from tests.pages.test_pages import lay_out

pytestmark = pytest.mark.cluster

# Building the image has tests of its own: tests/image.
SHELL = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.kind == "sh" and not block.text.startswith("docker")
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("pages")) as plane:
        ensure_node_feature(plane)
        namespace(plane.admin, "node-feature-discovery")
        make_node(plane.admin, "n1")
        yield plane


@pytest.fixture
def kubernetes(cluster: ControlPlane) -> Iterator[ControlPlane]:
    yield cluster
    helm = (programs.find("helm"), "uninstall", "gfd", "--namespace=gfd", "--ignore-not-found")
    subprocess.run((*helm, f"--kubeconfig={cluster.kubeconfig}"), check=True, capture_output=True)
    selector = "-lapp.kubernetes.io/name=gfd"
    kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    cluster.kubectl("delete", kinds, selector)
    for name in ("gfd-nodefeature",):
        cluster.kubectl("delete", "validatingadmissionpolicy", name, "--ignore-not-found")
        cluster.kubectl("delete", "validatingadmissionpolicybinding", name, "--ignore-not-found")
    names = "daemonset,job,serviceaccount,role,rolebinding,configmap"
    cluster.kubectl("-n", "gfd", "delete", names, "--all")


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_what_is_typed_is_taken(kubernetes: ControlPlane, tmp_path: Path, block: Block) -> None:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    lay_out(tmp_path, block.page)
    path = f"{programs.folder()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(kubernetes.kubeconfig)}
    for line in block.text.replace("\\\n", " ").splitlines():
        done = subprocess.run(
            ("bash", "-c", line), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
