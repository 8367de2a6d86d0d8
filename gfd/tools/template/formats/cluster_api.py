"""Annotations of a MachineDeployment for cluster-autoscaler with Cluster API, as a patch for kubectl.

Rules, from kubernetes/autoscaler, ``cluster-autoscaler/cloudprovider/clusterapi/clusterapi_utils.go``,
``clusterapi_unstructured.go`` and its README. All keys begin with
``capacity.cluster-autoscaler.kubernetes.io/``:

- ``labels`` holds ``key=value`` with commas between, ``taints`` ``key=value:effect`` likewise. They win
  over the labels of the MachineDeployment. Cluster API itself copies only labels of its own domains to
  Nodes.
- ``gpu-type`` is the name of one resource, not of a GPU, and ``gpu-count`` its amount, a whole number.
  There is no annotation for a second device.
- ``cpu``, ``memory`` and ``ephemeral-disk`` are quantities, ``maxPods`` is a whole number. Without cpu and
  memory, here or from the infrastructure provider, the group does not scale from zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.documents.writer import write as write_yaml
from gfd.labels.syntax import VENDOR
from gfd.tools.template.formats.labels import parse_pairs
from gfd.tools.template.model import GPU, FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels, name_owner

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

PREFIX = "capacity.cluster-autoscaler.kubernetes.io/"
_ANNOTATIONS = {
    "cpu": "cpu",
    "memory": "memory",
    "ephemeral-storage": "ephemeral-disk",
    "pods": "maxPods",
}
"""Resource -> annotation."""


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the patch as YAML."""
    amounts = template.allocatable
    annotations = {name: amounts[resource] for resource, name in _ANNOTATIONS.items() if resource in amounts}
    device, others = _choose_device(template)
    if device:
        annotations |= {"gpu-type": device, "gpu-count": amounts[device]}
    annotations["labels"] = ",".join(f"{key}={value}" for key, value in sorted(template.labels.items()))
    if template.taints:
        annotations["taints"] = ",".join(map(str, template.taints))
    warnings = [
        f"{name} is left out: the annotations hold one resource, and that is {device}" for name in others
    ]
    missing = [name for name in ("cpu", "memory") if name not in amounts]
    if missing:
        warnings.append(
            f"without {' and '.join(missing)} the group does not scale from zero, unless the infrastructure "
            f"provider reports them; add {' '.join(f'--resource {name}=QUANTITY' for name in missing)}"
        )
    patch = {"metadata": {"annotations": {f"{PREFIX}{name}": text for name, text in annotations.items()}}}
    return FormattedTemplate(text=write_yaml(patch), warnings=tuple(warnings))


def _choose_device(template: NodeTemplate) -> tuple[str, list[str]]:
    """Return the device for the annotation, and the others: whole GPUs first, then the most numerous."""
    devices = [name for name in template.allocatable if name.startswith(VENDOR)]
    devices.sort(key=lambda name: (name != GPU, -int(template.allocatable[name]), name))
    return (devices[0], devices[1:]) if devices else ("", [])


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of the annotations, from an object, a patch, or the annotations alone."""
    metadata = document.member("metadata")
    annotations = (metadata.member("annotations") if metadata else None) or document
    found = annotations.member(f"{PREFIX}labels")
    if found is None:
        return []
    labels = parse_pairs(found, [(found.line, pair) for pair in found.text().split(",") if pair])
    return [SavedLabels(owner=name_owner(document), labels=labels)]
