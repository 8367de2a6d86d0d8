"""Read one Node of the cluster, or of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gfd.clusterview.nodes import Node, read_node
from gfd.errors import ApiError, GfdError
from gfd.text import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gfd.config.model import Config

_NOT_FOUND = 404


def read_running_node(config: Config, name: str, file: Path | None) -> tuple[Node, Mapping[str, Any]]:
    """Return a Node and its status, from kubectl's output or the cluster. Raises GfdError."""
    if file is not None:
        from gfd.clusterview.kubectl import read_objects

        found = read_objects(file, "Node", "kubectl get nodes -o json", _read_with_status)
        by_name = {node.name: (node, status) for node, status in found}
        if name not in by_name:
            raise GfdError(f"{file}: there is no Node {name}{suggest(name, by_name)}")
        return by_name[name]
    from gfd.kube.api_errors import add_advice
    from gfd.kube.client import share
    from gfd.kube.objects import OBJECT
    from gfd.kube.paths import NODES

    try:
        answer = share(config).request("GET", f"{NODES}/{quote(name, safe='')}", schema=OBJECT)
        return _read_with_status(answer)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            raise GfdError(f"there is no Node {name}; kubectl get nodes lists them") from error
        raise add_advice(error, "get", "nodes") from error
    except ValueError as error:
        raise GfdError(f"Node {name} {error}") from error


def _read_with_status(item: Mapping[str, Any]) -> tuple[Node, Mapping[str, Any]]:
    return read_node(item), item.get("status") or {}
