"""A configuration that is still in its ConfigMap, as ``kubectl get -o yaml`` prints it and as it is posted.

Import this module late: it imports PyYAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.documents.tree import TreeError, compose

if TYPE_CHECKING:
    from gfd.documents.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """The text that a ConfigMap holds."""

    text: str
    """Led by empty lines, so that a line of a block (``|``) has the number that it has in the file."""
    last_line: int
    """What else is counted is somewhere up to this line of the file."""


def is_kubernetes_object(tree: Node) -> bool:
    """Return whether a document is an object of Kubernetes; no configuration has a kind."""
    members = tree.value
    if not isinstance(members, dict) or "kind" not in members:
        return False
    return "apiVersion" in members or members["kind"].value == "ConfigMap"


def unwrap(data: bytes, tree: Node, wanted: str) -> Inner:
    """Return the one text in the ConfigMap ``tree``, which was read from ``data``.

    ``wanted`` says what the text should be. Raises TreeError for a ConfigMap with more or fewer, and for any
    other object.
    """
    members = tree.value
    assert isinstance(members, dict)  # is_kubernetes_object has looked
    kind = members["kind"]
    if kind.value != "ConfigMap":
        raise TreeError(kind.line, _describe(members, wanted))
    texts = members["data"].value if "data" in members else None
    if not isinstance(texts, dict) or not texts:
        raise TreeError(kind.line, f"is a ConfigMap without data; pass {wanted}")
    if len(texts) > 1:
        raise TreeError(kind.line, _offer(members, list(texts), wanted))
    ((key, node),) = texts.items()
    if not isinstance(node.value, str):
        raise TreeError(node.line, f"is a ConfigMap whose data.{key} is no text; pass {wanted}")
    try:
        first, is_block = _place(data, key)
    except StopIteration:  # a merge (<<) brought it in
        first, is_block = node.line, False
    last_line = data.count(b"\n") + 1 if is_block else first
    return Inner(text="\n" * (first if is_block else first - 1) + node.value, last_line=last_line)


def _place(data: bytes, key: str) -> tuple[int, bool]:
    """Return the line at which the text of ``key`` begins, and whether it is a block that keeps its lines."""
    found = compose(data)
    for wanted in ("data", key):
        # Of two equal keys the later counts.
        found = next(value for name, value in reversed(found.value) if name.value == wanted)
    return found.start_mark.line + 1, found.style == "|"


def _describe(members: dict[str, Node], wanted: str) -> str:
    kind, items = members["kind"].value, members.get("items")
    if kind == "List" and items and isinstance(items.value, tuple):
        return f"is a Kubernetes List of {len(items.value)} objects; pass {wanted}, or one ConfigMap with it"
    name = kind if isinstance(kind, str) else "object"
    return f"is a Kubernetes {name}; pass {wanted}, or a ConfigMap with it"


def _offer(members: dict[str, Node], keys: list[str], wanted: str) -> str:
    metadata = members["metadata"].value if "metadata" in members else None
    known = {key: node.value for key, node in metadata.items()} if isinstance(metadata, dict) else {}
    place = f" -n {known['namespace']}" if "namespace" in known else ""
    return (
        f"is a ConfigMap with several keys: {', '.join(keys)}; pass {wanted} of one of them: "
        f"kubectl get configmap{place} {known.get('name', 'NAME')} "
        f"-o go-template='{{{{index .data \"{keys[0]}\"}}}}'"
    )
