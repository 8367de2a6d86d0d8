"""The formats of ``gfd template``. To add one, add a module here and an entry to :data:`FORMATS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.template.formats import (
    cluster_api,
    cluster_autoscaler_aws,
    cluster_autoscaler_azure,
    karpenter,
    kubelet,
    kueue,
    labels,
    node,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.tools.template.model import FormattedTemplate, NodeTemplate

FORMATS: Mapping[str, Callable[[NodeTemplate], FormattedTemplate]] = {
    "labels": labels.write,
    "node": node.write,
    "karpenter": karpenter.write,
    "cluster-autoscaler-aws": cluster_autoscaler_aws.write,
    "cluster-autoscaler-azure": cluster_autoscaler_azure.write,
    "cluster-api": cluster_api.write,
    "kubelet": kubelet.write,
    "kueue": kueue.write,
}
"""By the name after ``-o``."""
