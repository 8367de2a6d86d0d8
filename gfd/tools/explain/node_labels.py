"""Explain the labels of a Node in the cluster, without the raw values of its machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gfd.clusterview.nodes import read_node
from gfd.errors import ApiError, GfdError
from gfd.kube.api_errors import add_advice
from gfd.kube.field_managers import holders
from gfd.kube.objects import OBJECT, OPTIONAL_METADATA
from gfd.kube.paths import NODES
from gfd.labels.syntax import VENDOR
from gfd.text import suggest
from gfd.tools.explain.catalog import explain_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gfd.config.model import LoadedConfig
    from gfd.tools.explain.catalog import LabelCatalog
    from gfd.tools.explain.explanation import Explanation

_NOT_FOUND = 404


def read(loaded: LoadedConfig, name: str, file: Path | None) -> Mapping[str, Any]:
    """Return the metadata of a Node from the cluster, or from kubectl's output. Raises GfdError."""
    if file is not None:
        from gfd.clusterview.kubectl import read_objects

        command = "kubectl get nodes -o json"
        by_name: dict[str, Mapping[str, Any]] = dict(read_objects(file, "Node", command, _read_metadata))
        if name not in by_name:
            raise GfdError(f"{file}: there is no Node {name}{suggest(name, by_name)}")
        return by_name[name]
    from gfd.kube.client import METADATA, share

    try:
        path = f"{NODES}/{quote(name, safe='')}"
        answer = share(loaded.config).request("GET", path, accept=METADATA, schema=OBJECT)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            raise GfdError(f"there is no Node {name}; kubectl get nodes lists them") from error
        raise add_advice(error, "get", "nodes") from error
    return dict(answer["metadata"])


def _read_metadata(item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return name and metadata of a Node in kubectl's output. Raises ValueError."""
    name = read_node(item).name
    OPTIONAL_METADATA(item["metadata"])
    return name, item["metadata"]


def explain(
    catalog: LabelCatalog, name: str, metadata: Mapping[str, Any], keys: Sequence[str]
) -> tuple[Explanation, ...]:
    """Explain ``keys`` of a Node, or all its labels of NVIDIA and gfd if ``keys`` is empty."""
    labels = metadata.get("labels") or {}
    wanted = keys or sorted(key for key in labels if key.startswith(VENDOR) or catalog.find(key))
    return tuple(_explain(catalog, name, metadata, key) for key in wanted)


def _explain(catalog: LabelCatalog, name: str, metadata: Mapping[str, Any], key: str) -> Explanation:
    labels, annotations = (metadata.get(kind) or {} for kind in ("labels", "annotations"))
    # With --as-annotations, gfd publishes some labels as annotations.
    kind = "annotations" if key in annotations and key not in labels else "labels"
    known = [explain_line(line) for line in catalog.find(key)]
    first = known[0] if known else catalog.explain_unknown(key)
    return first._replace(
        key=key,
        value=labels.get(key, annotations.get(key)),
        places=tuple(origin for each in known for origin in each.places),
        parts=tuple({part.name: part for each in known for part in each.parts}.values()),
        holders=holders(metadata, kind).get(key, ()),
        seen_on=f"the annotations of Node {name}" if kind == "annotations" else f"Node {name}",
    )
