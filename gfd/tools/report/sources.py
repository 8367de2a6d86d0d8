"""Read the nodes for the page from their source: the cluster, this machine, or snapshots."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, DocumentError, GfdError
from gfd.text import print_error
from gfd.tools.report import node_cards
from gfd.tools.report.node_cards import NodeCard
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gfd.config.model import LoadedConfig
    from gfd.inventory.model import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSource:
    """The nodes to show."""

    title: str
    description: str
    """The origin of the nodes, in a sentence or two."""
    cards: tuple[NodeCard, ...]
    is_cluster: bool = False
    """Whether these are Nodes of a cluster, on which pods can hold devices."""


def find(loaded: LoadedConfig, values: Mapping[str, Any]) -> ReportSource:
    """Return the source that the arguments of ``gfd report`` name. Raises GfdError."""
    snapshots, nodes, is_local = values["snapshots"], values["nodes_file"], values["is_local"]
    _check_arguments(snapshots, nodes, is_local=is_local)
    if snapshots:
        return read_snapshots(loaded, snapshots)
    if is_local or (loaded.config.simulate and nodes is None):
        return read_machine(loaded)
    return read_nodes(loaded, nodes, values["pods_file"])


def read_nodes(loaded: LoadedConfig, nodes: Path | None, pods: Path | None) -> ReportSource:
    """Return the nodes with GPUs of the cluster, or of kubectl's output. Raises GfdError."""
    from gfd.clusterview.dra.node_devices import explain_unclaimed
    from gfd.clusterview.gpus import has_gpus
    from gfd.clusterview.sources import read_nodes

    gathered = read_nodes(loaded, nodes, pods, has_slices=True)
    found = [node for node in gathered if has_gpus(node)]
    source = "Nodes of the cluster." if nodes is None else "Nodes from kubectl output."
    if len(found) < len(gathered):
        source += f" {pluralize(len(gathered) - len(found), 'node')} without GPUs left out."
    if any(node.dra is not None for node in found):
        source += " Devices of ResourceSlices are counted, too."
    if nodes is not None and explain_unclaimed(found):
        source += " No ResourceClaim in the file holds one, so all count as free."
    if not all(node.is_counted for node in gathered):
        source += " The requests of pods are unknown."
    cards = tuple(map(node_cards.make_node_card, found))
    return ReportSource(title="GPUs of this cluster", description=source, cards=cards, is_cluster=True)


def read_machine(loaded: LoadedConfig) -> ReportSource:
    """Return this machine, or a simulated one. Raises GfdError."""
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    config = loaded.config
    inventory = single_run.read_inventory(build_request(config))
    name = config.node_name or config.simulate or platform.node()
    source = "A simulated machine." if config.simulate else "One machine."
    return ReportSource(
        title=f"GPUs of {name}", description=source, cards=(_make_labelled_card(loaded, name, inventory),)
    )


def read_snapshots(loaded: LoadedConfig, paths: tuple[str, ...]) -> ReportSource:
    """Return the nodes of snapshots, named after the files; an unreadable one gets a card with the reason.

    Raises GfdError if no snapshot can be read.
    """
    from pathlib import Path

    from gfd.clusterview.progress import track

    files = [Path(path) for path in paths]
    stems = [path.stem for path in files]
    unread: list[DocumentError] = []
    found = [
        _read_snapshot(loaded, path, path.stem if stems.count(path.stem) == 1 else str(path), unread)
        for path in track(files, "reading snapshots")
    ]
    if len(unread) == len(files):
        raise GfdError("; ".join(map(str, unread)))
    for error in unread:
        print_error(f"warning: {error}")
    title = f"GPUs of {found[0].name}" if len(found) == 1 else f"GPUs of {len(found)} nodes"
    return ReportSource(title=title, description="From snapshots.", cards=tuple(found))


def _read_snapshot(loaded: LoadedConfig, path: Path, name: str, unread: list[DocumentError]) -> NodeCard:
    from gfd.inventory import snapshot

    try:
        inventory = snapshot.read_file(path)
    except DocumentError as error:
        unread.append(error)
        return NodeCard(name=name, notes=(f"{error}.",))
    return _make_labelled_card(loaded, name, inventory)


def _make_labelled_card(loaded: LoadedConfig, name: str, inventory: Inventory) -> NodeCard:
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.simulation import make_node
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    try:
        labels = single_run.label(build_request(loaded.config, inventory=inventory)).labels
        node = make_node(loaded.config, name, labels, inventory)
    except GfdError as error:
        print_error(f"warning: {name} has no labels: {error}")
        return node_cards.make_inventory_card(Node(name=name), inventory, notes=(f"No labels: {error}.",))
    return node_cards.make_inventory_card(node, inventory)


def _check_arguments(snapshots: tuple[str, ...], nodes: Path | None, *, is_local: bool) -> None:
    sources = {"SNAPSHOT": bool(snapshots), "--nodes": nodes is not None, "--this-machine": is_local}
    names = [name for name, is_used in sources.items() if is_used]
    if len(names) > 1:
        raise ConfigError(names[-1], COMMAND_LINE, f"{' and '.join(names)} name different nodes; choose one")
