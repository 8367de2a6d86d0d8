"""A template of Argo's together with ``templateDefaults``: a strategic merge, as Kubernetes patches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.documents.tree import Node

if TYPE_CHECKING:
    from gfd.documents.tree import Value
    from gfd.tools.match.fields import Part

_KINDS = (
    "container",
    "script",
    "containerSet",
    "resource",
    "data",
    "steps",
    "dag",
    "suspend",
    "http",
    "plugin",
)
"""Members that say what a template does; that stays what it is."""
_KEYS = {"tolerations": "key", "initContainers": "name", "sidecars": "name"}
"""Lists that are merged item by item, and what tells the items apart; any other list is replaced."""


def add_defaults(template: Part, defaults: Part | None) -> Part:
    """Return a template with what ``defaults`` say and it does not."""
    if defaults is None or not isinstance(defaults.value, dict) or not isinstance(template.value, dict):
        return template
    others = {
        name: node for name, node in defaults.value.items() if name in template.value or name not in _KINDS
    }
    return replace(template, value=_merge("", others, template.value))


def _merge(name: str, base: Value, own: Value) -> Value:
    """Return ``own`` over ``base``; what is empty in Go is as absent."""
    if isinstance(base, dict) and isinstance(own, dict):
        merged = {key: _merge_nodes(key, base.get(key), node) for key, node in own.items()}
        return {**base, **merged}
    if name in _KEYS and isinstance(base, tuple) and isinstance(own, tuple):
        found = {_tell(name, node): node for node in base}
        for node in own:
            key = _tell(name, node)
            found[key] = _merge_nodes("", found.get(key), node)
        return tuple(found.values())
    return own or base


def _merge_nodes(name: str, base: Node | None, own: Node) -> Node:
    return Node(line=own.line, value=_merge(name, base.value, own.value)) if base else own


def _tell(name: str, item: Node) -> object:
    """Return what tells an item of a list from the others."""
    key = item.value.get(_KEYS[name]) if isinstance(item.value, dict) else None
    return key.value if key and isinstance(key.value, str) else None
