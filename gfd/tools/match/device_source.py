"""Read what the pods of a run need to know about devices: ResourceSlices, claims and DeviceClasses.

Pods with resourceClaims need all of it. A pod that requests a resource such as ``nvidia.com/gpu`` needs it
only if a DeviceClass gives that resource; otherwise only a device plugin does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview import sources
from gfd.clusterview.dra.node_devices import UNCLAIMED
from gfd.clusterview.dra.snapshot import CLASS, COMMAND
from gfd.text import print_error
from gfd.tools.match.dra.extended_resources import IMPLICIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from gfd.clusterview.dra.snapshot import DraSnapshot
    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig
    from gfd.kube.client import Api
    from gfd.tools.match.dra.objects import ClaimObjects
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_FIRST_MINOR = 36
"""Since Kubernetes 1.36 the feature gate DRAExtendedResource is on by default."""


def read_devices(
    loaded: LoadedConfig,
    specs: Sequence[SchedulingSpec],
    nodes_file: Path | None,
    pods_file: Path | None,
    objects: ClaimObjects,
) -> tuple[list[Node], DeviceState | None]:
    """Return the nodes with their pods, and the devices if pods with ``specs`` may need any.

    ``objects`` are those of the user's files. Raises GfdError.
    """
    sources.check_sources(loaded, nodes_file, pods_file)
    has_claims = any(spec.claims for spec in specs)
    resources = {name for spec in specs for name in spec.domain_requests}
    api = sources.find_cluster(loaded, nodes_file)
    if not has_claims and resources and api is not None:
        from gfd.clusterview.dra.api import read_classes

        resources = _select_given(resources, classes := read_classes(api), objects)
        if not resources:
            nodes = sources.read_nodes_and_pods(loaded)
            _warn(classes, specs, nodes)
            return nodes, None
    if not has_claims and not resources:
        return sources.read_nodes_and_pods(loaded, nodes_file, pods_file), None
    nodes, snapshot = sources.read_nodes_and_claims(
        loaded,
        nodes_file,
        pods_file,
        claims={f"{spec.namespace}/{each.claim_name}" for spec in specs for each in spec.claims},
        templates=_find_templates(specs, objects),
    )
    resources = _select_given(resources, snapshot, objects)
    if snapshot.slices:
        _warn(snapshot, specs, nodes)
    if not has_claims and not resources:
        return nodes, None
    from gfd.tools.match.dra.state import DeviceState  # loads CEL, which few pods need

    if (
        nodes_file is not None
        and snapshot.slices
        and not any(each.allocations for each in snapshot.claims or ())
    ):
        print_error(f"warning: {UNCLAIMED.format(COMMAND)}")
    gate = _find_gate(api, resources)
    return [_drop_zeros(node, resources) for node in nodes], DeviceState(snapshot, objects, gate=gate)


def _find_templates(specs: Iterable[SchedulingSpec], objects: ClaimObjects) -> list[str]:
    """Return the ResourceClaimTemplates that pods name and the user's files do not have."""
    named = {
        f"{spec.namespace}/{each.template_name}"
        for spec in specs
        for each in spec.claims
        if each.template_name
    }
    return sorted(named - objects.templates.keys())


def _drop_zeros(node: Node, resources: Collection[str]) -> Node:
    """Return the node without the amounts 0 that the kubelet keeps after a device plugin has gone."""
    gone = {name for name in resources if node.allocatable.get(name) == 0}
    if not gone:
        return node
    return replace(
        node, allocatable={name: count for name, count in node.allocatable.items() if name not in gone}
    )


def _select_given(resources: Collection[str], snapshot: DraSnapshot, objects: ClaimObjects) -> set[str]:
    """Return the resources that a DeviceClass gives."""
    items = [each.item for each in snapshot.objects if each.kind == CLASS]
    given = {str((item.get("spec") or {}).get("extendedResourceName")) for item in items}
    given |= {f"{IMPLICIT}{item['metadata']['name']}" for item in items}
    for each in objects.classes.values():
        given |= {each.extended_resource, f"{IMPLICIT}{each.name}"}
    return given.intersection(resources)


def _warn(snapshot: DraSnapshot, specs: Iterable[SchedulingSpec], nodes: Iterable[Node]) -> None:
    """Print that DeviceClasses are unknown, if no device plugin offers what a pod requests."""
    why = snapshot.unknown.get(CLASS)
    offered = {name for node in nodes for name, count in node.allocatable.items() if count}
    missing = {name for spec in specs for name in spec.domain_requests} - offered
    if why and missing:
        names = ", ".join(sorted(missing))
        print_error(
            f"warning: whether a DeviceClass gives {names} on nodes without a device plugin is unknown: {why}"
        )


def _find_gate(api: Api | None, resources: Iterable[str]) -> str:
    """Return why it is uncertain that the scheduler makes claims for resources; empty if it is certain.

    The API server keeps the field extendedResourceName only with the feature gate, so only the implicit names
    of DeviceClasses need a look at the version. That of a file is taken as new.
    """
    if api is None or not any(each.startswith(IMPLICIT) for each in resources):
        return ""
    minor = str(api.request("GET", "/version").get("minor") or "").rstrip("+")
    if not minor.isdecimal() or int(minor) >= _FIRST_MINOR:
        return ""
    return (
        f"resources: Kubernetes 1.{minor} gives devices for {IMPLICIT}* only with the feature gate "
        f"DRAExtendedResource, which is on by default since 1.{_FIRST_MINOR}"
    )
