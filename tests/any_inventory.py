"""Inventories whose fields hypothesis chooses by type."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from gfd.inventory.model import Inventory


def any_inventory() -> st.SearchStrategy[Inventory]:
    """Return inventories that a snapshot can contain; most of them could not come from a read."""
    return st.deferred(lambda: _any(Inventory))


def _any(kind: Any) -> st.SearchStrategy[Any]:
    arguments, make = get_args(kind), kind
    if hasattr(kind, "_fields"):
        defaults = {name: st.just(value) for name, value in kind._field_defaults.items()}
        return st.builds(
            make,
            **{
                name: defaults[name] | _any(hint) if name in defaults else _any(hint)
                for name, hint in get_type_hints(kind).items()
            },
        )
    if arguments and arguments[-1] is Ellipsis:
        return st.lists(_any(arguments[0])).map(tuple)
    if type(None) in arguments:
        return st.one_of(*(_any(each) for each in arguments))
    return st.from_type(kind)
