"""Find the sink that holds the labels of this node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gfd.errors import ApiError
from gfd.kube.client import METADATA, share
from gfd.kube.field_managers import MANAGER, held_by
from gfd.kube.nfd import node_feature_path
from gfd.kube.paths import NODES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gfd.config.model import Config


def find_current_sink(config: Config) -> str | None:
    """Return the sink that holds labels of this node: ``file``, ``nodefeature``, ``node``, or None.

    A sink that cannot be read counts as empty.
    """
    if config.output_file and Path(config.output_file).is_file():
        return "file"
    if not config.node_name:
        return None
    feature = node_feature_path(config.namespace, config.node_name)
    if _read_metadata(config, feature) is not None:
        return "nodefeature"
    metadata = _read_metadata(config, f"{NODES}/{config.node_name}")
    return "node" if metadata is not None and held_by(metadata, MANAGER) else None


def _read_metadata(config: Config, path: str) -> Mapping[str, Any] | None:
    try:
        answer = share(config).request("GET", path, accept=METADATA)
    except ApiError:
        return None
    metadata: Mapping[str, Any] = answer["metadata"]
    return metadata
