"""Look up fields, keys and indices as cel-go does (``interpreter/attributes.go``)."""

from __future__ import annotations

from typing import Any

from gfd.tools.match.cel.values import ABSENT, DomainMap, Failure, MissingKey, NamedMap, OptionalValue


def look_up(container: Any, key: Any) -> Any:
    """Return a field, a key's value or an element. Raises Failure if it is absent."""
    if isinstance(container, OptionalValue):
        return look_up_optional(container, key)
    found = _find(container, key)
    if found.values:
        return found.values[0]
    if isinstance(container, list):
        raise Failure(f"index out of bounds: {key}")
    if isinstance(container, NamedMap):
        missing = MissingKey(kind=container.kind, domain=container.domain, name=str(key))
        raise Failure(f"no such key: {key}", missing)
    raise Failure(f"no such key: {key}")


def look_up_optional(container: Any, key: Any) -> OptionalValue:
    """Return a field, a key's value or an element; nothing if it, or the optional container, is absent."""
    if isinstance(container, OptionalValue):
        if not container.values:
            return container
        container = container.values[0]
    return _find(container, key)


def _find(container: Any, key: Any) -> OptionalValue:
    if isinstance(container, DomainMap) and key not in container:
        return OptionalValue((NamedMap(container.kind, str(key)),))
    if isinstance(container, dict):
        try:
            return OptionalValue((container[key],)) if key in container else ABSENT
        except TypeError as error:  # a list as the key, for one
            raise Failure("unsupported key type") from error
    if isinstance(container, list):
        if isinstance(key, bool) or not isinstance(key, int | float) or key != int(key):
            raise Failure(f"unsupported index type in list: {key!r}")
        return OptionalValue((container[int(key)],)) if 0 <= key < len(container) else ABSENT
    return ABSENT
