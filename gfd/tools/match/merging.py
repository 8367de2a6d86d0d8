"""A template of Argo's together with ``templateDefaults``: a strategic merge, as Kubernetes patches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.documents.value import Content, Value
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


def _merge(name: str, base: Content, own: Content) -> Content:
    """Return ``own`` over ``base``; what is empty in Go is as absent."""
    if isinstance(base, dict) and isinstance(own, dict):
        merged = {key: _merge_values(key, base.get(key), value) for key, value in own.items()}
        return {**base, **merged}
    if name in _KEYS and isinstance(base, tuple) and isinstance(own, tuple):
        found = {_tell(name, item): item for item in base}
        for item in own:
            key = _tell(name, item)
            found[key] = _merge_values("", found.get(key), item)
        return tuple(found.values())
    return own or base


def _merge_values(name: str, base: Value | None, own: Value) -> Value:
    return own._replace(content=_merge(name, base.content, own.content)) if base else own


def _tell(name: str, item: Value) -> object:
    """Return what tells an item of a list from the others."""
    key = item.content.get(_KEYS[name]) if isinstance(item.content, dict) else None
    return key.content if key and isinstance(key.content, str) else None
