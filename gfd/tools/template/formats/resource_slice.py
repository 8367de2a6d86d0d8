"""ResourceSlices of NVIDIA's DRA driver, for a cluster without GPUs in which to try ResourceClaims.

:mod:`gfd.clusterview.dra.nvidia_slices` states the rules. ``kubectl create`` takes the text. The scheduler
allocates the devices as soon as there is a Node of the same name (``-o node``) and a DeviceClass. On a real
node the driver replaces the slices by its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.dra.nvidia_slices import find_unknown, make_slices
from gfd.documents.writer import write as write_yaml
from gfd.text import join_words
from gfd.tools.template.model import FormattedTemplate

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate
    from gfd.tools.template.saved_labels import SavedLabels


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the slices as YAML. Raises GfdError for a machine that the driver does not take."""
    if template.inventory is None:
        raise ValueError("a running node has no inventory")
    slices = make_slices(template.inventory, template.name)
    unknown = find_unknown(slices)
    warnings = []
    if not slices:
        warnings.append("the machine has no GPU, so NVIDIA's DRA driver publishes no ResourceSlice")
    if unknown:
        advice = "; add --driver VERSION" if "driverVersion" in unknown else ""
        warnings.append(
            f"the devices have no {join_words(unknown, 'and')}, which the machine does not tell{advice}. "
            "A selector that reads a missing attribute fails"
        )
    return FormattedTemplate(text="---\n".join(map(write_yaml, slices)), warnings=tuple(warnings))


def read(document: Value) -> list[SavedLabels]:
    """Return nothing: ResourceSlices have no labels."""
    del document
    return []
