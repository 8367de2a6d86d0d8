"""Flags of the kubelet: labels and taints that a Node has from its first second.

Rules, from kubernetes/kubernetes, ``cmd/kubelet/app/options/options.go``, ``pkg/apis/well_known_labels.go``
of k8s.io/kubelet, and ``plugin/pkg/admission/noderestriction/admission.go``:

- ``--node-labels`` holds ``key=value`` with commas between, ``--register-with-taints`` ``key=value:effect``
  likewise.
- The kubelet does not start with a label in the domains ``kubernetes.io`` and ``k8s.io`` or below them, and
  the admission plugin NodeRestriction refuses it, with two exceptions: a dozen labels such as
  ``kubernetes.io/hostname``, and the domains ``kubelet.kubernetes.io`` and ``node.kubernetes.io`` with
  those below them, to which ``feature.node.kubernetes.io`` belongs. NodeRestriction also refuses
  ``node-restriction.kubernetes.io``. ``nvidia.com`` is allowed, and gfd's templates can write no label that
  is refused.
- The kubelet registers taints only when it creates the Node.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.template.formats.labels import list_lines, parse_pairs
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

FLAG = "--node-labels"
_VALUE = re.compile(rf"{FLAG}[= ]\s*['\"]?([^\s'\"]*)")


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return a flag on each line."""
    labels = ",".join(f"{key}={value}" for key, value in sorted(template.labels.items()))
    text = f"{FLAG}={labels}\n"
    if template.taints:
        text += f"--register-with-taints={','.join(map(str, template.taints))}\n"
    return FormattedTemplate(text=text)


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of each flag ``--node-labels`` in a text, such as that of a unit file."""
    if not isinstance(document.content, str):
        return []
    flags = [(line, text) for line, each in list_lines(document) for text in _VALUE.findall(each)]
    pairs = [(line, pair) for line, text in flags for pair in text.split(",") if pair]
    return [SavedLabels(labels=parse_pairs(document, pairs))] if flags else []
