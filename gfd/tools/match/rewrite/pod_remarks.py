"""Fields of a PodSpec that stay, but that matter where devices come from claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.tolerations import NO_EXECUTE, NO_SCHEDULE, find_untolerated
from gfd.tools.match.podspec.unjudged import DEFAULT_SCHEDULER
from gfd.tools.match.rewrite.containers import CONTAINERS
from gfd.tools.match.rewrite.plugin_labels import is_plugin_label
from gfd.tools.match.rewrite.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.documents.value import Value
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
_EXTENDED = (
    "works on nodes with DRA without a claim, too, from Kubernetes 1.36 on (DRAExtendedResource); labels "
    "then stay in nodeSelector"
)


def explain_fields(
    value: Value,
    spec: SchedulingSpec,
    resources: Collection[str],
    nodes: Sequence[Node] | None,
    *,
    is_from_server: bool,
) -> Iterator[Remark]:
    """Yield remarks about a PodSpec with these resources; ``nodes`` is None if they are unknown."""
    yield from _explain_topology_keys(value)
    if not resources:
        return
    if GPU in resources:
        yield Remark(line=spec.lines[GPU], subject=f"limit {GPU}", reason=_EXTENDED)
    if spec.node_name and not is_from_server:
        yield Remark(
            line=spec.lines["nodeName"],
            subject=f"nodeName: {escape(spec.node_name)}",
            reason="stays, but the pod would never start: the scheduler allocates the devices, and does not "
            "see the pod",
            step="remove it, and write nodeSelector: {kubernetes.io/hostname: NAME}",
            is_lost=True,
        )
    if name := spec.runtime_class:
        yield Remark(
            line=spec.lines["runtimeClassName"],
            subject=f"runtimeClassName: {escape(name)}",
            reason="stays; NVIDIA's DRA driver needs no RuntimeClass",
            step="remove it if the nodes with DRA do not have this runtime",
        )
    scheduler = read_text(value, "schedulerName") or DEFAULT_SCHEDULER
    if scheduler != DEFAULT_SCHEDULER:
        yield Remark(
            line=value.field("schedulerName").line,
            subject=f"schedulerName: {escape(scheduler)}",
            reason="stays",
            step="make sure that this scheduler allocates ResourceClaims",
        )
    yield from _explain_variables(value)
    yield from _explain_taints(spec, resources, nodes or ())


def explain_no_devices(value: Value) -> Remark:
    """Return the remark about a pod that requests no devices which could become claims."""
    if read_items(value, "resourceClaims"):
        return Remark(
            line=value.field("resourceClaims").line,
            subject="the pod",
            reason="has resourceClaims already, and requests no devices of the device plugin",
        )
    return Remark(
        line=value.line, subject="the pod", reason=f"requests neither {GPU} nor {VENDOR}mig-<profile>"
    )


def _explain_variables(value: Value) -> Iterator[Remark]:
    for container in (each for field in CONTAINERS for each in read_items(value, field)):
        for variable in read_items(container, "env"):
            if variable.field("name").content == _VISIBLE:
                yield Remark(
                    line=variable.line,
                    subject=f"environment variable {_VISIBLE}",
                    reason="stays; with a claim, the DRA driver decides which devices a container sees",
                    step="remove the variable",
                )


def _explain_topology_keys(value: Value) -> Iterator[Remark]:
    """Yield a remark for each topologyKey that is a label of the device plugin."""
    if isinstance(value.content, tuple):
        for item in value.items():
            yield from _explain_topology_keys(item)
    elif isinstance(value.content, dict):
        for name, member in value.mapping().items():
            if name == "topologyKey" and isinstance(member.content, str) and is_plugin_label(member.content):
                yield Remark(
                    line=member.line,
                    subject=f"topologyKey: {member.content}",
                    reason="stays, but no node with DRA has this label",
                    step="name a label that these nodes have",
                    is_lost=True,
                )
            elif isinstance(member.content, tuple | dict):
                yield from _explain_topology_keys(member)


def _explain_taints(
    spec: SchedulingSpec, resources: Collection[str], nodes: Sequence[Node]
) -> Iterator[Remark]:
    """Yield a remark if perhaps only an admission plugin tolerates taints that are named like resources."""
    for resource in resources:
        for node in nodes:
            taints = find_untolerated(node.taints, spec.tolerations, NO_SCHEDULE, NO_EXECUTE)
            if node.dra and any(taint.key == resource for taint in taints):
                yield Remark(
                    line=spec.lines[resource],
                    subject=f"limit {resource}",
                    reason=f"may have brought a toleration of the taint {resource}, which "
                    f"{escape(node.name)} has: the admission plugin ExtendedResourceToleration adds one",
                    step=f"add the toleration {{key: {resource}, operator: Exists}}",
                )
                break
