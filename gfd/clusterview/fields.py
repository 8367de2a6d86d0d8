"""Read fields of Kubernetes objects that may have any shape."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

_KINDS: Mapping[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    int: "a whole number",
    bool: "true or false",
}


def read_field(item: Any, path: str, kind: type[T]) -> T:
    """Return the field at a path such as ``metadata.labels``, or an empty ``kind`` if it is missing.

    Raises ValueError if the field is of another kind; the text completes "the object …".
    """
    found = item
    for name in _split(path):
        if not isinstance(found, dict):
            raise ValueError(_explain(item, path))  # noqa: TRY004
        found = found.get(name)
        if found is None:
            return kind()
    if not isinstance(found, kind):
        raise ValueError(f"has a field {path} that is not {_KINDS[kind]}")  # noqa: TRY004
    return found


@cache
def _split(path: str) -> list[str]:
    """Return the names in a path. There are a dozen paths, each read for every object of a cluster."""
    return path.split(".")


def _explain(item: Any, path: str) -> str:
    """Return what is wrong with an item that has no field ``path`` because a parent is not a mapping."""
    names: list[str] = []
    for name in _split(path):
        if not isinstance(item, dict):
            break
        item = item[name]
        names.append(name)
    return f"has {'a field ' + '.'.join(names) if names else 'an entry'} that is not a mapping"
