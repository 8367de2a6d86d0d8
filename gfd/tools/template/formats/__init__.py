"""The formats of ``gfd template``. To add one, add a module here and an entry to :data:`FORMATS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.text import join_words
from gfd.tools.template.formats import (
    cluster_api,
    cluster_autoscaler_aws,
    cluster_autoscaler_azure,
    karpenter,
    kubelet,
    kueue,
    labels,
    node,
    resource_slice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.documents.value import Value
    from gfd.tools.template.model import FormattedTemplate, NodeTemplate
    from gfd.tools.template.saved_labels import SavedLabels

NAME, RESOURCE, TAINT = "--name", "--resource", "--taint"
LABEL, NODE = "--label", "--node"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFormat:
    """A format, and the flags of what it can hold."""

    write: Callable[[NodeTemplate], FormattedTemplate]
    read: Callable[[Value], list[SavedLabels]]
    """Reads a document of a file back, or a text; returns nothing if it is of another format."""
    flags: tuple[str, ...] = ()
    """Those of :data:`NAME`, :data:`RESOURCE` and :data:`TAINT` that the format uses."""
    has_labels: bool = True
    """Whether the format holds labels; otherwise it has devices, which the labels of a node do not tell."""


FORMATS: Mapping[str, TemplateFormat] = {
    "labels": TemplateFormat(write=labels.write, read=labels.read),
    "node": TemplateFormat(write=node.write, read=node.read, flags=(NAME, RESOURCE, TAINT)),
    "karpenter": TemplateFormat(write=karpenter.write, read=karpenter.read, flags=(NAME, TAINT)),
    "cluster-autoscaler-aws": TemplateFormat(
        write=cluster_autoscaler_aws.write, read=cluster_autoscaler_aws.read, flags=(NAME, RESOURCE, TAINT)
    ),
    "cluster-autoscaler-azure": TemplateFormat(
        write=cluster_autoscaler_azure.write, read=cluster_autoscaler_azure.read, flags=(RESOURCE, TAINT)
    ),
    "cluster-api": TemplateFormat(write=cluster_api.write, read=cluster_api.read, flags=(RESOURCE, TAINT)),
    "kubelet": TemplateFormat(write=kubelet.write, read=kubelet.read, flags=(TAINT,)),
    "kueue": TemplateFormat(write=kueue.write, read=kueue.read, flags=(NAME, TAINT)),
    "resourceslice": TemplateFormat(
        write=resource_slice.write, read=resource_slice.read, flags=(NAME,), has_labels=False
    ),
}
"""By the name after ``-o``."""


def refuse_unused_flags(name: str, given: Mapping[str, object]) -> None:
    """Raise ConfigError for a flag in ``given`` with a value that the format would ignore."""
    if not FORMATS[name].has_labels:
        reasons = {
            LABEL: f"-o {name} has no labels; leave it out",
            NODE: f"-o {name} needs --simulate or --inventory, since labels do not tell the devices",
        }
        for flag, reason in reasons.items():
            if given.get(flag):
                raise ConfigError(flag, COMMAND_LINE, reason)
    for flag, value in given.items():
        if value and flag not in (LABEL, NODE) and flag not in FORMATS[name].flags:
            takers = join_words((each for each, other in FORMATS.items() if flag in other.flags), "and")
            raise ConfigError(flag, COMMAND_LINE, f"-o {name} has no place for it; {takers} have one")
