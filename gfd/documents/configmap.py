"""Unwrap a configuration that is still in its ConfigMap, as ``kubectl get -o yaml`` prints it.

Import this module late: it imports PyYAML.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from gfd.documents.reader import read
from gfd.errors import DocumentError

if TYPE_CHECKING:
    from gfd.documents.value import Value

_BLOCK = re.compile(rb".*\|[-+0-9]*\s*(#.*)?")
"""A line with a key whose value is the block of text below it."""


def read_configuration(data: bytes, source: str, wanted: str) -> Value:
    """Return the first document of ``data``; if it is a ConfigMap, the document in its only key.

    ``wanted`` names, for errors, the expected content. Raises DocumentError, also for a ConfigMap without
    exactly one key, and for any other Kubernetes object.
    """
    document = read(data, source)
    if not _is_kubernetes_object(document):
        return document
    inner = _unwrap(document, data, wanted)
    if _is_kubernetes_object(inner):
        raise DocumentError(source, inner.line, "is a ConfigMap that holds another Kubernetes object")
    return inner


def _is_kubernetes_object(document: Value) -> bool:
    """Return whether a document is a Kubernetes object. A configuration is not: it has no kind."""
    content = document.content
    if not isinstance(content, dict) or "kind" not in content:
        return False
    return "apiVersion" in content or content["kind"].content == "ConfigMap"


def _unwrap(config_map: Value, data: bytes, wanted: str) -> Value:
    kind = config_map.field("kind")
    if kind.content != "ConfigMap":
        raise _refuse(kind, _describe(config_map, wanted))
    texts = config_map.member("data")
    if texts is None or not isinstance(texts.content, dict) or not texts.content:
        raise _refuse(kind, f"is a ConfigMap without data; it must hold {wanted}")
    ((key, text), *others) = texts.content.items()
    if others:
        raise _refuse(kind, _suggest_command(config_map, list(texts.content)))
    if not isinstance(text.content, str):
        raise _refuse(text, f"is a ConfigMap whose data.{key} is not a string; it must hold {wanted}")
    # Each line of a block (|) is a line of the file. Any other text is on one line, or folded.
    is_block = _BLOCK.fullmatch(data.splitlines()[text.line - 1]) is not None
    first = text.line
    return read(text.content, config_map.source, lambda line: first + line if is_block else first)


def _refuse(value: Value, reason: str) -> DocumentError:
    return DocumentError(value.source, value.line, reason)


def _describe(document: Value, wanted: str) -> str:
    kind, items = document.field("kind").content, document.field("items").content
    if kind == "List" and isinstance(items, tuple):
        return f"is a Kubernetes List of {len(items)} objects; pass {wanted}, or one ConfigMap that holds it"
    name = kind if isinstance(kind, str) else "object"
    return f"is a Kubernetes {name}; pass {wanted}, or a ConfigMap that holds it"


def _suggest_command(config_map: Value, keys: list[str]) -> str:
    metadata = config_map.member("metadata")
    members = metadata.content if metadata and isinstance(metadata.content, dict) else {}
    texts = {key: value.content for key, value in members.items() if isinstance(value.content, str)}
    # Without quotes, a name such as n or yes is not a string, and the API server would refuse it.
    name = shlex.quote(texts.get("name", "NAME"))
    namespace = f" -n {shlex.quote(texts['namespace'])}" if "namespace" in texts else ""
    template = shlex.quote(f'{{{{index .data "{keys[0]}"}}}}')
    return (
        f"is a ConfigMap with several keys: {', '.join(keys)}; save one of them to a file: "
        f"kubectl get configmap{namespace} {name} -o go-template={template} > FILE"
    )
