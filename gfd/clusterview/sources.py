"""Choose where nodes come from: files, a simulated machine, or the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig
    from gfd.kube.selectors import LabelSelector


def read_nodes(
    loaded: LoadedConfig,
    nodes: Path | None = None,
    pods: Path | None = None,
    *,
    selector: LabelSelector | None = None,
) -> list[Node]:
    """Return the nodes that match ``selector``, sorted by name, with NVIDIA's resources. Raises GfdError.

    They come from the files ``nodes`` and ``pods`` if given, else from --simulate if given, else from the
    cluster.
    """
    # Each source imports what the others do not need: the simulation, YAML, or the API client.
    if nodes is not None:
        from gfd.clusterview import kubectl

        found = kubectl.read_nodes(nodes, pods)
    else:
        _refuse_pods_alone(pods)
        if not loaded.config.simulate:
            from gfd.clusterview import cluster

            return cluster.read_nodes(cluster.connect(loaded), selector)
        found = _simulate(loaded)
    return [node for node in found if selector is None or selector.matches(node.labels)]


def read_nodes_and_pods(
    loaded: LoadedConfig, nodes: Path | None = None, pods: Path | None = None
) -> list[Node]:
    """Return all nodes, sorted by name, with every resource and their pods, from the same sources.

    Raises GfdError.
    """
    if nodes is not None:
        from gfd.clusterview import kubectl

        return kubectl.read_nodes_and_pods(nodes, pods)
    _refuse_pods_alone(pods)
    if loaded.config.simulate:
        return _simulate(loaded)
    from gfd.clusterview import cluster

    return cluster.read_nodes_and_pods(cluster.connect(loaded))


def _refuse_pods_alone(pods: Path | None) -> None:
    if pods is not None:
        raise ConfigError("--pods", COMMAND_LINE, "needs --nodes: the nodes that these pods run on")


def _simulate(loaded: LoadedConfig) -> list[Node]:
    from gfd.clusterview.simulation import simulate_node

    return [simulate_node(loaded)]
