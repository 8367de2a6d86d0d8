"""A v1 Node: for kwok, which plays its kubelet, and for ``gfd match --nodes``.

Rules (Kubernetes API reference, Node v1): taints are in ``spec``, resources in ``status`` as quantities.
kube-scheduler reads only ``allocatable``; a node without ``pods`` there takes no pod, so the kubelet's
default is printed if the number is unknown. The kubelet sets the labels of host name and operating system.
``kubectl create`` takes the ``status`` of a Node.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.cloud_names import INSTANCE_TYPE
from gfd.documents.writer import write as write_yaml
from gfd.labels.syntax import KUBERNETES_KEY, OPERATOR_KEY
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels, read_saved_labels

if TYPE_CHECKING:
    from gfd.clusterview.nodes import Taint
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

_LINUX = {"kubernetes.io/os": "linux"}
"""gfd runs on Linux only."""
_PODS = {"pods": "110"}
"""The default of the kubelet's field ``maxPods``."""


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the Node as YAML."""
    labels = {**template.labels, **_LINUX, "kubernetes.io/hostname": template.name}
    if template.instance_type:
        labels[INSTANCE_TYPE] = template.instance_type
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": template.name, "labels": dict(sorted(labels.items()))},
    }
    if template.taints:
        node["spec"] = {"taints": list(map(to_plain, template.taints))}
    node["status"] = {
        "capacity": dict(sorted({**_PODS, **template.capacity}.items())),
        "allocatable": dict(sorted({**_PODS, **template.allocatable}.items())),
    }
    return FormattedTemplate(text=write_yaml(node))


def to_plain(taint: Taint) -> dict[str, str]:
    """Return a taint as an object of Kubernetes has it."""
    value = {"value": taint.value} if taint.value else {}
    return {"key": taint.key, **value, "effect": taint.effect}


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of a Node without those of the kubelet, the cloud and the GPU operator."""
    return [
        replace(
            each,
            labels={
                key: value
                for key, value in each.labels.items()
                if not KUBERNETES_KEY.fullmatch(key) and not OPERATOR_KEY.fullmatch(key)
            },
        )
        for each in read_saved_labels(document, "Node", "metadata", "labels")
    ]
