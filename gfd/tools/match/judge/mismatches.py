"""A reason why a pod does not fit a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.clusterview.nodes import Taint
    from gfd.kube.requirements import Requirement

NODE_NAME, NODE_SELECTOR, NODE_AFFINITY, TAINT, RESOURCE, OS = (
    "nodeName",
    "nodeSelector",
    "nodeAffinity",
    "taint",
    "resource",
    "os",
)
"""Kinds of :class:`Mismatch` that a node alone decides, and its resources."""
HOST_PORT, POD_AFFINITY, POD_ANTI_AFFINITY, TOPOLOGY_SPREAD = (
    "hostPort",
    "podAffinity",
    "podAntiAffinity",
    "topologySpreadConstraints",
)
"""Kinds of :class:`Mismatch` that the pods on the nodes decide."""
CLAIM = "resourceClaims"
"""The kind of :class:`Mismatch` that devices and claims decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One reason why a pod does not fit a node."""

    kind: str
    wanted: str
    """The property that the pod requires."""
    found: str | None
    """The property of the node instead; None if it lacks the label."""
    requirement: Requirement | None = None
    taint: Taint | None = None
    resource: str = ""
