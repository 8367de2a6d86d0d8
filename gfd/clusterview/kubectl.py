"""Load nodes and pods from files with the output of kubectl: an object or a List, in JSON or YAML.

The file of the nodes may also hold their ResourceSlices, and ResourceClaims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.bound_pods import add_pods, read_bound_pod
from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.index import index_objects
from gfd.clusterview.dra.json_fields import ClusterDocument, MatchDocument
from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
from gfd.clusterview.dra.node_devices import add_devices
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.dra.snapshot import READERS, make_snapshot, pluralize_kind
from gfd.clusterview.garbage_collector import without_garbage_collector
from gfd.clusterview.json_fields import BoundPodDocument, NodeDocument, PodDocument
from gfd.clusterview.nodes import Node, read_node, read_whole_node
from gfd.clusterview.pods import add_requests, read_pod_request
from gfd.documents.plain import read_plain
from gfd.errors import DocumentError
from gfd.files import read_input
from gfd.kube.paths import DRA_DRIVER
from gfd.text import escape, join_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gfd.clusterview.dra.snapshot import DraSnapshot

T = TypeVar("T")

_SKIPPED: Mapping[str, Callable[[Any], Any]] = dict.fromkeys(READERS, lambda _: None)
"""The kinds of Dynamic Resource Allocation, of which nothing is read."""
_DRA: Mapping[str, Callable[[Any], Any]] = {
    **_SKIPPED,
    "ResourceSlice": read_slice,
    "ResourceClaim": read_claim,
}
"""How to read the other kinds of objects in a file of nodes; only slices and claims tell its devices."""
_NODES, _PODS = "kubectl get nodes -o json", "kubectl get pods -A -o json"


def read_nodes(nodes: Path, pods: Path | None) -> list[Node]:
    """Return the nodes of a file, sorted by name, with the requests of the pods in another file.

    The nodes have the devices of the ResourceSlices in their file, and the ResourceClaims there that hold
    them. ``-`` is standard input. Raises DocumentError.
    """
    objects = read_objects(nodes, "Node", _NODES, read_node, ClusterDocument, others=_DRA)
    counted = add_requests(
        [each for each in objects if isinstance(each, Node)],
        None if pods is None else read_objects(pods, "Pod", _PODS, read_pod_request, PodDocument),
    )
    slices = [each for each in objects if isinstance(each, ResourceSlice)]
    claims = [each for each in objects if isinstance(each, ResourceClaim)]
    return add_devices(counted, index_objects(DRA_DRIVER, slices, claims))


def read_nodes_and_pods(nodes: Path, pods: Path | None) -> list[Node]:
    """Return the nodes of a file, sorted by name, with every resource and with the pods of another file.

    ``-`` is standard input. Raises DocumentError.
    """
    found = read_objects(nodes, "Node", _NODES, read_whole_node, NodeDocument, others=_SKIPPED)
    return _add_pods([each for each in found if each], pods)


def read_nodes_and_claims(nodes: Path, pods: Path | None) -> tuple[list[Node], DraSnapshot]:
    """Return the nodes with their pods, and what their file says about Dynamic Resource Allocation.

    Raises DocumentError.
    """
    found: list[Any] = read_objects(nodes, "Node", _NODES, read_whole_node, MatchDocument, others=READERS)
    counted = _add_pods([each for each in found if isinstance(each, Node)], pods)
    return counted, make_snapshot(found, _name_source(nodes))


def _add_pods(nodes: list[Node], pods: Path | None) -> list[Node]:
    if pods is None:
        return add_pods(nodes, None)
    return add_pods(nodes, read_objects(pods, "Pod", _PODS, read_bound_pod, BoundPodDocument))


def read_objects(
    path: Path,
    kind: str,
    command: str,
    convert: Callable[[Any], T],
    fields: Any = None,
    *,
    others: Mapping[str, Callable[[Any], T]] | None = None,
) -> list[T]:
    """Return each object of a file as ``convert`` converts it; ``-`` is standard input.

    ``fields`` is a TypedDict that names the fields of the file that ``convert`` reads; without it, the
    objects have all fields. ``others`` converts objects of other kinds. A converter raises ValueError for a
    malformed object; the text completes "the object …". Raises DocumentError, which names the file and the
    object.
    """
    with without_garbage_collector():
        return _read_objects(path, command, {kind: convert, **(others or {})}, fields)


def _read_objects(
    path: Path, command: str, converters: Mapping[str, Callable[[Any], T]], fields: Any
) -> list[T]:
    source = _name_source(path)
    hint = f"expected the output of {command}"
    try:
        data = read_input(path)
    except OSError as error:
        raise DocumentError(source, 0, f"{error.strerror}; {hint}") from error
    found: list[T] = []
    names: set[tuple[str, str, str]] = set()
    try:
        documents = [each for each in read_plain(data, source, fields) if each is not None]
    except DocumentError as error:
        raise DocumentError(source, error.line, f"{error.reason}; {hint}") from error
    del data  # it may be larger than all that follows
    try:
        for kind, item in _unpack(documents, tuple(converters)):
            found.append(converters[kind](item))
            name = (kind, _read_text(item, "namespace"), _read_text(item, "name"))
            if name in names:
                raise ValueError("is in the file twice")
            if name[2]:
                names.add(name)
    except _WrongKind as error:
        raise DocumentError(source, 1, f"{escape(str(error))}; {hint}") from None
    except ValueError as error:
        what = _read_text(item, "name") or f"number {len(found) + 1}"
        raise DocumentError(source, 0, f"{escape(f'{kind} {what} {error}')}; {hint}") from error
    return found


def _name_source(path: Path) -> str:
    return "standard input" if str(path) == "-" else escape(str(path))


class _WrongKind(Exception):
    """The file holds other objects."""


def _unpack(documents: list[Any], kinds: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object with its kind; an object without a kind is the first one, or that of its list."""
    only = join_words(map(pluralize_kind, kinds), "and")
    if not documents:
        raise _WrongKind("is empty")
    for document in documents:
        found_kind = document.get("kind") if isinstance(document, dict) else None
        if not isinstance(found_kind, str):
            raise _WrongKind("does not hold a Kubernetes object")
        if found_kind in kinds:
            yield found_kind, document
            continue
        listed = found_kind.removesuffix("List")
        if listed and listed not in kinds:
            raise _WrongKind(f"holds a {found_kind}, not {kinds[0]}s")
        items = document.get("items")
        if not isinstance(items, list):
            raise _WrongKind(f"holds a {found_kind} without items")
        for item in items:
            kind = item.get("kind", listed or kinds[0]) if isinstance(item, dict) else None
            if kind not in kinds or (listed and kind != listed):
                raise _WrongKind(f"holds a List with {_describe(item)}; only {only} are read")
            # The items of a list of one kind have no version of their own.
            yield kind, item if kind == "Node" else {"apiVersion": document.get("apiVersion"), **item}


def _describe(item: Any) -> str:
    kind = item.get("kind") if isinstance(item, dict) else None
    return f"a {kind}" if isinstance(kind, str) else "something that is not an object"


def _read_text(item: dict[str, Any], field: str) -> str:
    """Return a field of the metadata of an object; empty if it has none."""
    metadata = item.get("metadata")
    text = metadata.get(field) if isinstance(metadata, dict) else None
    return str(text) if isinstance(text, str | int) else ""
