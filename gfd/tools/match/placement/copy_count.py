"""How many copies of a pod fit beside the pods before it, and what that depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.text import join_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.placement.bounds import Demand

MAX_NAMED = 3
"""The maximum number of earlier pods in a text."""
COMPANION_FIELDS = "podAffinity, podAntiAffinity, topologySpreadConstraints, hostPort or resourceClaims"
"""The fields by which the nodes of other pods decide on those of a pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCount:
    """How many copies of a pod fit, and what that depends on."""

    at_least: int
    at_most: int
    demand: Demand
    limits: Mapping[str, int]
    """How many copies a node takes by rules such as a host port, by the name of the rule."""
    companions: tuple[Pod, ...]
    """The earlier pods whose nodes decide on those of the copies."""
    rivals: tuple[Pod, ...]
    """The earlier pods that can take what the copies need."""
    is_contested: bool
    """Whether the earlier pods can leave too little for the copies."""
    is_entangled: bool
    """Whether the nodes of other pods, or of the first copies, decide on those of the other copies."""

    @property
    def explanation(self) -> str:
        """What about the earlier pods is not certain; empty if there are none."""
        return _explain(self.companions, self.rivals)


def _explain(companions: Sequence[Pod], rivals: Sequence[Pod]) -> str:
    """Return what about the pods before a pod is not certain; empty if there are none."""
    pods = companions or rivals
    names = join_first([f"{pod.title} ({pod.place})" for pod in pods], MAX_NAMED)
    if companions:
        return f"earlier pods: the nodes of {names} decide, by {COMPANION_FIELDS}"
    return f"earlier pods: {names} may take what the pod needs on the node" if rivals else ""
