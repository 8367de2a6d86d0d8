"""What NVIDIA's GPU operator makes for gpu-feature-discovery, as far as gfd can tell the difference.

That is the command, environment and mounts of the container, its account, and the Role of the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gfd.kube.nfd import API_VERSION
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import Object, delete
from tests.cluster.objects import namespace as make_namespace
from tests.image.sources import DOCKERFILE

NAMESPACE = "gpu-operator"
ACCOUNT = "nvidia-gpu-feature-discovery"
NAME = "gpu-feature-discovery"
FEATURES_D = "/etc/kubernetes/node-feature-discovery/features.d"
FEATURES = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/nodefeatures"
_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"

FEATURE_VERBS = {
    "v26.7.0": ("get", "list", "watch", "create", "update"),
    "main": ("get", "list", "watch", "create", "update", "delete"),
}
"""Version of the operator -> the verbs on NodeFeatures that its Role grants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A ClusterPolicy, as far as the DaemonSet depends on it."""

    mig_strategy: str = "none"
    has_configs: bool = False
    """Whether devicePlugin.config names a ConfigMap."""
    is_open_shift: bool = False
    env: tuple[tuple[str, str], ...] = ()
    """The variables of ``gfd.env``."""


def make_daemon_set(shape: Shape) -> Object:
    """Return the DaemonSet."""
    labels = {"app": NAME}
    volumes: list[Object] = [
        {"name": "features", "hostPath": {"path": FEATURES_D}},
        {"name": "sys", "hostPath": {"path": "/sys"}},
    ]
    mounts: list[Object] = [
        {"name": "features", "mountPath": FEATURES_D},
        {"name": "sys", "mountPath": "/sys", "readOnly": True},
    ]
    if shape.has_configs:
        volumes += [
            {"name": "config", "emptyDir": {}},
            {"name": "available", "configMap": {"name": "plugin-configs"}},
        ]
        mounts += [
            {"name": "config", "mountPath": "/config"},
            {"name": "available", "mountPath": "/available-configs"},
        ]
    container = {
        "name": NAME,
        "image": "registry.example/gfd:0.1.0-operator",
        "command": [NAME],
        "env": list(_make_variables(shape)),
        "securityContext": {"privileged": True},
        "volumeMounts": mounts,
    }
    spec = {
        "serviceAccountName": ACCOUNT,
        "nodeSelector": {"nvidia.com/gpu.deploy.gpu-feature-discovery": "true"},
        "runtimeClassName": "nvidia",
        "shareProcessNamespace": shape.has_configs,
        "containers": [container],
        "volumes": volumes,
    }
    return {
        "metadata": {"name": NAME},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _make_variables(shape: Shape) -> Iterator[Object]:
    yield {"name": "GFD_SLEEP_INTERVAL", "value": "60s"}
    yield {"name": "GFD_FAIL_ON_INIT_ERROR", "value": "true"}
    for name, path in (
        ("NAMESPACE", "metadata.namespace"), ("NODE_NAME", "spec.nodeName"), ("POD_NAME", "metadata.name"),
    ):  # fmt: skip
        yield {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
    yield {"name": "MIG_STRATEGY", "value": shape.mig_strategy}
    if shape.mig_strategy != "none":
        yield {"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"}
    if shape.has_configs:
        yield {"name": "CONFIG_FILE", "value": "/config/config.yaml"}
    if shape.is_open_shift:
        yield {"name": "USE_NODE_FEATURE_API", "value": "false"}
    yield from ({"name": name, "value": value} for name, value in shape.env)


def read_image_variables() -> dict[str, str]:
    """Return the variables that the target ``operator`` of the Dockerfile sets, without PATH."""
    text = DOCKERFILE.read_text()
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL))
    found: dict[str, str] = {}
    for stage in ("common", "operator"):
        for words in re.findall(r"^ENV ((?:.*\\\n)*.*)$", stages[stage], re.MULTILINE):
            found |= dict(word.split("=", 1) for word in words.replace("\\\n", " ").split())
    del found["PATH"]
    return found


def grant(plane: ControlPlane, version: str) -> None:
    """Make namespace and account, with the rights that this version of the operator grants, and no others."""
    make_namespace(plane.admin, NAMESPACE)
    rules = [
        {"apiGroups": ["nfd.k8s-sigs.io"], "resources": ["nodefeatures"], "verbs": FEATURE_VERBS[version]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    ]
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    metadata = {"metadata": {"name": ACCOUNT}}

    def bind(kind: str) -> Object:
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": ACCOUNT}
        return {**metadata, "roleRef": reference, "subjects": [subject]}

    inside = f"{_RBAC}/namespaces/{NAMESPACE}"
    for collection, body in (
        (_ACCOUNTS, metadata),
        (f"{inside}/roles", {**metadata, "rules": rules}),
        (f"{inside}/rolebindings", bind("Role")),
        (f"{_RBAC}/clusterroles", {**metadata, "rules": [nodes]}),
        (f"{_RBAC}/clusterrolebindings", bind("ClusterRole")),
    ):
        delete(plane.admin, f"{collection}/{ACCOUNT}")
        plane.admin.request("POST", collection, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The DaemonSet on a Node, with the Pod of the original and that of gfd, which took its place."""

    agent: Agent
    daemon_set: Object
    original: Object
    """The original's Pod."""
    environ: Mapping[str, str]
    """What gfd's image and the DaemonSet set in gfd's container, and what Kubernetes sets in each."""

    @property
    def path(self) -> str:
        """The NodeFeature of the Node."""
        return f"{FEATURES}/nvidia-features-for-{self.agent.node}"

    def owner(self, **more: Any) -> Object:
        """Return an owner reference to the DaemonSet."""
        return _refer(self.daemon_set, "apps/v1", "DaemonSet") | more


def deploy(plane: ControlPlane, node: str, shape: Shape) -> Deployed:
    """Apply the DaemonSet, and make its two Pods as its controller does."""
    delete(plane.admin, f"{_SETS}/{NAME}")
    made = plane.admin.request("POST", _SETS, make_daemon_set(shape))
    owner = _refer(made, "apps/v1", "DaemonSet") | {"controller": True, "blockOwnerDeletion": True}
    template = made["spec"]["template"]
    # The real control plane has neither the RuntimeClass nor a kubelet.
    spec = {name: value for name, value in template["spec"].items() if name != "runtimeClassName"}
    pods = []
    for suffix in ("aaaaa", "bbbbb"):
        name = f"{NAME}-{suffix}"
        delete(plane.admin, f"{_PODS}/{name}")
        metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
        pods.append(
            plane.admin.request("POST", _PODS, {"metadata": metadata, "spec": spec | {"nodeName": node}})
        )
    original, own = pods
    file = plane.home / f"{node}.token"
    file.write_text(agents.token(plane, own["metadata"]["name"], namespace=NAMESPACE, account=ACCOUNT))
    kubeconfig = plane.write_kubeconfig(node, token_file=file)
    agent = Agent(
        node=node, pod=own["metadata"]["name"], token_file=file, kubeconfig=kubeconfig,
        api=agents.connect(kubeconfig),
    )  # fmt: skip
    environ = read_image_variables() | _resolve_variables(own)
    environ |= {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(plane.port)}
    return Deployed(agent=agent, daemon_set=made, original=original, environ=environ)


def _refer(item: Object, version: str, kind: str) -> Object:
    metadata = item["metadata"]
    return {"apiVersion": version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}


def _resolve_variables(pod: Object) -> dict[str, str]:
    """Return the variables of the Pod's container, as the kubelet sets them."""
    found = {}
    for each in pod["spec"]["containers"][0]["env"]:
        value: Any = each.get("value", "")
        if "valueFrom" in each:
            value = pod
            for name in each["valueFrom"]["fieldRef"]["fieldPath"].split("."):
                value = value[name]
        found[each["name"]] = value
    return found


def make_original_object(deployed: Deployed) -> Object:
    """Return the NodeFeature that the original writes, with a label that gfd does not write."""
    node = deployed.agent.node
    owners = [
        deployed.owner(controller=True),
        _refer(deployed.original, "v1", "Pod"),
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "NodeFeature",
        "metadata": {
            "name": f"nvidia-features-for-{node}",
            "labels": {"nfd.node.kubernetes.io/node-name": node},
            "ownerReferences": owners,
        },
        "spec": {
            "features": {"attributes": {}, "flags": {}, "instances": {}},
            "labels": {"nvidia.com/gpu.count": "9", "nvidia.com/stale": "true"},
        },
    }
