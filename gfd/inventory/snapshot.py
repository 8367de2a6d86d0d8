"""Write inventories as JSON or YAML, and read them back.

A snapshot has the field names of :mod:`gfd.inventory.model` and the schema version. Reading checks every
field and names the wrong one.
"""

from __future__ import annotations

import json
import types
import typing
from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.errors import DocumentError
from gfd.files import read_input
from gfd.inventory.model import SCHEMA, Inventory, is_display_board

if TYPE_CHECKING:
    from pathlib import Path


def to_plain(value: Any, *, with_defaults: bool = False) -> Any:
    """Turn a named tuple into dicts, lists and scalars, without fields at their default."""
    if hasattr(value, "_fields"):
        defaults = value._field_defaults
        return {
            name: to_plain(each, with_defaults=with_defaults)
            for name, each in zip(value._fields, value, strict=True)
            if with_defaults or name == "schema" or name not in defaults or each != defaults[name]
        }
    if isinstance(value, tuple):
        return [to_plain(item, with_defaults=with_defaults) for item in value]
    return value


def to_json(value: Inventory) -> str:
    """Return an inventory as JSON."""
    return json.dumps(to_plain(value), indent=2) + "\n"


def to_yaml(value: Inventory) -> str:
    """Return an inventory as YAML."""
    from gfd.documents.writer import write

    return write(to_plain(value))


def read_file(path: Path) -> Inventory:
    """Read an inventory from a file, or from standard input if the path is ``-``. Raises DocumentError."""
    source = str(path)
    try:
        data = read_input(path)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise DocumentError(source, 0, f"{reason}; take one with gfd snapshot -o {path}") from error
    return parse_inventory(text, source)


def parse_inventory(text: str, source: str) -> Inventory:
    """Parse an inventory in JSON or YAML, without GPUs that only drive a display.

    Raises DocumentError, naming ``source``.
    """
    plain = parse_document(text, source)
    if not isinstance(plain, dict):
        raise DocumentError(
            source, 0, "not a snapshot: expected a mapping of fields; take one with gfd snapshot -o FILE"
        )
    schema = plain.get("schema")
    if schema is None:
        reason = "not a snapshot: it has no schema; take one with gfd snapshot -o FILE"
        raise DocumentError(source, 0, reason)
    if schema != SCHEMA:
        known = f"this version of gfd reads schema {SCHEMA}"
        found = str(schema) if isinstance(schema, int) else _describe(schema)
        reason = f"{found} cannot be read: {known}; take the snapshot again"
        raise DocumentError(source, _find_line(text, "schema"), reason, "schema")
    value = from_plain(Inventory, plain, source)
    assert isinstance(value, Inventory)
    return value._replace(gpus=tuple(gpu for gpu in value.gpus if not is_display_board(gpu.name)))


def parse_document(text: str, source: str) -> Any:
    """Parse JSON or YAML. Raises DocumentError."""
    from gfd.documents.plain import read_plain

    return next(iter(read_plain(text, source)), None)


def from_plain(kind: Any, plain: Any, source: str, path: str = "") -> Any:
    """Return ``plain`` as a value of the type ``kind``: a named tuple, tuple, union or scalar.

    Raises DocumentError with the path of the field that does not fit, such as ``gpus[0].name``.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if plain is None and type(None) in typing.get_args(kind):
            return None
        (kind,) = (option for option in typing.get_args(kind) if option is not type(None))
        return from_plain(kind, plain, source, path)
    if origin is tuple:
        return _tuple(kind, plain, source, path)
    if hasattr(kind, "_fields"):
        return _fields(kind, plain, source, path)
    # To Python a bool is an int, but a file may not use one for the other.
    if type(plain) is not kind:
        raise DocumentError(source, 0, f"expected {_NAMES[kind]}, found {_describe(plain)}", path)
    return plain


def _tuple(kind: Any, plain: Any, source: str, path: str) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise DocumentError(source, 0, f"expected a list, found {_describe(plain)}", path)
    kinds = typing.get_args(kind)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(plain)
    elif len(kinds) != len(plain):
        raise DocumentError(source, 0, f"expected {len(kinds)} items, found {len(plain)}", path)
    return tuple(
        from_plain(item_kind, item, source, f"{path}[{index}]")
        for index, (item_kind, item) in enumerate(zip(kinds, plain, strict=True))
    )


def _fields(kind: Any, plain: Any, source: str, path: str) -> Any:
    if not isinstance(plain, dict):
        raise DocumentError(source, 0, f"expected a mapping of fields, found {_describe(plain)}", path)
    hints = _hints(kind)
    dot = f"{path}." if path else ""
    for name in plain:
        if name not in hints:
            raise DocumentError(source, 0, "no such field in this schema", f"{dot}{name}")
    for name in kind._fields:
        if name not in plain and name not in kind._field_defaults:
            raise DocumentError(source, 0, "missing", f"{dot}{name}")
    return kind(
        **{name: from_plain(hints[name], item, source, f"{dot}{name}") for name, item in plain.items()}
    )


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


_NAMES = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}


def _describe(plain: Any) -> str:
    """Return a short description of a value: with nested anchors, a few lines can become a huge value."""
    if isinstance(plain, dict | list):
        return f"a {'mapping' if isinstance(plain, dict) else 'list'} of {len(plain)}"
    return "nothing" if plain is None else f"{type(plain).__name__} {plain!r}"[:60]


def _find_line(text: str, name: str) -> int:
    """Return the line where a top-level field begins; 0 if it is not found."""
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if line.lstrip(' {"').startswith(name)), 0)
