"""Find what ``gfd cleanup`` removes: labels of this node, of all nodes, or of gpu-feature-discovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.publishing.sinks import SINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gfd.config.model import Config

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One thing that ``gfd cleanup`` removes."""

    target: str
    """Its place, for messages: a path, ``nodes/n1``."""
    remove: Callable[[], bool]
    """Removes it; returns whether it existed. Raises PublishError, or ApiError for a Node condition."""


def find_removals(
    config: Config, sink: str, *, is_everywhere: bool = False, is_original: bool = False
) -> list[Removal]:
    """Return what to remove for one ``--sink``. Raises ApiError if the objects cannot be listed.

    With ``is_everywhere``, search all nodes, else only the node of ``config``. With ``is_original``, return
    only NodeFeatures that belong to a Pod, as those of gpu-feature-discovery do.
    """
    if sink == "nodefeature" and (is_everywhere or is_original):
        nodes = _list_node_features(config, is_everywhere=is_everywhere, is_original=is_original)
    elif sink == "node" and is_everywhere:
        nodes = _list_nodes(config)
    else:
        nodes = iter([config.node_name or ""])
    made = (SINKS[sink](config._replace(node_name=node), lambda _: None) for node in nodes)
    return [Removal(target=each.target, remove=each.withdraw) for each in made]


def find_condition_removals(config: Config, *, is_everywhere: bool = False) -> list[Removal]:
    """Return the Node conditions to remove: of the node of ``config``, or of all nodes.

    Raises ApiError if the Nodes cannot be listed; the removal raises ApiError, too.
    """
    from gfd.kube.client import share
    from gfd.kube.paths import NODES
    from gfd.publishing.node_condition import NodeConditionClient, is_held

    nodes = (
        [str(each["name"]) for each in _list_metadata(config, NODES) if is_held(each)]
        if is_everywhere
        else [config.node_name or ""]
    )
    clients = (NodeConditionClient(share(config), node) for node in nodes)
    return [Removal(target=each.target, remove=each.withdraw) for each in clients]


def _list_node_features(config: Config, *, is_everywhere: bool, is_original: bool) -> Iterator[str]:
    """Yield the names of the nodes with a NodeFeature to remove."""
    from gfd.kube.nfd import API_VERSION, NAME_PREFIX, node_features_path

    try:
        found = list(_list_metadata(config, node_features_path(config.namespace)))
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        reason = f"the API server does not know NodeFeature ({API_VERSION}); is NFD in this cluster?"
        raise ApiError(reason, kind=error.kind, status=error.status) from error
    for metadata in found:
        name = str(metadata["name"])
        node = name.removeprefix(NAME_PREFIX)
        owners = {owner["kind"] for owner in metadata.get("ownerReferences") or ()}
        is_selected = (not is_original or "Pod" in owners) and (is_everywhere or node == config.node_name)
        if name.startswith(NAME_PREFIX) and is_selected:
            yield node


def _list_nodes(config: Config) -> Iterator[str]:
    """Yield the names of the Nodes on which gfd holds a label or annotation."""
    from gfd.kube.field_managers import MANAGER, applied_by
    from gfd.kube.paths import NODES
    from gfd.publishing.sinks.node_keys import KINDS

    for metadata in _list_metadata(config, NODES):
        if any(applied_by(metadata, MANAGER, kind) for kind in KINDS):
            yield str(metadata["name"])


def _list_metadata(config: Config, path: str) -> Iterator[dict[str, Any]]:
    from gfd.kube.api_errors import add_advice
    from gfd.kube.client import METADATA_LIST, share
    from gfd.kube.objects import OBJECT

    try:
        for item in share(config).list(path, accept=METADATA_LIST, item=OBJECT):
            yield item["metadata"]
    except ApiError as error:
        raise add_advice(error, "list", path.rpartition("/")[2]) from error
