"""Taking back what was published: here, on all nodes, or what gpu-feature-discovery left behind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gfd.config.options import COMMAND_LINE
from gfd.errors import ApiError, ConfigError, GfdError, PublishError
from gfd.publishing.sinks import SINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gfd.config.load import Config

    Withdrawal = Callable[[], bool]

_NOT_FOUND = 404


def clean_up(config: Config, *, is_everywhere: bool, is_original: bool) -> None:
    """Withdraw and say so, line by line; raise GfdError at the end for what could not be.

    ``is_original`` is about NodeFeature objects that belong to a Pod, as the original's do, and nothing else.
    """
    sinks = ("nodefeature",) if is_original else config.sinks
    if is_everywhere and not {"node", "nodefeature"} & set(sinks):
        reason = "is about --sink node and nodefeature; the other sinks are cleaned up on each node"
        raise ConfigError("--all-nodes", COMMAND_LINE, reason)
    errors = []
    for name in sinks:
        if name == "stdout":
            sys.stdout.write("nothing to withdraw: labels go to standard output\n")
            continue
        try:
            withdrawals = list(_find(config, name, is_everywhere=is_everywhere, is_original=is_original))
        except ApiError as error:
            errors.append(f"--sink {name}: {error}")
            continue
        for target, withdraw in withdrawals:
            try:
                said = "removed" if withdraw() else "was not there"
            except PublishError as error:
                errors.append(str(error))
            else:
                sys.stdout.write(f"{target}: {said}\n")
        if not withdrawals:
            sys.stdout.write(f"--sink {name}: {_nothing(config, name)}\n")
    if errors:
        raise GfdError("; ".join(errors))


def _nothing(config: Config, name: str) -> str:
    if name == "node":
        return "no Node has anything of gfd"
    return f"nothing to withdraw in namespace {config.namespace}; --namespace names another"


def _find(
    config: Config, name: str, *, is_everywhere: bool, is_original: bool
) -> Iterator[tuple[str, Withdrawal]]:
    """Yield what there is to withdraw, and how."""
    if name == "nodefeature" and (is_everywhere or is_original):
        nodes = _find_node_features(config, is_everywhere=is_everywhere, is_original=is_original)
    elif name == "node" and is_everywhere:
        nodes = _find_nodes(config)
    else:
        nodes = iter([config.node_name or ""])
    for node in nodes:
        sink = SINKS[name](config._replace(node_name=node), lambda _: None)
        yield sink.target, sink.withdraw


def _find_node_features(config: Config, *, is_everywhere: bool, is_original: bool) -> Iterator[str]:
    """Yield the nodes that have a NodeFeature to withdraw."""
    from gfd.kube.nfd import API_VERSION, NAME_PREFIX

    try:
        found = list(_list(config, f"/apis/{API_VERSION}/namespaces/{config.namespace}/nodefeatures"))
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        reason = f"the API server does not know NodeFeature ({API_VERSION}): is this the cluster with NFD?"
        raise ApiError(reason, kind=error.kind, status=error.status) from error
    for metadata in found:
        name = str(metadata["name"])
        node = name.removeprefix(NAME_PREFIX)
        owners = {owner["kind"] for owner in metadata.get("ownerReferences") or ()}
        is_meant = (not is_original or "Pod" in owners) and (is_everywhere or node == config.node_name)
        if name.startswith(NAME_PREFIX) and is_meant:
            yield node


def _find_nodes(config: Config) -> Iterator[str]:
    """Yield the Nodes on which gfd holds a key."""
    from gfd.kube.field_managers import MANAGER, applied_by
    from gfd.kube.paths import NODES
    from gfd.publishing.sinks.node import KINDS

    for metadata in _list(config, NODES):
        if any(applied_by(metadata, MANAGER, kind) for kind in KINDS):
            yield str(metadata["name"])


def _list(config: Config, collection: str) -> Iterator[dict[str, Any]]:
    """Yield the metadata of all objects."""
    from gfd.kube.api_errors import add_advice
    from gfd.kube.client import METADATA_LIST, share
    from gfd.kube.objects import OBJECT

    try:
        for item in share(config).list(collection, accept=METADATA_LIST, item=OBJECT):
            yield item["metadata"]
    except ApiError as error:
        raise add_advice(error, "list", collection.rpartition("/")[2]) from error
