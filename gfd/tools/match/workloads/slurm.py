"""The NodeSet of Slinky, whose pods are nodes of Slurm (slinky.slurm.net)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import compose
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader


def _compose_node(spec: Value) -> Value:
    """Return the PodSpec of a node of Slurm: the template with the containers slurmd and logfile."""
    template = find(spec, "template", "spec")
    own = [found for name in ("slurmd", "logfile") if (found := spec.member(name))]
    others = read_items(template, "containers") if template else []
    containers = [*own, *others] or [compose(spec)]
    return compose(template or spec, template, containers=containers)


def _count(spec: Value) -> int:
    """Return ``replicas``; a NodeSet in the mode DaemonSet has one pod for each node."""
    return 1 if read_text(spec, "scalingMode") == "DaemonSet" else read_number(spec, "replicas")


KINDS: Mapping[tuple[str, str], Reader] = {
    ("slinky.slurm.net", "NodeSet"): Kind(PodSet(spec=_compose_node, count=_count)).read,
}
