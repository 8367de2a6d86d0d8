"""Merge ``templateDefaults`` into a template of Argo: a strategic merge, as Kubernetes patches objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.documents.value import Content, Value

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
"""Keys that determine what a template runs; defaults for another kind are not merged."""
_ITEM_KEYS = {"tolerations": "key", "initContainers": "name", "sidecars": "name"}
"""Lists that are merged item by item, and the key that identifies an item. Other lists are replaced."""


def add_defaults(template: Value, defaults: Value | None) -> Value:
    """Return a template with the fields of ``defaults`` that it does not set."""
    if defaults is None or not isinstance(defaults.content, dict) or not isinstance(template.content, dict):
        return template
    others = {
        key: value for key, value in defaults.content.items() if key in template.content or key not in _KINDS
    }
    return template._replace(content=_merge("", others, template.content))


def _merge(key: str, base: Content, own: Content) -> Content:
    """Return ``base``, overridden by ``own``; an empty value counts as absent, as in Go."""
    if isinstance(base, dict) and isinstance(own, dict):
        return {**base, **{key: _merge_values(key, base.get(key), value) for key, value in own.items()}}
    if key in _ITEM_KEYS and isinstance(base, tuple) and isinstance(own, tuple):
        merged = {_identify(key, item): item for item in base}
        for item in own:
            name = _identify(key, item)
            merged[name] = _merge_values("", merged.get(name), item)
        return tuple(merged.values())
    return own or base


def _merge_values(key: str, base: Value | None, own: Value) -> Value:
    return own._replace(content=_merge(key, base.content, own.content)) if base else own


def _identify(key: str, item: Value) -> object:
    name = item.member(_ITEM_KEYS[key])
    return name.content if name and isinstance(name.content, str) else None
