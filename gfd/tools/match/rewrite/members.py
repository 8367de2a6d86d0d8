"""Remove members of the mappings of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def drop_members(holder: dict[str, Any], field: str, names: Iterable[str]) -> None:
    """Remove names from a mapping in ``holder``, and the mapping itself if it is empty then."""
    found = holder.get(field)
    if found is None:
        return
    was_empty = not found
    for name in names:
        found.pop(name, None)
    if not found and not was_empty:
        del holder[field]
