"""A ResourceFlavor of Kueue: the labels that tell these nodes from others, and their taints.

Rules, from kubernetes-sigs/kueue, ``apis/kueue/v1beta2/resourceflavor_types.go``:

- ``spec.nodeLabels`` holds at most 8 labels. Kueue adds all of them to the nodeSelector of each pod that it
  admits with this flavor, so a label that a healthy node may lose, such as a count, would keep pods away.
- ``spec.nodeTaints`` holds at most 8 taints; a pod needs tolerations for them.

So without ``--label`` these are printed: the product, the MIG strategy, the sharing strategy, and the
product of each MIG device.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.documents.writer import write as write_yaml
from gfd.tools.template.formats.node import to_plain
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels, read_saved_labels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

MAX_LABELS = MAX_TAINTS = 8
_IDENTITY = re.compile(r"nvidia\.com/(?:gpu\.product|mig\.strategy|gpu\.sharing-strategy|mig-.+\.product)")


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the ResourceFlavor as YAML."""
    wanted = [key for key in sorted(template.labels) if template.is_selected or _IDENTITY.fullmatch(key)]
    labels = {key: template.labels[key] for key in wanted[:MAX_LABELS]}
    taints = template.taints[:MAX_TAINTS]
    spec: dict[str, Any] = {"nodeLabels": labels}
    if taints:
        spec["nodeTaints"] = list(map(to_plain, taints))
    flavor = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ResourceFlavor",
        "metadata": {"name": template.name},
        "spec": spec,
    }
    warnings = []
    if wanted[MAX_LABELS:]:
        names = ", ".join(wanted[MAX_LABELS:])
        warnings.append(
            f"a ResourceFlavor takes {MAX_LABELS} labels: {names} are left out; choose with --label"
        )
    if template.taints[MAX_TAINTS:]:
        names = ", ".join(map(str, template.taints[MAX_TAINTS:]))
        warnings.append(f"a ResourceFlavor takes {MAX_TAINTS} taints: {names} are left out")
    return FormattedTemplate(text=write_yaml(flavor), warnings=tuple(warnings))


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of a ResourceFlavor; none for any other document."""
    return read_saved_labels(document, "ResourceFlavor", "spec", "nodeLabels")
