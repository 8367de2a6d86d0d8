"""A NodePool of karpenter with the labels, and a NodeOverlay with devices that it does not know.

Rules, from kubernetes-sigs/karpenter, ``pkg/apis/v1/labels.go``,
``pkg/apis/crds/karpenter.sh_nodepools.yaml`` and ``karpenter.sh_nodeoverlays.yaml``,
``pkg/cloudprovider/types.go``:

- ``spec.template.metadata.labels`` holds at most 100 labels; karpenter sets them on the Node. A NodePool
  needs them for pods that select them. ``kubernetes.io/hostname`` and the domain ``karpenter.sh`` are
  refused.
- ``spec.template.spec.requirements`` chooses instance types: ``node.kubernetes.io/instance-type``.
- karpenter takes the number of ``nvidia.com/gpu`` from the instance type and knows no MIG device. A
  NodeOverlay (alpha, feature gate ``NodeOverlay``) replaces amounts of extended resources, but never cpu,
  memory, ephemeral-storage and pods.

``nodeClassRef`` belongs to the cloud, so it is not printed: the text is a patch for a NodePool that has it,
or the beginning of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.cloud_names import INSTANCE_TYPE
from gfd.documents.writer import write as write_yaml
from gfd.labels.syntax import VENDOR
from gfd.tools.template.formats.node import to_plain
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels, read_saved_labels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

MAX_LABELS = 100
_DOMAIN = "karpenter.sh"


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the NodePool, and the NodeOverlay if it is needed, as YAML."""
    labels = {key: value for key, value in sorted(template.labels.items()) if not _is_refused(key)}
    spec: dict[str, Any] = {}
    if template.taints:
        spec["taints"] = list(map(to_plain, template.taints))
    if template.instance_type:
        spec["requirements"] = [_require(INSTANCE_TYPE, template.instance_type)]
    pool_template = {"metadata": {"labels": labels}, **({"spec": spec} if spec else {})}
    pool = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": template.name},
        "spec": {"template": pool_template},
    }
    text = write_yaml(pool)
    if not template.has_whole_gpus:
        text += f"---\n{write_yaml(_make_overlay(template))}"
    warnings = [
        f"{key} is left out: karpenter keeps the domain {_DOMAIN} for itself"
        for key in template.labels
        if _is_refused(key)
    ]
    if len(labels) > MAX_LABELS:
        warnings.append(
            f"these are {len(labels)} labels, and a NodePool takes {MAX_LABELS}; choose labels with --label"
        )
    return FormattedTemplate(text=text, warnings=tuple(warnings))


def _is_refused(key: str) -> bool:
    domain = key.rpartition("/")[0]
    return domain == _DOMAIN or domain.endswith(f".{_DOMAIN}")


def _require(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}


def _make_overlay(template: NodeTemplate) -> dict[str, Any]:
    devices = {name: amount for name, amount in template.offered.items() if name.startswith(VENDOR)}
    return {
        "apiVersion": "karpenter.sh/v1alpha1",
        "kind": "NodeOverlay",
        "metadata": {"name": template.name},
        "spec": {"requirements": [_require(f"{_DOMAIN}/nodepool", template.name)], "capacity": devices},
    }


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of a NodePool; none for any other document."""
    return read_saved_labels(document, "NodePool", "spec", "template", "metadata", "labels")
