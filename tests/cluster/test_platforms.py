"""The values file of each platform, on a real API server. The platforms themselves are not here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.manifests import CHART, MANIFESTS, check_accepted, find_one, find_pod_security_level, helm
from tests.cluster.objects import Object
from tests.pages import ROOT

pytestmark = pytest.mark.cluster

EXAMPLES = MANIFESTS / "examples"
PAGE = (ROOT / "docs/platforms.md").read_text()


class Platform(NamedTuple):
    """What the page says of a platform."""

    pod_security: str
    runtime_class: str | None
    driver_root: str | None
    node_label: str
    """A label of the platform's nodes with GPUs: the agent must run there."""


PLATFORMS = {
    "k3s": Platform("restricted", "nvidia", None, "gpu=nvidia"),
    "openshift": Platform("restricted", "nvidia", None, "feature.node.kubernetes.io/pci-10de.present=true"),
    "gke": Platform(
        "privileged", None, "/home/kubernetes/bin/nvidia", "cloud.google.com/gke-accelerator=nvidia-l4"
    ),
    "eks": Platform("restricted", None, None, "karpenter.k8s.aws/instance-gpu-manufacturer=nvidia"),
    "aks": Platform("restricted", None, None, "kubernetes.azure.com/accelerator=nvidia"),
    "talos": Platform("restricted", "nvidia", None, "gpu=nvidia"),
}


def render_platform(name: str) -> list[Object]:
    done = helm(f"--values={EXAMPLES / f'values-{name}.yaml'}")
    assert done.returncode == 0, done.stderr
    documents = [each for each in yaml.safe_load_all(done.stdout) if each]
    return [each for each in documents if "helm.sh/hook" not in each["metadata"].get("annotations", {})]


def may_run(spec: Object, label: str) -> bool:
    """Return whether a node with this label, and with NFD's kernel version, is chosen."""
    labels = dict([label.split("=")]) | {"feature.node.kubernetes.io/kernel-version.full": "6.12"}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    required = spec.get("affinity", {}).get("nodeAffinity", {})
    terms = required.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    return not terms or any(
        all(meets(labels, requirement) for requirement in term["matchExpressions"]) for term in terms
    )


def meets(labels: dict[str, str], requirement: Object) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    if operator == "In":
        return labels.get(key) in requirement["values"]
    assert operator in {"Exists", "DoesNotExist"}
    return (key in labels) is (operator == "Exists")


@pytest.fixture
def runtime_class(cluster: ControlPlane) -> Iterator[None]:
    """The RuntimeClass of NVIDIA's runtime: without it, the API server refuses pods that name it."""
    body = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "nvidia"}
    cluster.kubectl("create", "-f", "-", stdin=yaml.safe_dump({**body, "metadata": {"name": "nvidia"}}))
    yield
    cluster.kubectl("delete", "runtimeclass", "nvidia")


@pytest.mark.usefixtures("runtime_class")
@pytest.mark.parametrize("name", PLATFORMS)
def test_values_of_a_platform(cluster: ControlPlane, name: str) -> None:
    objects, platform = render_platform(name), PLATFORMS[name]
    check_accepted(cluster, objects)
    daemon_set = find_one(objects, "DaemonSet")
    spec = daemon_set["spec"]["template"]["spec"]
    assert spec.get("runtimeClassName") == platform.runtime_class
    roots = [each["hostPath"]["path"] for each in spec.get("volumes", ()) if each["name"] == "driver-root"]
    assert roots == [platform.driver_root] * (platform.driver_root is not None)
    assert may_run(spec, platform.node_label)
    assert not may_run(spec, "a=node-without-gpus")
    assert find_pod_security_level(cluster, daemon_set) == platform.pod_security
    title = {"gke": "GKE", "eks": "EKS", "aks": "AKS", "openshift": "OpenShift", "talos": "Talos"}
    (row,) = re.findall(rf"^\| {title.get(name, name)} \|.*", PAGE, re.MULTILINE)
    assert f"| {platform.pod_security}" in row
    assert f"manifests/examples/values-{name}.yaml" in row
    assert (platform.driver_root or "") in row
    assert ("RuntimeClass `nvidia`" in row) is (platform.runtime_class is not None)


def test_every_values_file_is_tested() -> None:
    assert {path.stem.removeprefix("values-") for path in EXAMPLES.glob("values-*")} == set(PLATFORMS)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for name in PLATFORMS:
        values = yaml.safe_load((EXAMPLES / f"values-{name}.yaml").read_text())
        assert {key for key, value in values.items() if defaults[key] == value} == set()


def test_openshift_binds_the_account_of_the_chart(cluster: ControlPlane) -> None:
    """Only the RoleBinding is tried: an SCC is a kind of OpenShift's API server."""
    (binding,) = yaml.safe_load_all((EXAMPLES / "openshift-scc.yaml").read_text())
    check_accepted(cluster, [binding])
    account = find_one(render_platform("openshift"), "ServiceAccount")["metadata"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]
    assert binding["metadata"]["namespace"] == account["namespace"]


def test_gke_has_the_quota_of_its_priority_class() -> None:
    objects = render_platform("gke")
    (scope,) = find_one(objects, "ResourceQuota")["spec"]["scopeSelector"]["matchExpressions"]
    priority_class = find_one(objects, "DaemonSet")["spec"]["template"]["spec"]["priorityClassName"]
    assert scope["values"] == [priority_class]
