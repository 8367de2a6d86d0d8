"""Choose where nodes come from: files, a simulated machine, or the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from gfd.clusterview.dra.snapshot import DraSnapshot
    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig
    from gfd.kube.client import Api
    from gfd.kube.selectors import LabelSelector


def read_nodes(
    loaded: LoadedConfig,
    nodes: Path | None = None,
    pods: Path | None = None,
    *,
    selector: LabelSelector | None = None,
    has_slices: bool = False,
    simulates_slices: bool = False,
) -> list[Node]:
    """Return the nodes that match ``selector``, sorted by name, with NVIDIA's resources. Raises GfdError.

    They come from the files ``nodes`` and ``pods`` if given, else from --simulate if given, else from the
    cluster. ``has_slices`` also reads the devices of NVIDIA's DRA driver from the cluster; a file of nodes
    may hold them anyway. ``simulates_slices`` gives them to simulated machines.
    """
    check_sources(loaded, nodes, pods)
    # Each source imports what the others do not need: the simulation, YAML, or the API client.
    if nodes is not None:
        from gfd.clusterview import kubectl

        found = kubectl.read_nodes(nodes, pods)
    elif loaded.config.simulate:
        from gfd.clusterview.simulation import simulate_nodes

        found = simulate_nodes(loaded, has_slices=simulates_slices)
    else:
        from gfd.clusterview import cluster

        return cluster.read_nodes(cluster.connect(loaded), selector, has_slices=has_slices)
    return [node for node in found if selector is None or selector.matches(node.labels)]


def read_nodes_and_pods(
    loaded: LoadedConfig, nodes: Path | None = None, pods: Path | None = None
) -> list[Node]:
    """Return all nodes, sorted by name, with every resource and their pods, from the same sources.

    Raises GfdError.
    """
    check_sources(loaded, nodes, pods)
    if nodes is not None:
        from gfd.clusterview import kubectl

        return kubectl.read_nodes_and_pods(nodes, pods)
    if loaded.config.simulate:
        from gfd.clusterview.simulation import simulate_nodes

        return simulate_nodes(loaded, has_sizes=True)
    from gfd.clusterview import cluster

    return cluster.read_nodes_and_pods(cluster.connect(loaded))


def read_nodes_and_claims(
    loaded: LoadedConfig,
    nodes: Path | None = None,
    pods: Path | None = None,
    *,
    claims: Collection[str],
    templates: Collection[str],
) -> tuple[list[Node], DraSnapshot]:
    """Return the nodes with their pods, and what decides which devices claims get. Raises GfdError.

    ``claims`` and ``templates`` are those that pods name, as ``namespace/name``.
    """
    check_sources(loaded, nodes, pods)
    if nodes is not None:
        from gfd.clusterview import kubectl

        return kubectl.read_nodes_and_claims(nodes, pods)
    if loaded.config.simulate:
        from gfd.clusterview.simulation import simulate_nodes, simulate_snapshot

        simulated = simulate_nodes(loaded, has_sizes=True)
        return simulated, simulate_snapshot(simulated)
    from gfd.clusterview import cluster
    from gfd.clusterview.dra.api import read_snapshot

    api = cluster.connect(loaded)
    return cluster.read_nodes_and_pods(api), read_snapshot(api, claims=claims, templates=templates)


def find_cluster(loaded: LoadedConfig, nodes: Path | None = None) -> Api | None:
    """Return a client for the cluster; None if the nodes come from a file or from --simulate."""
    if nodes is not None or loaded.config.simulate:
        return None
    from gfd.clusterview import cluster

    return cluster.connect(loaded)


def check_sources(loaded: LoadedConfig, nodes: Path | None, pods: Path | None) -> None:
    """Raise ConfigError for files beside a simulated machine, and for pods without their nodes."""
    flag = "--pods" if nodes is None else "--nodes"
    if loaded.config.simulate and (nodes is not None or pods is not None):
        reason = "cannot be used with --simulate, which makes a node of its own; leave out one of the two"
        raise ConfigError(flag, COMMAND_LINE, reason)
    if nodes is None and pods is not None:
        raise ConfigError("--pods", COMMAND_LINE, "needs --nodes: the nodes that these pods run on")
