"""The labels that a Node has in the cluster, explained: there is no machine to ask for raw values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gfd.advice.explain.catalogue import describe
from gfd.advice.nodes import NODES, VENDOR, from_object
from gfd.cluster.objects import MANAGED, OBJECT
from gfd.cluster.ownership import holders
from gfd.cluster.refusal import advise
from gfd.errors import ApiError, GfdError
from gfd.frozen import replace
from gfd.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gfd.advice.explain.catalogue import Catalogue
    from gfd.advice.explain.explanation import Explanation
    from gfd.config import Loaded

_NOT_FOUND = 404


def read(loaded: Loaded, name: str, file: Path | None) -> Mapping[str, Any]:
    """Return the metadata of a Node, out of a file that kubectl printed if there is one. Raises GfdError."""
    if file is not None:
        from gfd.advice.printed import read_list

        command = "kubectl get nodes -o json"
        by_name: dict[str, Mapping[str, Any]] = dict(read_list(file, "Node", command, _named_metadata))
        if name not in by_name:
            raise GfdError(f"{file}: there is no Node {name}{did_you_mean(name, by_name)}")
        return by_name[name]
    from gfd.cluster.api import METADATA, share

    try:
        path = f"{NODES}/{quote(name, safe='')}"
        answer = share(loaded.config).request("GET", path, accept=METADATA, shape=OBJECT)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            raise GfdError(f"there is no Node {name}; kubectl get nodes lists them") from error
        raise advise(error, "get", "nodes") from error
    return dict(answer["metadata"])


def _named_metadata(item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return name and metadata of a Node that kubectl printed. Raises ValueError."""
    name = from_object(item).name
    MANAGED(item["metadata"])
    return name, item["metadata"]


def explain(
    catalogue: Catalogue, name: str, metadata: Mapping[str, Any], keys: Sequence[str]
) -> tuple[Explanation, ...]:
    """Return what there is to say of ``keys``, or of all labels of NVIDIA's and of gfd's on a Node."""
    labels = metadata.get("labels") or {}
    wanted = keys or sorted(key for key in labels if key.startswith(VENDOR) or catalogue.find(key))
    return tuple(_explain(catalogue, name, metadata, key) for key in wanted)


def _explain(catalogue: Catalogue, name: str, metadata: Mapping[str, Any], key: str) -> Explanation:
    labels, annotations = (metadata.get(kind) or {} for kind in ("labels", "annotations"))
    # --as-annotations publishes as annotations what would be labels.
    kind = "annotations" if key in annotations and key not in labels else "labels"
    known = [describe(line) for line in catalogue.find(key)]
    first = known[0] if known else catalogue.refuse(key)
    return replace(
        first,
        key=key,
        value=labels.get(key, annotations.get(key)),
        places=tuple(place for each in known for place in each.places),
        parts=tuple({part.name: part for each in known for part in each.parts}.values()),
        holders=holders(metadata, kind).get(key, ()),
        seen_on=f"the annotations of Node {name}" if kind == "annotations" else f"Node {name}",
    )
