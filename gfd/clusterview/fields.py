"""Read fields of Kubernetes objects that may have any shape."""

from __future__ import annotations

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
    found, names = item, path.split(".")
    for depth, name in enumerate(names):
        if not isinstance(found, dict):
            field = f"a field {'.'.join(names[:depth])}" if depth else "an entry"
            raise ValueError(f"has {field} that is not a mapping")  # noqa: TRY004
        found = found.get(name)
        if found is None:
            return kind()
    if not isinstance(found, kind):
        raise ValueError(f"has a field {path} that is not {_KINDS[kind]}")  # noqa: TRY004
    return found
