"""The chart with NFD as a sub-chart, fetched from a registry on loopback.

The sub-chart is a stand-in that shows its values. Where NFD_BIN names a folder that has NFD's own chart too,
that chart is tested beside NFD's programs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import registry
from tests.cluster import agents, programs
from tests.cluster.controlplane import ControlPlane, control_plane, free_port, wait_for
from tests.cluster.manifests import MANIFESTS, check_accepted, find_one
from tests.cluster.objects import make_node, namespace, node_labels
from tests.cluster.test_nfd import process

pytestmark = pytest.mark.cluster

CHARTS = MANIFESTS / "helm"
PAGE = MANIFESTS.parent / "docs/install-beside-nfd.md"
(DEPENDENCY,) = yaml.safe_load((CHARTS / "gfd-with-nfd/Chart.yaml").read_text())["dependencies"]
NAME, VERSION = DEPENDENCY["name"], DEPENDENCY["version"]
NFD = Path(os.environ.get("NFD_BIN", "")) / f"{NAME}-{VERSION}.tgz"
STANDIN = {
    "Chart.yaml": f"apiVersion: v2\nname: {NAME}\nversion: {VERSION}\n",
    "values.yaml": "master: {replicaCount: 1}\nworker: {hostNetwork: false}\n",
    "templates/values.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nfd-values}\n"
    "data: {values: {{ toJson .Values | quote }}}\n",
}


class Checkout:
    """A copy of the charts; the dependency comes from the registry on loopback."""

    def __init__(self, folder: Path, address: str) -> None:
        shutil.copytree(CHARTS, folder / "helm", symlinks=True)
        for made in ("charts", "Chart.lock"):
            assert not (folder / "helm/gfd" / made).exists()
        self.chart = folder / "helm/gfd-with-nfd"
        shutil.rmtree(self.chart / "charts", ignore_errors=True)
        (self.chart / "Chart.lock").unlink(missing_ok=True)
        described = self.chart / "Chart.yaml"
        described.write_text(re.sub("oci://.*", f"oci://{address}/nfd/charts", described.read_text()))
        homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        self._environ = os.environ | {name: str(folder / name) for name in homes}

    def helm(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (programs.find("helm"), *arguments),
            capture_output=True,
            text=True,
            check=False,
            env=self._environ,
        )

    def render(self, *settings: str) -> list[Any]:
        values = [f"--set={each}" for each in settings]
        done = self.helm("template", "gfd", self.chart, "--namespace=gfd", "--kube-version=1.37.0", *values)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    if reason := registry.missing():
        pytest.skip(reason)
    with registry.serve(tmp_path) as address:
        made = Checkout(tmp_path, address)
        for name, text in STANDIN.items():
            (tmp_path / "nfd" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "nfd" / name).write_text(text)
        assert made.helm("package", tmp_path / "nfd", "-d", tmp_path).returncode == 0
        pushed = made.helm("push", "--plain-http", tmp_path / NFD.name, f"oci://{address}/nfd/charts")
        assert pushed.returncode == 0, pushed.stderr
        yield made


def shown(objects: list[Any]) -> Any:
    """Return the values that the sub-chart got, or None if it was left out."""
    (text,) = [each["data"]["values"] for each in objects if each["metadata"]["name"] == "nfd-values"] or [
        None
    ]
    return text and yaml.safe_load(text)


def test_one_command_installs_both(checkout: Checkout, cluster: ControlPlane) -> None:
    namespace(cluster.admin, "with-nfd")
    common = ("--namespace=with-nfd", f"--kubeconfig={cluster.kubeconfig}")
    (line,) = [each for each in PAGE.read_text().splitlines() if "--dependency-update --set" in each]
    typed = line.replace("manifests/helm/gfd-with-nfd", str(checkout.chart)).split()[3:]
    assert typed[1:4] == ["--namespace", "gfd", "--create-namespace"]
    own = (*common, "--plain-http", "--set=nfd.master.replicaCount=3")
    done = checkout.helm("install", "both", typed[0], *typed[4:], *own)
    assert done.returncode == 0, done.stderr
    assert "NFD was installed too." in done.stdout
    assert "kubectl label namespace with-nfd pod-security.kubernetes.io/enforce=privileged" in done.stdout
    assert "NFD must run in this cluster" not in done.stdout
    found = yaml.safe_load(cluster.kubectl("-n", "with-nfd", "get", "configmap,daemonset", "-o", "yaml"))
    values = shown(found["items"])
    assert values["master"] == {"replicaCount": 3}
    assert values["worker"].items() > {"hostNetwork": False}.items()
    assert {each["key"] for each in values["worker"]["tolerations"]} == {
        "CriticalAddonsOnly",
        "nvidia.com/gpu",
    }
    assert find_one(found["items"], "DaemonSet")["metadata"]["name"] == "both-gfd"
    assert checkout.helm("uninstall", "both", *common).returncode == 0

    # The condition, now that the chart is there.
    assert shown(checkout.render()) is None
    assert shown(checkout.render("nfd.enabled=null")) is not None
    assert shown(checkout.render("nfd.enabled=null", "gfd.enabled=false")) is None
    assert shown(checkout.render("nfd.enabled=true", "gfd.enabled=false")) is not None


def test_a_registry_that_cannot_be_reached(checkout: Checkout) -> None:
    """Helm says which chart is missing, and the chart beside it installs."""
    done = checkout.helm("template", "gfd", checkout.chart, "--kube-version=1.37.0", "--set=nfd.enabled=true")
    assert done.returncode == 1
    assert f"missing in charts/ directory: {NAME}" in done.stderr


@pytest.mark.skipif(not NFD.is_file(), reason=f"NFD_BIN has no {NFD.name}")
def test_nfds_own_chart(cluster: ControlPlane, tmp_path: Path) -> None:
    own = Checkout(tmp_path, "registry.example")
    (own.chart / "charts").mkdir()
    shutil.copy(NFD, own.chart / "charts")
    namespace(cluster.admin, "gfd")
    objects = [each for each in own.render("nfd.enabled=true") if "helm.sh/hook" not in str(each)]
    workloads = {each["metadata"]["name"] for each in objects if each["kind"] in ("DaemonSet", "Deployment")}
    nfd = "gfd-node-feature-discovery"
    assert workloads == {"gfd", f"{nfd}-gc", f"{nfd}-master", f"{nfd}-worker"}
    check_accepted(cluster, objects)
    (config,) = [each for each in objects if each["metadata"]["name"] == f"{nfd}-worker-conf"]
    assert yaml.safe_load(config["data"]["nfd-worker.conf"]) == {
        "sources": {"pci": {"deviceClassWhitelist": ["02", "03", "12"], "deviceLabelFields": ["vendor"]}}
    }
    done = own.helm(
        "template", "gfd", own.chart, "--kube-version=1.37.0", "--set=nfd.enabled=true,nfd.master=7"
    )
    assert done.returncode == 1
    # The programs that tests/cluster/test_nfd.py runs are of the chart's version.
    shown_crds = own.helm("show", "crds", NFD).stdout
    kept = (NFD.parent / "nfd-api-crds.yaml").read_text()
    assert list(filter(None, yaml.safe_load_all(shown_crds))) == list(filter(None, yaml.safe_load_all(kept)))


@pytest.mark.skipif(not NFD.is_file(), reason=f"NFD_BIN has no {NFD.name}")
def test_nfd_labels_the_node_as_the_chart_installs_it(tmp_path: Path) -> None:
    """nfd-master runs with the account, the rights, the arguments and the configuration of the chart."""
    own = Checkout(tmp_path, "registry.example")
    (own.chart / "charts").mkdir()
    shutil.copy(NFD, own.chart / "charts")
    with control_plane(tmp_path) as plane:
        make_node(plane.admin, "n1", labels={"kubernetes.io/hostname": "n1"}, annotations={"a": "b"})
        namespace(plane.admin, "gfd")
        common = ("--namespace=gfd", f"--kubeconfig={plane.kubeconfig}")
        done = own.helm("install", "gfd", own.chart, *common, "--set=nfd.enabled=true")
        assert done.returncode == 0, done.stderr

        def get(kind: str, name: str) -> Any:
            return yaml.safe_load(plane.kubectl("-n", "gfd", "get", kind, name, "-o", "yaml"))

        pod = get("deployment", "gfd-node-feature-discovery-master")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert (container["command"], container["args"]) == (["nfd-master"], ["-port=8080"])
        settings = get("configmap", "gfd-node-feature-discovery-master-conf")["data"]["nfd-master.conf"]
        (tmp_path / "nfd-master.conf").write_text(settings)
        token = agents.token(plane, None, account=pod["serviceAccountName"])
        arguments = (
            *(f"-kubeconfig={plane.write_kubeconfig('nfd-master', token=token)}", f"-port={free_port()}"),
            f"-config={tmp_path}/nfd-master.conf",
        )
        environ = {"NODE_NAME": "n1", "KUBERNETES_NAMESPACE": "gfd"}
        with process("nfd-master", tmp_path, *arguments, environ=environ):
            gfd = (sys.executable, "-m", "gfd", "--oneshot", "--sink=nodefeature", "--simulate=dgx-h100")
            where = ("--node-name=n1", "--namespace=gfd", f"--kubeconfig={plane.kubeconfig}")
            subprocess.run((*gfd, *where), check=True)
            wait_for(
                lambda: node_labels(plane.admin, "n1").get("nvidia.com/gpu.count") == "8",
                "the labels that NFD writes",
            )
