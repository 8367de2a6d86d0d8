"""Load the state of the cluster that pods are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview import sources
from gfd.tools.match.device_source import read_devices
from gfd.tools.match.dra.objects import ClaimObjects
from gfd.tools.match.judge.cluster_state import ClusterState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.runtime_classes import RuntimeClass
    from gfd.config.model import LoadedConfig
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


def read_runtime_classes(
    loaded: LoadedConfig, specs: Sequence[SchedulingSpec], nodes_file: Path | None = None
) -> list[RuntimeClass] | None:
    """Return the RuntimeClasses of the cluster; None if they are unknown or no pod names one.

    Raises GfdError.
    """
    if not any(spec.runtime_class for spec in specs):
        return None
    api = sources.find_cluster(loaded, nodes_file)
    if api is None:
        return None
    from gfd.clusterview import cluster

    return cluster.read_runtime_classes(api)


def read_state(
    loaded: LoadedConfig,
    specs: Sequence[SchedulingSpec],
    nodes_file: Path | None = None,
    pods_file: Path | None = None,
    claim_objects: ClaimObjects | None = None,
) -> ClusterState:
    """Return the nodes and pods, and of the cluster what else the pods with ``specs`` need.

    ``claim_objects`` are those of the user's files. Raises GfdError.
    """
    nodes, devices = read_devices(loaded, specs, nodes_file, pods_file, claim_objects or ClaimObjects())
    api = sources.find_cluster(loaded, nodes_file)
    if api is None:
        return ClusterState(nodes=nodes, devices=devices)
    from gfd.clusterview.cluster import read_namespaces, read_priority_classes

    needs_namespaces = any(term.needs_namespaces for term in _list_terms(specs, nodes))
    needs_classes = any(spec.priority.value is None for spec in specs)
    return ClusterState(
        nodes=nodes,
        namespaces=read_namespaces(api) if needs_namespaces else None,
        priority_classes=read_priority_classes(api) if needs_classes else None,
        devices=devices,
    )


def _list_terms(specs: Sequence[SchedulingSpec], nodes: Sequence[Node]) -> Iterator[PodAffinityTerm]:
    for spec in specs:
        yield from (*spec.pod_affinity, *spec.pod_anti_affinity)
    for node in nodes:
        for pod in node.pods:
            yield from pod.anti_affinity
