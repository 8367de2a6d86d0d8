"""Tags of a VM scale set for cluster-autoscaler on Azure, as lines ``key=value`` for ``az tag update``.

Rules, from kubernetes/autoscaler, ``cluster-autoscaler/cloudprovider/azure/azure_template.go`` and its
README:

- Azure allows no ``/`` in the name of a tag. ``_`` stands for it, and ``~2`` stands for ``_``.
- The name of a label is ``k8s.io_cluster-autoscaler_node-template_label_`` and the escaped key; the value
  is the label's. ``…_resources_`` and a resource have a quantity. ``…_taint_`` and the taint's key have
  ``value:effect``.
- In the name of a resource, the autoscaler reads ``~2`` as ``/``, so a resource with ``_`` has no tag.
- The number of ``nvidia.com/gpu`` comes from the VM size unless a tag says otherwise, so a node that offers
  only other devices needs a tag with 0.
- Tags do not matter where the autoscaler runs with labels and taints of the pool, as AKS does.

From Azure's documentation of tags: a name has at most 512 characters, a value 256, and a resource 50 tags.
Names that differ only in case are the same tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.template.formats.labels import list_lines, parse_pairs
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

PREFIX = "k8s.io_cluster-autoscaler_node-template_"
MAX_TAGS = 50


def escape_key(key: str) -> str:
    """Return a key as part of the name of a tag."""
    return key.replace("_", "~2").replace("/", "_")


def unescape_key(name: str) -> str:
    """Return the key of a label from the name of its tag, as the autoscaler reads it."""
    return name.replace("_", "/").replace("~2", "_")


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the tags as lines."""
    tags = {f"{PREFIX}label_{escape_key(key)}": value for key, value in sorted(template.labels.items())}
    tags |= {
        f"{PREFIX}resources_{escape_key(name)}": quantity
        for name, quantity in template.offered.items()
        if "_" not in name
    }
    tags |= {
        f"{PREFIX}taint_{escape_key(taint.key)}": f"{taint.value}:{taint.effect}" for taint in template.taints
    }
    warnings = [
        f"the resource {name} is left out: cluster-autoscaler on Azure cannot read a resource with _"
        for name in template.offered
        if "_" in name
    ]
    warnings += template.explain_repeated_taints()
    if len(tags) > MAX_TAGS:
        warnings.append(
            f"these are {len(tags)} tags, and a VM scale set takes {MAX_TAGS}; choose labels with --label"
        )
    text = "".join(f"{key}={value}\n" for key, value in tags.items())
    return FormattedTemplate(text=text, warnings=tuple(warnings))


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of the tags, from lines ``key=value`` or a mapping; other tags are skipped."""
    if isinstance(document.content, str):
        lines = [(line, text) for line, text in list_lines(document) if text.startswith(PREFIX)]
        tags = parse_pairs(document, lines)
    elif isinstance(document.content, dict):
        given = document.mapping()
        tags = {key: value.text() for key, value in given.items() if key.startswith(PREFIX)}
    else:
        tags = {}
    start = f"{PREFIX}label_"
    labels = {
        unescape_key(key.removeprefix(start)): value for key, value in tags.items() if key.startswith(start)
    }
    return [SavedLabels(labels=labels)] if tags else []
